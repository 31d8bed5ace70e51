/**
 * Reads pictures away from the page, so that the page stays responsive. In: `{ picture, thorough }`; out: the text or null.
 */

import { decode } from "./decode.js";

self.addEventListener("message", ({ data: { picture, thorough } }) => {
  self.postMessage(decode(picture, { thorough }));
});
