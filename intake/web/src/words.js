// What the app says. Chinese is the source; words.en.json has the English of each text.

import { recall, remember } from "./database.js";
import english from "./words.en.json";

/** @type {Record<string, string>} */
const inEnglish = english;
const CHOICE = "suishoupai-language";
let language = "zh";

/** Choose the language: the person's choice, then what the server or the phone says. */
export function findLanguage() {
  const chosen = remembered() || navigator.language || "zh";
  language = chosen.toLowerCase().startsWith("en") ? "en" : "zh";
  void remember(CHOICE, language);
  document.documentElement.lang = language === "en" ? "en" : "zh-CN";
}

/** Speak the language that the pages last spoke: a service worker sees no page. */
export async function speakAsThePages() {
  language = await recall(CHOICE, "zh");
}

/** @returns {"zh" | "en"} */
export function currentLanguage() {
  return language === "en" ? "en" : "zh";
}

/** @param {"zh" | "en"} chosen */
export function chooseLanguage(chosen) {
  try {
    localStorage.setItem(CHOICE, chosen);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
  language = chosen;
  void remember(CHOICE, chosen);
  document.documentElement.lang = chosen === "en" ? "en" : "zh-CN";
}

function remembered() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
}

/**
 * Say a text in the person's language; `{name}` is filled from the values.
 * @param {string} text
 * @param {Record<string, string | number>} [values]
 */
export function say(text, values = {}) {
  const found = language === "en" ? (inEnglish[text] ?? text) : text;
  return found.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * Say a moment as people do: “今天 11:42”.
 * @param {number} moment_ms
 */
export function sayMoment(moment_ms) {
  const moment = new Date(moment_ms);
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
  const days = Math.round((startOfDay(new Date()) - startOfDay(moment)) / 86_400_000);
  if (days === 0) return say("今天 {time}", { time });
  if (days === 1) return say("昨天 {time}", { time });
  return `${sayDay(moment)} ${time}`;
}

/**
 * Say a day; a date without a time is the day that it names, whatever the phone's zone.
 * @param {Date | string} given
 */
export function sayDay(given) {
  const day = typeof given === "string" ? new Date(`${given}T12:00`) : given;
  const locale = language === "en" ? "en-GB" : "zh-CN";
  return day.toLocaleDateString(locale, { month: "long", day: "numeric" });
}

/**
 * Say how far the phone's clock is off.
 * @param {number} offset_s positive where it is fast
 */
export function sayClock(offset_s) {
  const minutes = Math.round(Math.abs(offset_s) / 60);
  const span =
    minutes < 120
      ? say("{count} 分钟", { count: minutes })
      : minutes < 2880
        ? say("{count} 小时", { count: Math.round(minutes / 60) })
        : say("{count} 天", { count: Math.round(minutes / 1440) });
  return offset_s > 0
    ? say("这部手机的钟快了约 {span}。照样算数：以收到的时间为准。", { span })
    : say("这部手机的钟慢了约 {span}。照样算数：以收到的时间为准。", { span });
}

/** @param {Date} moment */
function startOfDay(moment) {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
}

/** @param {number} number */
function two(number) {
  return String(number).padStart(2, "0");
}
