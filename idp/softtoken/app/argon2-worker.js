/**
 * Runs Argon2id away from the page. In: its input; out: the tag. The page ends this worker after one answer.
 */

import { argon2id } from "./argon2.js";

self.addEventListener("message", ({ data: input }) => {
  const tag = argon2id(input);
  input.password.fill(0);
  self.postMessage(tag, [tag.buffer]);
});
