/**
 * The phone application: which screen comes when.
 */

import { activation } from "./activation.js";
import { codes } from "./codes.js";
import { speak, translate } from "./language.js";
import { allTokens, isPersistent, removeToken } from "./storage.js";
import { announce, chosenId, element, isShown, listTokens, show, showChosen } from "./views.js";

let tokens = [];

/** Opens a screen inside the application; the phone's back button leaves it again. */
function enter(screen) {
  if (!history.state?.inside) history.pushState({ inside: true }, "");
  show(screen);
}

/** Back to the first screen, through the history, so that "back" never reopens what was left. */
function leave() {
  if (!history.state?.inside) {
    home();
    return;
  }
  history.replaceState(null, ""); // who asks twice leaves once, and not the application
  history.back();
}

/** The first screen: the tokens, or the activation while there are none. */
async function home(id = chosenId()) {
  activating.cancel();
  showing.cancel();
  tokens = await allTokens();
  element("welcome-back").hidden = tokens.length === 0;
  if (tokens.length === 0) {
    show("welcome");
    return;
  }
  const chosen = tokens.find((token) => token.id === id) ?? tokens[0];
  listTokens(tokens, chosen.id);
  element("storage-note").hidden = await isPersistent();
  show("main");
}

const chosen = () => tokens.find((token) => token.id === chosenId());

async function activated(id) {
  if (history.state?.inside) history.replaceState(null, "");
  await home(id);
}

async function remove() {
  element("remove-dialog").close();
  await removeToken(chosen().id);
  await home();
  announce("removed");
}

/** What is secret does not stay on a screen that nobody looks at, nor in the picture the system takes of it. */
function left() {
  if (!document.hidden) return;
  for (const field of document.querySelectorAll("input[type=password]")) field.value = "";
  if (isShown("code") || isShown("enter-pin")) leave();
}

const activating = activation({ enter, leave, activated });
const showing = codes({ enter, leave, chosen });

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language));
}
element("add-token").addEventListener("click", () => enter("welcome"));
element("welcome-back").addEventListener("click", leave);
element("remove-token").addEventListener("click", () => {
  showChosen(chosen().label);
  element("remove-dialog").showModal();
});
element("remove-cancel").addEventListener("click", () => element("remove-dialog").close());
element("remove-confirm").addEventListener("click", remove);
document.addEventListener("visibilitychange", left);
window.addEventListener("popstate", () => home());
window.addEventListener("unhandledrejection", () => announce("unexpected"));

translate();
await home();
await navigator.serviceWorker?.register("sw.js");
