/**
 * One PIN, one code (NIST SP 800-63B-4 §3.1.5.1): the seed exists for the moment in which the code is computed, and
 * the code is taken away when its time is over, when the application is left, or when it is closed.
 *
 * A right and a wrong PIN take the same path here: there is no other.
 */

import { codeFor, stepAt } from "./otp.js";
import { withSeed } from "./vault.js";
import { announce, busy, complain, element, remark, show, showChosen, showCode, showSeconds } from "./views.js";

const TOO_SHORT = 5; // seconds in which nobody can type a code: then it is the next one that is shown, when its time comes
const TICK_MS = 250;

const now = () => Date.now() / 1000;

/**
 * @param {{enter: (screen: string) => void, leave: () => void, chosen: () => object}} app `chosen` is the token
 * @returns {{cancel: () => void}} `cancel` takes the PIN and the code away
 */
export function codes({ enter, leave, chosen }) {
  let token = null;
  let ticking = null;
  let asked = 0; // counts questions, so that an answer that comes after the application was left is dropped

  function cancel() {
    asked += 1;
    clearInterval(ticking);
    element("pin-enter").value = "";
    showCode(null);
    remark(null);
  }

  function ask() {
    token = chosen();
    showChosen(token.label);
    enter("enter-pin");
  }

  /** Shows the code of `step` for as long as it is valid. */
  function present(code, step) {
    const { period } = token.label;
    let ready = false;
    const tick = () => {
      const begins = step * period - now();
      if (begins + period <= 0) {
        cancel();
        leave();
        return;
      }
      showSeconds(begins > 0 ? begins : begins + period, period);
      if (begins > 0 || ready) return;
      ready = true;
      showCode(code);
      remark("codeReady");
    };
    showCode(null);
    show("code");
    remark("codeSoon");
    tick();
    ticking = setInterval(tick, TICK_MS);
  }

  /** The step whose code is worth showing. */
  function usableStep() {
    const { period } = token.label;
    const step = stepAt(now(), period);
    return (step + 1) * period - now() < TOO_SHORT ? step + 1 : step;
  }

  async function submit(event) {
    event.preventDefault();
    const field = element("pin-enter");
    const pin = field.value;
    if (!/^[0-9]{6,12}$/.test(pin)) {
      complain("enter-error", "pinRule");
      field.focus();
      return;
    }
    field.value = "";
    const question = asked;
    const { code, step } = await busy(() => withSeed(token, pin, async (seed) => {
      const usable = usableStep();
      return { step: usable, code: await codeFor(seed, usable, token.label) };
    }));
    if (question === asked) present(code, step);
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(element("code").textContent);
      announce("copied");
    } catch {
      announce("notCopied");
    }
  }

  element("otp").addEventListener("click", ask);
  element("enter-pin-form").addEventListener("submit", submit);
  element("enter-pin-cancel").addEventListener("click", leave);
  element("code-close").addEventListener("click", leave);
  element("copy").addEventListener("click", copy);
  return { cancel };
}
