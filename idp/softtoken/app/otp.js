/**
 * One-time codes: HOTP (RFC 4226) over time, TOTP (RFC 6238), by the browser's own HMAC.
 */

const HASHES = { SHA1: "SHA-1", SHA256: "SHA-256", SHA512: "SHA-512" };

/** @param {number} seconds since the epoch @param {number} period in seconds @returns the time step, RFC 6238 §4.2 */
export const stepAt = (seconds, period) => Math.floor(seconds / period);

/**
 * The code of one time step (RFC 4226 §5.3).
 *
 * @param {Uint8Array} seed
 * @param {number} step
 * @param {{algorithm: "SHA1" | "SHA256" | "SHA512", digits: number}} settings
 * @returns {Promise<string>}
 */
export async function codeFor(seed, step, { algorithm, digits }) {
  const key = await crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: HASHES[algorithm] }, false, ["sign"]);
  const moving = new DataView(new ArrayBuffer(8));
  moving.setBigUint64(0, BigInt(step));
  const mac = new DataView(await crypto.subtle.sign("HMAC", key, moving));
  const offset = mac.getUint8(mac.byteLength - 1) & 0xf;
  const truncated = mac.getUint32(offset) & 0x7fffffff;
  return String(truncated % 10 ** digits).padStart(digits, "0");
}
