// The consent to use the phone's place: asked apart, in the words that the server would show,
// kept on the phone, and brought to the server for whoever is signed in.

import { recall, remember } from "./database.js";
import { ask, letGo } from "./asking.js";
import { currentLanguage } from "./words.js";

/** @typedef {{version: string, title: Said, paragraphs: Said[]}} Terms */
/** @typedef {{zh: string, en: string}} Said */
/** @typedef {{answer: "yes" | "no", version: string, brought: boolean}} Decision */

const NAME = "place-consent";
/** @type {Terms} */
let terms = { version: "", title: { zh: "", en: "" }, paragraphs: [] };

/** @param {string} json what the shell holds */
export function readTerms(json) {
  terms = { ...terms, ...JSON.parse(json) };
}

/** Return today's words. */
export function consentWords() {
  const language = currentLanguage();
  return { title: terms.title[language], paragraphs: terms.paragraphs.map((each) => each[language]) };
}

/** @returns {Promise<Decision | null>} */
function decision() {
  return recall(NAME, null);
}

/** Whether the person has decided on today's words. */
export async function hasDecided() {
  return (await decision())?.version === terms.version;
}

/** Whether the phone's place may be used: nobody has to agree for ever. */
export async function mayUsePlace() {
  const found = await decision();
  return found?.answer === "yes" && found.version === terms.version;
}

/** @param {"yes" | "no"} answer */
export async function decide(answer) {
  await remember(NAME, { answer, version: terms.version, brought: false });
  // The server may answer when it can: whatever is sent later brings it too.
  void bringConsent().catch(() => {});
}

/**
 * Make the phone and the server agree: what was decided here goes there, and what was
 * withdrawn there since counts here. Asked by a rider who is signed in; for nobody else
 * does the server keep a consent. Raises SendingFailed.
 */
export async function bringConsent() {
  const mine = await decision();
  if (!mine || !(await recall("signed-in", false))) return;
  if (mine.brought) {
    const response = await ask("/api/v1/me/consents", {});
    const { consents = [] } = response.ok ? await response.json() : {};
    const theirs = consents.find((/** @type {{kind: string}} */ { kind }) => kind === "location");
    if (theirs && !theirs.agreed) await remember(NAME, { ...mine, answer: "no" });
    return;
  }
  const agrees = mine.answer === "yes";
  const response = await ask("/api/v1/me/consents/location", {
    method: agrees ? "PUT" : "DELETE",
    ...(agrees && {
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ version: mine.version }),
    }),
  });
  letGo(response);
  if (response.ok) await remember(NAME, { ...mine, brought: true });
}
