// Words by voice, only where the phone itself turns them into text. Most browsers send the
// voice to their maker for it, and nobody else may hear who stands in that kitchen.

import { currentLanguage } from "./words.js";

/**
 * What is used of the Web Speech API with on-device recognition (W3C draft of 2025:
 * `available`, `processLocally`), which the types of browsers don't know yet.
 * @typedef {object} Recognition
 * @property {string} lang
 * @property {boolean} continuous
 * @property {boolean} processLocally
 * @property {(event: RecognitionResult) => void} onresult
 * @property {(event: {error: string}) => void} onerror
 * @property {() => void} onend
 * @property {() => void} start
 * @property {() => void} stop
 * @property {() => void} abort
 */

/**
 * @typedef {object} RecognitionResult
 * @property {number} resultIndex
 * @property {ArrayLike<{isFinal: boolean, 0: {transcript: string}}>} results
 */

/** @returns {any} */
const maker = () => /** @type {any} */ (globalThis).SpeechRecognition;

const spoken = () => (currentLanguage() === "en" ? "en-US" : "zh-CN");

/** Whether this phone can turn what is said into text without sending it anywhere. */
export async function canDictate() {
  try {
    // One that can't say so would send the voice away; one that would first have to load
    // its model would do it over the rider's line.
    const how = await maker()?.available?.({ langs: [spoken()], processLocally: true });
    return how === "available";
  } catch {
    return false;
  }
}

/**
 * Listen until the rider stops; `onText` gets each sentence once it is settled.
 * @param {{onText: (text: string) => void, onEnd: (error: string) => void}} told
 * @returns {{stop: () => void, abort: () => void}}
 */
export function listen({ onText, onEnd }) {
  /** @type {Recognition} */
  const recognition = new (maker())();
  let error = "";
  recognition.lang = spoken();
  recognition.continuous = true;
  recognition.processLocally = true;
  recognition.onresult = ({ resultIndex, results }) => {
    for (let at = resultIndex; at < results.length; at += 1) {
      if (results[at].isFinal) onText(results[at][0].transcript.trim());
    }
  };
  recognition.onerror = (event) => {
    error = event.error;
  };
  recognition.onend = () => onEnd(error);
  recognition.start();
  return { stop: () => recognition.stop(), abort: () => recognition.abort() };
}
