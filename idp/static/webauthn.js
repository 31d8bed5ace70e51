// Security keys and passkeys: asks the browser for a key and puts its answer into the page's form. What is asked for
// stands in the form, as the server wrote it; what comes back is judged there.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (keys) => (keys ?? []).map((key) => ({ ...key, id: bytes(key.id) }));

const form = document.getElementById("webauth") ?? document.getElementById("register");
const button = form.querySelector("button[data-key]");
const isNew = form.id === "register";
const options = JSON.parse(form.dataset.options);
options.challenge = bytes(options.challenge);
let waiting = null;

// One of the page's own sentences, by the browser's name of the error; the last one stands for all others.
const tell = (name) => {
  const sentences = [...form.querySelectorAll("[data-error]")];
  for (const sentence of sentences) sentence.hidden = true;
  if (!name) return;
  const found = sentences.find((sentence) => sentence.dataset.error.split(" ").includes(name)) ?? sentences.at(-1);
  found.hidden = false;
};

const fill = (values) => {
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value ?? "";
};

const created = (key) => ({
  clientDataJSON: text(key.response.clientDataJSON),
  attestationObject: text(key.response.attestationObject),
  publicKeyCredentialId: text(key.rawId),
  transports: (key.response.getTransports?.() ?? []).join(","),
  authenticatorAttachment: key.authenticatorAttachment,
});

const signed = (key) => ({
  clientDataJSON: text(key.response.clientDataJSON),
  authenticatorData: text(key.response.authenticatorData),
  signature: text(key.response.signature),
  credentialId: text(key.rawId),
  userHandle: key.response.userHandle ? text(key.response.userHandle) : "",
});

// `mediation` is how the browser goes about it: "conditional" offers passkeys in the field of the user name.
const ask = async (mediation) => {
  waiting?.abort();
  waiting = new AbortController();
  tell(null);
  try {
    const key = isNew
      ? await navigator.credentials.create({ publicKey: options, signal: waiting.signal })
      : await navigator.credentials.get({ publicKey: options, signal: waiting.signal, ...(mediation && { mediation }) });
    if (!key) return;
    fill(isNew ? created(key) : signed(key));
    form.submit();
  } catch (error) {
    if (error.name !== "AbortError" && mediation !== "silent") tell(error.name);
  }
};

const begin = async () => {
  if (!window.PublicKeyCredential) {
    tell("NotSupportedError");
    return;
  }
  if (isNew) {
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = named(options.excludeCredentials);
  } else {
    options.allowCredentials = named(options.allowCredentials);
  }
  form.hidden = false;
  button.hidden = false;
  button.addEventListener("click", () => ask(""));
  const { mediation } = form.dataset;
  if (!mediation || mediation === "none") return;
  if (mediation !== "conditional" || (await PublicKeyCredential.isConditionalMediationAvailable?.())) ask(mediation);
};

begin();
