/**
 * Shows screens, messages and tokens. Everything that came from outside is written as text, never as markup.
 */

import { text } from "./language.js";

/** @param {string} id @returns {HTMLElement} */
export const element = (id) => document.getElementById(id);

/** The place that tells a message keeps its key in `data-text`, so that a change of language changes it too. */
function tell(place, key) {
  if (key) place.dataset.text = key;
  else delete place.dataset.text;
  place.textContent = key ? text(key) : "";
}

/** Says what has happened, also to people who hear the page; null takes it away. */
export const announce = (key) => tell(element("status"), key);

/** Says what to correct, next to where it is corrected. */
export const complain = (id, key) => tell(element(id), key);

/** What is said about the code. */
export const remark = (key) => tell(element("code-note"), key);

/** Shows one screen and hides the others; its title takes the focus, so that it is read out. */
export function show(name) {
  for (const screen of document.querySelectorAll("main > section")) screen.hidden = screen.id !== `screen-${name}`;
  for (const message of document.querySelectorAll("[role=alert], [role=status]")) tell(message, null);
  const screen = element(`screen-${name}`);
  (screen.querySelector("form input") ?? screen.querySelector("h1")).focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

export const isShown = (name) => !element(`screen-${name}`).hidden;

/** Nothing can be pressed twice while `act` runs. */
export async function busy(act) {
  const main = document.querySelector("main");
  const rest = (resting) => {
    for (const screen of main.querySelectorAll("section")) screen.inert = resting;
    main.setAttribute("aria-busy", String(resting));
    announce(resting ? "working" : null);
  };
  rest(true);
  try {
    return await act();
  } finally {
    rest(false);
  }
}

/** The names of the token that a code is for. */
export function showChosen({ issuer, account }) {
  for (const place of document.querySelectorAll(".chosen-issuer")) place.textContent = issuer;
  for (const place of document.querySelectorAll(".chosen-account")) place.textContent = account;
}

function tokenItem({ id, label: { issuer, account } }, chosen) {
  const item = document.createElement("li");
  const label = item.appendChild(document.createElement("label"));
  label.className = "token";
  const choice = label.appendChild(document.createElement("input"));
  Object.assign(choice, { type: "radio", name: "token", value: id, checked: chosen });
  const names = label.appendChild(document.createElement("span"));
  names.appendChild(document.createElement("strong")).textContent = issuer || account;
  names.appendChild(document.createElement("span")).textContent = issuer ? account : "";
  return item;
}

/** The list of tokens; with a single one there is nothing to choose. */
export function listTokens(tokens, chosenId) {
  const list = element("tokens");
  list.replaceChildren(...tokens.map((token) => tokenItem(token, token.id === chosenId)));
  list.classList.toggle("single", tokens.length === 1);
}

/** The id of the token that is chosen in the list; NaN while there is none. */
export const chosenId = () => Number(document.querySelector("#tokens input:checked")?.value);

/** Shows a code in two groups; its text is the digits alone, to read and to copy. Null takes it away. */
export function showCode(code) {
  const half = code ? code.length / 2 : 0;
  const groups = code ? [code.slice(0, half), code.slice(half)] : [];
  element("code").replaceChildren(...groups.map((digits) => {
    const group = document.createElement("span");
    group.textContent = digits;
    return group;
  }));
  element("copy").disabled = !code;
}

/** @param {number} seconds that are left @param {number} period of the code */
export function showSeconds(seconds, period) {
  element("seconds").textContent = String(Math.max(0, Math.ceil(seconds)));
  element("ring").setAttribute("stroke-dashoffset", String(100 - Math.max(0, Math.min(1, seconds / period)) * 100));
}
