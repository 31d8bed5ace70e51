/**
 * From the modules of a QR code to its text: format, mask, codewords, blocks (ISO/IEC 18004 §11).
 *
 * A symbol is `{ version, side, modules }`; `modules[y * side + x]` is 1 where it is dark.
 */

import { correct } from "./reed-solomon.js";
import { textOf } from "./segments.js";
import { LEVELS, blocksOf, reservedModules } from "./tables.js";

// §7.8.2, by the mask's number: the modules that were inverted.
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** §7.9.1 and annex C: five bits, their BCH(15, 5) remainder, and the mask 101010000010010. */
function formatCodeword(format) {
  let remainder = format << 10;
  for (let bit = 14; bit >= 10; bit -= 1) if ((remainder >> bit) & 1) remainder ^= 0x537 << (bit - 10);
  return ((format << 10) | remainder) ^ 0x5412;
}
const FORMATS = Array.from({ length: 32 }, (_, format) => formatCodeword(format));
const FORMAT_ERRORS = 3; // what BCH(15, 5) corrects

const bitCount = (word) => {
  let count = 0;
  for (let rest = word; rest; rest &= rest - 1) count += 1;
  return count;
};

/** The two copies of the format information (§7.9.1, figure 25), most significant bit first. */
function formatCopies({ side, modules }) {
  const word = (places) => places.reduce((bits, [x, y]) => (bits << 1) | modules[y * side + x], 0);
  const upTo = [0, 1, 2, 3, 4, 5, 7];
  return [
    word([...upTo.map((x) => [x, 8]), [8, 8], [8, 7], ...[5, 4, 3, 2, 1, 0].map((y) => [8, y])]),
    word([
      ...[1, 2, 3, 4, 5, 6, 7].map((i) => [8, side - i]),
      ...[8, 7, 6, 5, 4, 3, 2, 1].map((i) => [side - i, 8]),
    ]),
  ];
}

/** @returns {{level: string, mask: number} | null} null when both copies are too damaged */
function formatOf(symbol) {
  let best = { distance: FORMAT_ERRORS + 1, format: 0 };
  for (const copy of formatCopies(symbol)) {
    FORMATS.forEach((codeword, format) => {
      const distance = bitCount(codeword ^ copy);
      if (distance < best.distance) best = { distance, format };
    });
  }
  return best.distance > FORMAT_ERRORS ? null : { level: LEVELS[best.format >> 3], mask: best.format & 7 };
}

/** The codewords in the order of their placement: columns in pairs from the right, up and down (§7.7.3). */
function codewordsOf({ version, side, modules }, mask) {
  const reserved = reservedModules(version);
  const inverted = MASKS[mask];
  const codewords = [];
  let bits = 0;
  let byte = 0;
  let upwards = true;
  for (let right = side - 1; right > 0; right -= 2) {
    if (right === 6) right = 5; // the vertical timing pattern has a column of its own
    for (let step = 0; step < side; step += 1) {
      const y = upwards ? side - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (reserved[y * side + x]) continue;
        byte = (byte << 1) | (modules[y * side + x] ^ (inverted(x, y) ? 1 : 0));
        bits += 1;
        if (bits % 8 === 0) {
          codewords.push(byte);
          byte = 0;
        }
      }
    }
    upwards = !upwards;
  }
  return codewords;
}

/** Undoes the interleaving (§7.6): data codewords go round the blocks, the short blocks end one round earlier. */
function blocksFrom(codewords, { count, correction }) {
  const shortLength = Math.floor(codewords.length / count);
  const shortBlocks = count - (codewords.length % count);
  const shortData = shortLength - correction;
  const blocks = Array.from({ length: count }, () => []);
  let at = 0;
  for (let i = 0; i <= shortData; i += 1) {
    for (let block = i < shortData ? 0 : shortBlocks; block < count; block += 1) blocks[block].push(codewords[at++]);
  }
  for (let i = 0; i < correction; i += 1) for (const block of blocks) block.push(codewords[at++]);
  return blocks.map((block) => Uint8Array.from(block));
}

/** @returns {string | null} the text, or null when the symbol cannot be read */
export function read(symbol) {
  const format = formatOf(symbol);
  if (!format) return null;
  const blocks = blocksOf(symbol.version, format.level);
  const data = blocksFrom(codewordsOf(symbol, format.mask), blocks).map((block) => correct(block, blocks.correction));
  if (data.includes(null)) return null;
  return textOf(Uint8Array.from(data.flatMap((block) => [...block])), symbol.version);
}
