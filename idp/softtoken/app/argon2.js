/**
 * Argon2id, version 1.3 (RFC 9106).
 *
 * The memory is one Int32Array; a 64-bit word of the RFC is two of its elements, the low half first. Int32 and not
 * Uint32, because the browser's compiler keeps int32 in registers and turns larger numbers into doubles.
 */

import { blake2b } from "./blake2b.js";

const VERSION = 0x13;
const TYPE_ARGON2ID = 2;
const SLICES = 4; // RFC 9106 §3.4: synchronisation points in each pass
const BLOCK_BYTES = 1024;
const HALVES = 256; // int32 elements in one block of 1024 bytes
const ADDRESSES = 128; // references that one address block yields (§3.4.1.2)
const TWO_TO_MINUS_32 = 2 ** -32;

/**
 * The upper 32 bits of the product of two unsigned 32-bit numbers.
 *
 * The product as a double is wrong by at most 2^11; after taking away the exact lower half and dividing by 2^32 the
 * error is below 2^-20, so rounding gives the exact upper half.
 */
function multiplyHigh(a, b) {
  const product = (a >>> 0) * (b >>> 0);
  return ((product - (Math.imul(a, b) >>> 0)) * TWO_TO_MINUS_32 + 0.5) | 0;
}

/** One round of BLAKE2b whose additions are a + b + 2·lo(a)·lo(b), on four words of `v`: GB of RFC 9106 §3.6. */
function mix(v, a, b, c, d) {
  let aLow = v[a], aHigh = v[a + 1];
  let bLow = v[b], bHigh = v[b + 1];
  let cLow = v[c], cHigh = v[c + 1];
  let dLow = v[d], dHigh = v[d + 1];
  let low, high, sum, swap;

  low = Math.imul(aLow, bLow);
  high = (multiplyHigh(aLow, bLow) << 1) | (low >>> 31);
  sum = (aLow >>> 0) + (bLow >>> 0) + ((low << 1) >>> 0);
  aHigh = (aHigh + bHigh + high + ((sum * TWO_TO_MINUS_32) | 0)) | 0;
  aLow = sum | 0;
  swap = dLow ^ aLow; // d = (d ^ a) >>> 32
  dLow = dHigh ^ aHigh;
  dHigh = swap;

  low = Math.imul(cLow, dLow);
  high = (multiplyHigh(cLow, dLow) << 1) | (low >>> 31);
  sum = (cLow >>> 0) + (dLow >>> 0) + ((low << 1) >>> 0);
  cHigh = (cHigh + dHigh + high + ((sum * TWO_TO_MINUS_32) | 0)) | 0;
  cLow = sum | 0;
  low = bLow ^ cLow; // b = (b ^ c) >>> 24
  high = bHigh ^ cHigh;
  bLow = (low >>> 24) | (high << 8);
  bHigh = (high >>> 24) | (low << 8);

  low = Math.imul(aLow, bLow);
  high = (multiplyHigh(aLow, bLow) << 1) | (low >>> 31);
  sum = (aLow >>> 0) + (bLow >>> 0) + ((low << 1) >>> 0);
  aHigh = (aHigh + bHigh + high + ((sum * TWO_TO_MINUS_32) | 0)) | 0;
  aLow = sum | 0;
  low = dLow ^ aLow; // d = (d ^ a) >>> 16
  high = dHigh ^ aHigh;
  dLow = (low >>> 16) | (high << 16);
  dHigh = (high >>> 16) | (low << 16);

  low = Math.imul(cLow, dLow);
  high = (multiplyHigh(cLow, dLow) << 1) | (low >>> 31);
  sum = (cLow >>> 0) + (dLow >>> 0) + ((low << 1) >>> 0);
  cHigh = (cHigh + dHigh + high + ((sum * TWO_TO_MINUS_32) | 0)) | 0;
  cLow = sum | 0;
  low = bLow ^ cLow; // b = (b ^ c) >>> 63
  high = bHigh ^ cHigh;
  bLow = (low << 1) | (high >>> 31);
  bHigh = (high << 1) | (low >>> 31);

  v[a] = aLow, v[a + 1] = aHigh;
  v[b] = bLow, v[b + 1] = bHigh;
  v[c] = cLow, v[c + 1] = cHigh;
  v[d] = dLow, v[d + 1] = dHigh;
}

/**
 * The permutation P (RFC 9106 §3.6) on eight registers of 16 bytes, `stride` elements apart; a register holds the
 * words v_2i and v_2i+1, so the word after `x` is at `x + 2`.
 */
function permute(v, first, stride) {
  const r0 = first, r1 = r0 + stride, r2 = r1 + stride, r3 = r2 + stride;
  const r4 = r3 + stride, r5 = r4 + stride, r6 = r5 + stride, r7 = r6 + stride;
  mix(v, r0, r2, r4, r6);
  mix(v, r0 + 2, r2 + 2, r4 + 2, r6 + 2);
  mix(v, r1, r3, r5, r7);
  mix(v, r1 + 2, r3 + 2, r5 + 2, r7 + 2);
  mix(v, r0, r2 + 2, r5, r7 + 2);
  mix(v, r0 + 2, r3, r5 + 2, r6);
  mix(v, r1, r3 + 2, r4, r6 + 2);
  mix(v, r1 + 2, r2, r4 + 2, r7);
}

const mixed = new Int32Array(HALVES);
const kept = new Int32Array(HALVES);

/**
 * The compression function G (RFC 9106 §3.5): target = G(x, y), or target ^= G(x, y) from the second pass on (§3.2).
 * All three are offsets of blocks in `memory`.
 */
function compress(memory, x, y, target, keepsOld) {
  for (let i = 0; i < HALVES; i += 1) {
    const word = memory[x + i] ^ memory[y + i];
    mixed[i] = word;
    kept[i] = keepsOld ? word ^ memory[target + i] : word;
  }
  for (let row = 0; row < HALVES; row += 32) permute(mixed, row, 4);
  for (let column = 0; column < 32; column += 4) permute(mixed, column, 32);
  for (let i = 0; i < HALVES; i += 1) memory[target + i] = mixed[i] ^ kept[i];
}

/** @param {...(Uint8Array | number)} parts numbers are written as LE32 */
function join(...parts) {
  const pieces = parts.map((part) =>
    typeof part === "number" ? new Uint8Array([part, part >>> 8, part >>> 16, part >>> 24]) : part);
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** The variable-length hash H' (RFC 9106 §3.3). */
function longHash(input, length) {
  if (length <= 64) return blake2b(join(length, input), length);
  const out = new Uint8Array(length);
  let v = blake2b(join(length, input));
  let at = 0;
  for (; length - at > 64; at += 32) {
    out.set(v.subarray(0, 32), at);
    v = blake2b(v, Math.min(64, length - at - 32));
  }
  out.set(v, at);
  return out;
}

/** Where the references of one segment come from when they must not depend on the password (RFC 9106 §3.4.1.2). */
function addressStream(pass, lane, slice, blocks, passes) {
  const [zero, input, address] = [0, HALVES, 2 * HALVES];
  const scratch = new Int32Array(3 * HALVES);
  [pass, lane, slice, blocks, passes, TYPE_ARGON2ID].forEach((word, i) => (scratch[input + 2 * i] = word));
  return {
    next() {
      scratch[input + 12] += 1;
      compress(scratch, zero, input, address, false);
      compress(scratch, zero, address, address, false);
    },
    /** @returns the offset of J1 in `memory`; J2 follows it */
    offset: (index) => address + 2 * (index % ADDRESSES),
    memory: scratch,
  };
}

/** The block that J1 chooses in its lane: φ of RFC 9106 §3.4.2 over the `area` blocks that may be referenced. */
function referenced(j1, area, start, laneLength) {
  const x = multiplyHigh(j1, j1) >>> 0;
  return (start + area - 1 - (multiplyHigh(area, x) >>> 0)) % laneLength;
}

/** Fills one segment: a quarter of a lane in one pass (RFC 9106 §3.4). */
function fillSegment(memory, { pass, lane, slice, lanes, laneLength, passes }) {
  const segment = laneLength / SLICES;
  const independent = pass === 0 && slice < SLICES / 2;
  const addresses = independent ? addressStream(pass, lane, slice, lanes * laneLength, passes) : null;
  const begin = pass === 0 && slice === 0 ? 2 : 0;
  for (let index = begin; index < segment; index += 1) {
    const column = slice * segment + index;
    const current = (lane * laneLength + column) * HALVES;
    const previous = (lane * laneLength + (column + laneLength - 1) % laneLength) * HALVES;
    if (addresses && (index === begin || index % ADDRESSES === 0)) addresses.next();
    const source = addresses ? addresses.memory : memory;
    const at = addresses ? addresses.offset(index) : previous;
    const j1 = source[at];
    const j2 = source[at + 1] >>> 0;
    const otherLane = pass === 0 && slice === 0 ? lane : j2 % lanes;
    const finished = pass === 0 ? slice * segment : laneLength - segment;
    const area = otherLane === lane ? finished + index - 1 : finished - (index === 0 ? 1 : 0);
    const start = pass === 0 ? 0 : ((slice + 1) % SLICES) * segment;
    const reference = (otherLane * laneLength + referenced(j1, area, start, laneLength)) * HALVES;
    compress(memory, previous, reference, current, pass > 0);
  }
}

/** H0 and the first two blocks of each lane (RFC 9106 §3.2, steps 1, 3 and 4). */
function begin(memory, laneLength, { password, salt, secret, associated, memoryKiB, passes, lanes, length }) {
  const seed = blake2b(join(
    lanes, length, memoryKiB, passes, VERSION, TYPE_ARGON2ID,
    password.length, password, salt.length, salt, secret.length, secret, associated.length, associated,
  ));
  const bytes = new Uint8Array(memory.buffer);
  for (let lane = 0; lane < lanes; lane += 1) {
    for (const column of [0, 1]) {
      bytes.set(longHash(join(seed, column, lane), BLOCK_BYTES), (lane * laneLength + column) * BLOCK_BYTES);
    }
  }
}

/** The tag: H' of the last blocks of all lanes XORed together (RFC 9106 §3.2, steps 7 and 8). */
function finish(memory, laneLength, lanes, length) {
  const last = new Int32Array(HALVES);
  for (let lane = 0; lane < lanes; lane += 1) {
    const block = ((lane + 1) * laneLength - 1) * HALVES;
    for (let i = 0; i < HALVES; i += 1) last[i] ^= memory[block + i];
  }
  return longHash(new Uint8Array(last.buffer), length);
}

/**
 * Argon2id (RFC 9106 §3.2). All memory that held the password's traces is overwritten before it returns.
 *
 * @param {{password: Uint8Array, salt: Uint8Array, memoryKiB: number, passes: number, lanes?: number,
 *   length?: number, secret?: Uint8Array, associated?: Uint8Array}} input
 * @returns {Uint8Array} the tag, `length` bytes
 */
export function argon2id({
  password, salt, memoryKiB, passes, lanes = 1, length = 32,
  secret = new Uint8Array(), associated = new Uint8Array(),
}) {
  const laneLength = SLICES * Math.floor(memoryKiB / (SLICES * lanes));
  const memory = new Int32Array(lanes * laneLength * HALVES);
  begin(memory, laneLength, { password, salt, secret, associated, memoryKiB, passes, lanes, length });
  for (let pass = 0; pass < passes; pass += 1) {
    for (let slice = 0; slice < SLICES; slice += 1) {
      for (let lane = 0; lane < lanes; lane += 1) {
        fillSegment(memory, { pass, lane, slice, lanes, laneLength, passes });
      }
    }
  }
  const tag = finish(memory, laneLength, lanes, length);
  memory.fill(0);
  mixed.fill(0);
  kept.fill(0);
  return tag;
}
