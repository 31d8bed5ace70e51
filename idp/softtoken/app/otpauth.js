/**
 * Reads an activation code: `otpauth://totp/Issuer:account?secret=BASE32&issuer=Issuer&…` (Key Uri Format).
 *
 * Strict, because what is misread here gives codes that the bank refuses, and nobody could say why. What is wrong is
 * told as the key of a text that says what to do.
 */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const SHORTEST_SEED = 16; // RFC 4226 §4, R6: at least 128 bits
const LONGEST_SEED = 128;
const LONGEST_LABEL = 80;

/** An activation code that is refused; `text` is the key of what to tell. */
export class Refused extends Error {
  constructor(text) {
    super(text);
    this.text = text;
  }
}

/** RFC 4648 §6, without padding or with it, in either case. @returns {Uint8Array | null} */
export function base32(text) {
  const digits = text.toUpperCase().replace(/=+$/, "");
  if (!/^[A-Z2-7]+$/.test(digits) || [1, 3, 6].includes(digits.length % 8)) return null;
  const bytes = new Uint8Array((digits.length * 5) >> 3);
  let [bits, value, at] = [0, 0, 0];
  for (const digit of digits) {
    value = ((value << 5) | ALPHABET.indexOf(digit)) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes[at++] = value >> (bits -= 8);
  }
  return value & ((1 << bits) - 1) ? null : bytes; // left-over bits are zero unless a character was lost
}

/** One of the allowed values of a parameter, or the first of them when it is absent. */
function oneOf(parameters, name, allowed) {
  const value = parameters.get(name) ?? allowed[0];
  if (!allowed.includes(value)) throw new Refused("linkUnsupported");
  return value;
}

/** A name that is shown: no line breaks, nothing invisible, nothing that turns the direction of writing. */
function label(text) {
  const name = text.trim();
  if (name.length > LONGEST_LABEL || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) throw new Refused("linkBroken");
  return name;
}

function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new Refused("linkBroken");
  }
}

/** Issuer and account; the issuer may stand before the account, in a parameter, or in both, but then it is the same. */
function names(path, parameters) {
  const whole = decoded(path);
  const colon = whole.indexOf(":");
  const prefix = colon < 0 ? "" : label(whole.slice(0, colon));
  const issuer = label(parameters.get("issuer") ?? prefix);
  if (prefix && prefix !== issuer) throw new Refused("linkBroken");
  const account = label(whole.slice(colon + 1));
  if (!account) throw new Refused("linkBroken");
  return { issuer, account };
}

function seedOf(parameters) {
  const seed = base32(parameters.get("secret") ?? "");
  if (!seed) throw new Refused("linkBroken");
  if (seed.length < SHORTEST_SEED || seed.length > LONGEST_SEED) throw new Refused("linkUnsupported");
  return seed;
}

/**
 * @param {string} text what was scanned or pasted
 * @returns {{seed: Uint8Array, label: {issuer: string, account: string, algorithm: string, digits: number,
 *   period: number}}}
 * @throws {Refused}
 */
export function parse(text) {
  const parts = /^otpauth:\/\/([a-z]+)\/([^?#]*)\?([^#]*)$/i.exec(text.trim());
  if (!parts) throw new Refused("linkForeign");
  const [, type, path, query] = parts;
  if (type.toLowerCase() !== "totp") throw new Refused("linkUnsupported");
  const parameters = new URLSearchParams(query);
  const keys = [...parameters.keys()];
  if (new Set(keys).size !== keys.length) throw new Refused("linkBroken"); // two secrets: which one counts?
  return {
    label: {
      ...names(path, parameters),
      algorithm: oneOf(parameters, "algorithm", ["SHA1", "SHA256", "SHA512"]),
      digits: Number(oneOf(parameters, "digits", ["6", "8"])),
      period: Number(oneOf(parameters, "period", ["30", "60"])),
    },
    seed: seedOf(parameters),
  };
}
