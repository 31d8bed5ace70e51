/**
 * Reed-Solomon error correction over GF(256) as QR codes use it: polynomial x^8 + x^4 + x^3 + x^2 + 1, first root
 * alpha^0 (ISO/IEC 18004 §7.5.2 and annex B). Polynomials are arrays, the constant term first.
 */

const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = EXP[power + 255] = value;
  LOG[value] = power;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}

const multiply = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);
const divide = (a, b) => (a ? EXP[LOG[a] + 255 - LOG[b]] : 0);
const evaluate = (polynomial, x) => polynomial.reduceRight((sum, term) => multiply(sum, x) ^ term, 0);

/** What the received word gives at each root of the generator: all zero when it is a codeword. */
function syndromesOf(word, count) {
  return Array.from({ length: count }, (_, root) =>
    word.reduce((sum, term) => multiply(sum, EXP[root]) ^ term, 0));
}

/** The error locator polynomial, by Berlekamp and Massey. */
function locatorOf(syndromes) {
  let locator = [1];
  let previous = [1];
  let errors = 0;
  let shift = 1;
  let previousDiscrepancy = 1;
  for (let n = 0; n < syndromes.length; n += 1) {
    let discrepancy = syndromes[n];
    for (let i = 1; i <= errors; i += 1) discrepancy ^= multiply(locator[i] ?? 0, syndromes[n - i]);
    if (discrepancy === 0) {
      shift += 1;
      continue;
    }
    const before = locator;
    const factor = divide(discrepancy, previousDiscrepancy);
    locator = locator.concat(Array(Math.max(0, previous.length + shift - locator.length)).fill(0));
    previous.forEach((term, i) => (locator[i + shift] ^= multiply(factor, term)));
    if (2 * errors > n) {
      shift += 1;
      continue;
    }
    errors = n + 1 - errors;
    previous = before;
    previousDiscrepancy = discrepancy;
    shift = 1;
  }
  return { locator, errors };
}

/** How far from the end of the word the errors are: where the locator has its roots (Chien). */
function distancesFromEnd(locator, length) {
  const distances = [];
  for (let distance = 0; distance < length; distance += 1) {
    if (evaluate(locator, EXP[255 - distance]) === 0) distances.push(distance);
  }
  return distances;
}

/** The error's value at a distance from the end (Forney, for generators whose first root is alpha^0). */
function magnitude(syndromes, locator, distance) {
  const inverse = EXP[255 - distance];
  let numerator = 0;
  for (let degree = syndromes.length - 1; degree >= 0; degree -= 1) {
    let term = 0;
    for (let i = 0; i <= degree && i < locator.length; i += 1) term ^= multiply(locator[i], syndromes[degree - i]);
    numerator = multiply(numerator, inverse) ^ term;
  }
  const derivative = locator.map((term, i) => (i % 2 ? term : 0)).slice(1);
  return multiply(EXP[distance], divide(numerator, evaluate(derivative, inverse)));
}

/**
 * The data of one block with its errors corrected.
 *
 * @param {Uint8Array} block data codewords, then `correction` error correction codewords
 * @returns {Uint8Array | null} null when there are more errors than can be corrected
 */
export function correct(block, correction) {
  const data = () => word.subarray(0, word.length - correction);
  const word = Uint8Array.from(block);
  const syndromes = syndromesOf(word, correction);
  if (syndromes.every((value) => value === 0)) return data();
  const { locator, errors } = locatorOf(syndromes);
  const distances = distancesFromEnd(locator, word.length);
  if (distances.length !== errors || 2 * errors > correction) return null;
  for (const distance of distances) word[word.length - 1 - distance] ^= magnitude(syndromes, locator, distance);
  return syndromesOf(word, correction).every((value) => value === 0) ? data() : null;
}
