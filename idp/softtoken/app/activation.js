/**
 * From an activation code to a token on this device: scan, choose a PIN, keep.
 */

import { Refused, parse } from "./otpauth.js";
import { problemOf } from "./pin.js";
import { readCamera, readFile } from "./scanner.js";
import { addToken, askToPersist } from "./storage.js";
import { lock } from "./vault.js";
import { announce, busy, complain, element, show } from "./views.js";

const PATIENCE_MS = 5 * 60 * 1000; // a seed without a PIN does not stay in memory longer than this

/**
 * @param {{enter: (screen: string) => void, leave: () => void, activated: (id: number) => Promise<void>}} app
 * @returns {{cancel: () => void}} `cancel` forgets an activation that has not ended
 */
export function activation({ enter, leave, activated }) {
  let camera = null;
  let pending = null;

  function openLink(open) {
    element("link-form").hidden = !open;
    element("paste-link").setAttribute("aria-expanded", String(open));
    if (open) element("link").focus();
  }

  function cancel() {
    openLink(false);
    camera?.abort();
    camera = null;
    clearTimeout(pending?.timer);
    pending?.seed.fill(0);
    pending = null;
    for (const id of ["link", "pin", "pin-confirm", "image"]) element(id).value = "";
  }

  function expire() {
    cancel();
    show("welcome");
    complain("activation-error", "activationExpired");
  }

  /** Goes on to the PIN, or says on the first screen why this code cannot be used. */
  function accept(code) {
    try {
      const { seed, label } = parse(code);
      cancel();
      pending = { seed, label, timer: setTimeout(expire, PATIENCE_MS) };
      element("new-issuer").textContent = label.issuer;
      element("new-account").textContent = label.account;
      enter("choose-pin");
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      show("welcome"); // a pasted link stays where it is, to be corrected
      complain("activation-error", error.text);
    }
  }

  async function scan() {
    camera = new AbortController();
    const { signal } = camera;
    enter("camera");
    try {
      const code = await readCamera(element("video"), signal);
      if (code) accept(code);
    } catch {
      if (signal.aborted) return;
      show("welcome");
      complain("activation-error", "cameraRefused");
    }
  }

  async function readImage() {
    const [file] = element("image").files;
    element("image").value = ""; // so that the same file can be chosen again
    if (!file) return;
    complain("activation-error", null);
    announce("reading");
    const code = await readFile(file);
    announce(null);
    if (code) accept(code);
    else complain("activation-error", "imageUnreadable");
  }

  function pinProblem() {
    return problemOf(element("pin").value)
      ?? (element("pin").value === element("pin-confirm").value ? null : "pinDifferent");
  }

  async function savePin() {
    const problem = pinProblem();
    complain("pin-error", problem);
    element("pin").setAttribute("aria-invalid", String(problem !== null));
    if (problem) {
      element(problem === "pinDifferent" ? "pin-confirm" : "pin").focus();
      return;
    }
    const { seed, label } = pending;
    let id;
    try {
      id = await busy(async () => addToken({ label, ...(await lock(seed, element("pin").value)) }));
    } catch {
      complain("pin-error", "storageFailed");
      return;
    }
    cancel();
    await askToPersist();
    await activated(id);
    announce("activated");
  }

  const onSubmit = (form, act) => element(form).addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
  element("scan").addEventListener("click", scan);
  element("choose-image").addEventListener("click", () => element("image").click());
  element("image").addEventListener("change", readImage);
  element("paste-link").addEventListener("click", () => openLink(element("link-form").hidden));
  element("camera-cancel").addEventListener("click", leave);
  element("choose-pin-cancel").addEventListener("click", leave);
  onSubmit("link-form", () => accept(element("link").value));
  onSubmit("choose-pin-form", savePin);
  return { cancel };
}
