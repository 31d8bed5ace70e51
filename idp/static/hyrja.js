// Comfort only: every page works without this file.
"use strict";

// "Show" beside each password, so that it can be read while it is typed on a phone.
for (const box of document.querySelectorAll(".password")) {
  const input = box.querySelector("input");
  const button = document.createElement("button");
  const reveal = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? box.dataset.hide : box.dataset.show;
    button.setAttribute("aria-label", shown ? box.dataset.hideLabel : box.dataset.showLabel);
  };
  button.type = "button";
  button.className = "reveal";
  button.setAttribute("aria-controls", input.id);
  button.addEventListener("click", () => reveal(input.type === "password"));
  // A browser remembers what was typed into text fields; a password must not be among it.
  input.form.addEventListener("submit", () => reveal(false));
  reveal(false);
  box.classList.add("revealing");
  box.append(button);
}

// A form is sent once: the browser gives up the first answer for the second one, and a page is answered only once, so
// whoever pressed twice would read that it has expired. After ten seconds without an answer they may press again.
for (const form of document.forms) {
  let sent = -Infinity;
  form.addEventListener("submit", (event) => {
    if (performance.now() - sent < 10000) event.preventDefault();
    else sent = performance.now();
  });
  addEventListener("pageshow", () => (sent = -Infinity)); // whoever comes back to the page
}

// The seconds until a code may be sent again, counted down.
const wait = document.getElementById("resend-wait");
if (wait) {
  const [before, after] = wait.textContent.split(wait.dataset.seconds);
  const end = Date.now() + Number(wait.dataset.seconds) * 1000;
  const timer = setInterval(() => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) {
      wait.textContent = before + left + after;
      return;
    }
    clearInterval(timer);
    wait.remove();
    document.getElementById("resend").classList.remove("waiting");
  }, 1000);
}

// After a logout the page goes on by itself once the applications' frames are loaded; one that never loads must not
// keep the person here.
const frames = document.getElementById("logout-frames");
const onward = document.getElementById("info-link");
if (frames && onward && document.querySelector('meta[http-equiv="refresh"]')) {
  setTimeout(() => location.replace(onward.href), 4000);
}
