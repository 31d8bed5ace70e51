/**
 * Reads a QR code out of a picture (ISO/IEC 18004 §12): dark and light, finder patterns, grid, symbol.
 */

import { adaptive, global, greyOf, halved, inverted } from "./binarise.js";
import { findFinders, likelyTriples } from "./finder.js";
import { fit, likelyVersions, sample } from "./grid.js";
import { read } from "./symbol.js";

const TRIPLES = 4; // a wrong triple costs as much as the right one; the right one is nearly always first

/** @returns {string | null} the text of the first symbol that can be read */
function readRaster(raster) {
  for (const triple of likelyTriples(findFinders(raster)).slice(0, TRIPLES)) {
    const grids = likelyVersions(raster, triple)
      .map((version) => fit(raster, triple, version))
      .filter((grid) => grid !== null)
      .sort((a, b) => b.score - a.score);
    for (const grid of grids) {
      const text = read(sample(raster, grid));
      if (text) return text;
    }
  }
  return null;
}

/** The ways to tell dark from light, the one that reads most pictures first. */
function* rasters(picture, thorough) {
  yield adaptive(picture, 0.5);
  yield adaptive(picture, 0.15);
  if (!thorough) return;
  yield global(picture);
  const small = halved(picture);
  yield adaptive(small, 0.5);
  yield adaptive(small, 0.15);
  const smaller = halved(small);
  yield adaptive(smaller, 0.5);
  yield inverted(adaptive(picture, 0.5));
  yield inverted(adaptive(small, 0.5));
}

/**
 * @param {{data: Uint8ClampedArray, width: number, height: number}} picture RGBA, as ImageData
 * @param {{thorough: boolean}} how a camera's frames come again, so they are not worth the last attempt; a file is
 * @returns {string | null} the text of the first code that can be read
 */
export function decode(picture, { thorough }) {
  const grey = greyOf(picture);
  for (const raster of rasters(grey, thorough)) {
    const text = readRaster(raster);
    if (text) return text;
  }
  return null;
}
