/**
 * The language the person chose, remembered; Albanian until then.
 */

import { LANGUAGES, TEXTS } from "./texts.js";

const REMEMBERED = "hyrja-token-language";

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null; // a browser that forbids storage still shows the page
  }
}

let language = LANGUAGES.includes(remembered()) ? remembered() : LANGUAGES[0];

/** @param {keyof typeof TEXTS} key */
export const text = (key) => TEXTS[key][language];

/** Writes all texts of the page that have a `data-text` or, for names that are only heard, a `data-label`. */
export function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}

/** @param {string} chosen one of LANGUAGES */
export function speak(chosen) {
  language = chosen;
  try {
    localStorage.setItem(REMEMBERED, chosen);
  } catch {
    // The choice then lasts until the page closes.
  }
  translate();
}
