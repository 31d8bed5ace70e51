/**
 * Keeps a seed under a PIN in such a way that nothing on this device can tell a right PIN from a wrong one.
 *
 *   wrap = HKDF(Argon2id(PIN, salt, m = 19 MiB, t = 2) ‖ HMAC_D(salt)),   kept = seed XOR wrap
 *
 * D is a key of this browser that cannot be exported. There is no tag, no checksum and no hash of the PIN: every PIN
 * opens the vault, a wrong one to a wrong seed of the same length, whose codes look like any others. Only the bank can
 * tell, and the bank counts. Whoever copies the storage without D can try no PIN at all; whoever also has D and a code
 * that was shown can search the PINs, at the price of one Argon2id each.
 *
 * This holds for seeds that are random bytes. A seed made of letters only would betray wrong PINs to someone with D.
 */

export const MEMORY_KIB = 19 * 1024;
export const PASSES = 2;
const SALT_BYTES = 16; // RFC 9106 §3.1
const PURPOSE = new TextEncoder().encode("hyrja token: seed under PIN, 1");

/** Argon2id of the PIN, in a worker of its own whose memory goes with it. @returns {Promise<Uint8Array>} */
function stretch(pin, salt) {
  const worker = new Worker(new URL("./argon2-worker.js", import.meta.url), { type: "module" });
  const password = new TextEncoder().encode(pin);
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = () => reject(new Error("the PIN could not be stretched"));
    worker.postMessage({ password, salt, memoryKiB: MEMORY_KIB, passes: PASSES }, [password.buffer]);
  }).finally(() => worker.terminate());
}

/** What is XORed with the seed. */
async function wrapping(pin, { salt, deviceKey }, length) {
  const stretched = await stretch(pin, salt);
  const bound = new Uint8Array(await crypto.subtle.sign("HMAC", deviceKey, salt));
  const material = new Uint8Array([...stretched, ...bound]);
  const key = await crypto.subtle.importKey("raw", material, "HKDF", false, ["deriveBits"]);
  for (const secret of [stretched, bound, material]) secret.fill(0);
  const parameters = { name: "HKDF", hash: "SHA-256", salt, info: PURPOSE };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 8 * length));
}

/**
 * Wraps a seed; the caller overwrites its own copy.
 *
 * @param {Uint8Array} seed
 * @param {string} pin
 * @returns {Promise<{salt: Uint8Array, kept: Uint8Array, deviceKey: CryptoKey}>} what may be stored
 */
export async function lock(seed, pin) {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const deviceKey = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const wrap = await wrapping(pin, { salt, deviceKey }, seed.length);
  const kept = seed.map((byte, i) => byte ^ wrap[i]);
  wrap.fill(0);
  return { salt, kept, deviceKey };
}

/**
 * Lends the seed that this PIN gives to `use` and overwrites it afterwards.
 *
 * @template T
 * @param {{salt: Uint8Array, kept: Uint8Array, deviceKey: CryptoKey}} locked
 * @param {string} pin
 * @param {(seed: Uint8Array) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withSeed(locked, pin, use) {
  const seed = await wrapping(pin, locked, locked.kept.length);
  locked.kept.forEach((byte, i) => (seed[i] ^= byte));
  try {
    return await use(seed);
  } finally {
    seed.fill(0);
  }
}
