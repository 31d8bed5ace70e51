/**
 * BLAKE2b without a key (RFC 7693).
 *
 * Written with BigInt because it reads like the RFC. It hashes a few kilobytes for each code; the hot loop of
 * Argon2 lives in argon2.js and does not use it.
 */

// RFC 7693 §2.6: the same constants as SHA-512.
const IV = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];

// RFC 7693 §2.7: the message word schedule; rounds 10 and 11 repeat rounds 0 and 1.
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

const BLOCK_BYTES = 128;
const ROUNDS = 12;

/** @param {bigint} word @param {bigint} bits */
const rotateRight = (word, bits) => (word >> bits) | BigInt.asUintN(64, word << (64n - bits));

/** The mixing function G, RFC 7693 §3.1. BigUint64Array reduces each sum modulo 2^64 by itself. */
function mix(v, a, b, c, d, x, y) {
  v[a] = v[a] + v[b] + x;
  v[d] = rotateRight(v[d] ^ v[a], 32n);
  v[c] = v[c] + v[d];
  v[b] = rotateRight(v[b] ^ v[c], 24n);
  v[a] = v[a] + v[b] + y;
  v[d] = rotateRight(v[d] ^ v[a], 16n);
  v[c] = v[c] + v[d];
  v[b] = rotateRight(v[b] ^ v[c], 63n);
}

/** The compression function F, RFC 7693 §3.2. `hashed` counts the bytes up to the end of this block. */
function compress(state, block, hashed, isLast) {
  const view = new DataView(block.buffer, block.byteOffset, BLOCK_BYTES);
  const m = Array.from({ length: 16 }, (_, i) => view.getBigUint64(8 * i, true));
  const v = new BigUint64Array([...state, ...IV]);
  v[12] ^= BigInt(hashed);
  if (isLast) v[14] = ~v[14];
  for (let round = 0; round < ROUNDS; round += 1) {
    const s = SIGMA[round % 10];
    mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
    mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
    mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
    mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
    mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
    mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
    mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
    mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
  }
  for (let i = 0; i < 8; i += 1) state[i] ^= v[i] ^ v[i + 8];
}

/**
 * The digest of `input`, RFC 7693 §3.3.
 *
 * @param {Uint8Array} input
 * @param {number} length of the digest in bytes, 1 to 64
 * @returns {Uint8Array}
 */
export function blake2b(input, length = 64) {
  const state = new BigUint64Array(IV);
  state[0] ^= 0x01010000n ^ BigInt(length);
  const blocks = Math.max(1, Math.ceil(input.length / BLOCK_BYTES));
  for (let i = 0; i < blocks; i += 1) {
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(input.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES));
    const isLast = i === blocks - 1;
    compress(state, block, isLast ? input.length : (i + 1) * BLOCK_BYTES, isLast);
    block.fill(0);
  }
  const digest = new DataView(new ArrayBuffer(64));
  state.forEach((word, i) => digest.setBigUint64(8 * i, word, true));
  return new Uint8Array(digest.buffer).slice(0, length);
}
