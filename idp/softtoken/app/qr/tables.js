/**
 * What ISO/IEC 18004 fixes in tables: error correction blocks, alignment patterns, and where no data lies.
 */

/** Error correction levels in the order of the two bits in the format information (ISO/IEC 18004 §7.9.1). */
export const LEVELS = ["M", "L", "H", "Q"];

// ISO/IEC 18004 table 9, by version 1 to 40: error correction codewords in each block …
const CORRECTION_CODEWORDS = {
  L: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
    28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
  M: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
    26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  Q: [13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30,
    28, 30, 30, 30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
  H: [17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28,
    30, 24, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
};
// … and the number of blocks.
const BLOCKS = {
  L: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8,
    8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25],
  M: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
    17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49],
  Q: [1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20,
    23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68],
  H: [1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25,
    25, 34, 30, 32, 35, 37, 40, 42, 45, 48, 51, 54, 57, 60, 63, 66, 70, 74, 77, 81],
};

/** @param {number} version 1 to 40 @returns the modules on a side */
export const sideOf = (version) => 17 + 4 * version;

/** The blocks of a symbol: how many, and how many of their codewords correct errors. */
export const blocksOf = (version, level) => ({
  count: BLOCKS[level][version - 1],
  correction: CORRECTION_CODEWORDS[level][version - 1],
});

/** The row and column coordinates of the alignment patterns' centres (ISO/IEC 18004 annex E). */
export function alignmentCoordinates(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const last = sideOf(version) - 7;
  const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const coordinates = [6];
  for (let i = count - 2; i >= 0; i -= 1) coordinates.push(last - i * step);
  return coordinates;
}

/** The centres of the alignment patterns; the three that would touch a finder pattern do not exist. */
export function alignmentCentres(version) {
  const coordinates = alignmentCoordinates(version);
  const last = sideOf(version) - 7;
  return coordinates
    .flatMap((y) => coordinates.map((x) => ({ x, y })))
    .filter(({ x, y }) => !((x === 6 && y === 6) || (x === 6 && y === last) || (x === last && y === 6)));
}

/** 1 where a module carries no data: finder, timing and alignment patterns, format and version information. */
export function reservedModules(version) {
  const side = sideOf(version);
  const reserved = new Uint8Array(side * side);
  const reserve = (left, top, width, height) => {
    for (let y = top; y < top + height; y += 1) reserved.fill(1, y * side + left, y * side + left + width);
  };
  reserve(0, 0, 9, 9);
  reserve(side - 8, 0, 8, 9);
  reserve(0, side - 8, 9, 8);
  reserve(0, 6, side, 1);
  reserve(6, 0, 1, side);
  for (const { x, y } of alignmentCentres(version)) reserve(x - 2, y - 2, 5, 5);
  if (version >= 7) {
    reserve(side - 11, 0, 3, 6);
    reserve(0, side - 11, 6, 3);
  }
  return reserved;
}
