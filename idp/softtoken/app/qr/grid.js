/**
 * Lays the grid of modules over a symbol in a picture.
 *
 * The finder patterns give three corners. The fourth, and with it the perspective, is searched: of all places it may
 * have, the best makes the parts of the symbol that are known beforehand (finder, timing and alignment patterns) lie on
 * their picture. The same measure then adjusts all four corners.
 */

import { squareTo } from "./perspective.js";
import { alignmentCentres, sideOf } from "./tables.js";

const PLAUSIBLE = 0.68; // agreement below which no symbol was ever read
const CENTRE = 3.5; // a finder pattern's centre, in modules from the symbol's edges
const SPREAD = 0.22; // how far from a module's centre it is looked at, in modules
const LOOKS = [[0, 0], [SPREAD, SPREAD], [-SPREAD, SPREAD], [SPREAD, -SPREAD], [-SPREAD, -SPREAD]];

/** Walks from a finder's centre towards a point until the pattern ends: 3.5 modules. Null if the picture ends first. */
function halfWidth({ width, height, dark }, from, to) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  let [colour, changes] = [1, 0];
  for (let at = 0; at < length; at += 0.5) {
    const x = Math.floor(from.x + ((to.x - from.x) * at) / length);
    const y = Math.floor(from.y + ((to.y - from.y) * at) / length);
    if (x < 0 || y < 0 || x >= width || y >= height) return null;
    if (dark[y * width + x] === colour) continue;
    colour = 1 - colour;
    changes += 1;
    if (changes === 3) return at;
  }
  return null;
}

/** The version as the distance between the finders tells it: exact for small symbols, roughly for large ones. */
function estimatedVersion(raster, { topLeft, topRight, bottomLeft }) {
  const sides = [];
  for (const other of [topRight, bottomLeft]) {
    const halves = [halfWidth(raster, topLeft, other), halfWidth(raster, other, topLeft)].filter((half) => half !== null);
    if (halves.length === 0) continue;
    // The geometric mean of the sizes at both ends is exact in any perspective.
    const module = halves.reduce((product, half) => product * half) ** (1 / halves.length) / CENTRE;
    sides.push(Math.hypot(other.x - topLeft.x, other.y - topLeft.y) / module + 2 * CENTRE);
  }
  if (sides.length === 0) return null;
  return (sides.reduce((sum, side) => sum + side) / sides.length - 17) / 4;
}

/** The versions worth trying, the likeliest first. */
export function likelyVersions(raster, triple) {
  const estimate = estimatedVersion(raster, triple);
  if (estimate === null) return [];
  const reach = Math.min(4, 1 + Math.max(0, estimate) / 6);
  const versions = [];
  for (let version = 1; version <= 40; version += 1) {
    if (Math.abs(version - estimate) <= reach) versions.push(version);
  }
  return versions.sort((a, b) => Math.abs(a - estimate) - Math.abs(b - estimate));
}

/** A square ring pattern's modules: dark where the distance from the centre is not one of `light`. */
function rings(centreX, centreY, radius, light) {
  const modules = [];
  for (let dy = -radius; dy <= radius; dy += 1) {
    for (let dx = -radius; dx <= radius; dx += 1) {
      const ring = Math.max(Math.abs(dx), Math.abs(dy));
      modules.push({ x: centreX + dx, y: centreY + dy, dark: light.includes(ring) ? 0 : 1 });
    }
  }
  return modules;
}

const square = (version) => [[3, 3], [sideOf(version) - 4, 3], [3, sideOf(version) - 4]];

/** The finder patterns with their light borders, and the alignment pattern next to the fourth corner. */
function landmarks(version) {
  const side = sideOf(version);
  return [
    ...square(version).flatMap(([x, y]) => rings(x, y, 4, [2, 4])),
    ...alignmentCentres(version).slice(-1).flatMap(({ x, y }) => rings(x, y, 2, [1])),
  ].filter(({ x, y }) => x >= 0 && y >= 0 && x < side && y < side);
}

/** All modules whose colour the version fixes. */
function knownModules(version) {
  const known = landmarks(version);
  for (const { x, y } of alignmentCentres(version).slice(0, -1)) known.push(...rings(x, y, 2, [1]));
  for (let i = 8; i < sideOf(version) - 8; i += 1) {
    known.push({ x: i, y: 6, dark: 1 - (i % 2) }, { x: 6, y: i, dark: 1 - (i % 2) });
  }
  return known;
}

/** Where modules are: the unit square spans the finders' centres. */
const place = (module, side) => (module + 0.5 - CENTRE) / (side - 2 * CENTRE);

/** Looks at modules, at their centre or also around it; the result is flat: u, v, dark for each look. */
function looksAt(modules, side, offsets) {
  const looks = new Float64Array(modules.length * offsets.length * 3);
  let at = 0;
  for (const { x, y, dark } of modules) {
    for (const [dx, dy] of offsets) {
      looks[at] = place(x + dx, side);
      looks[at + 1] = place(y + dy, side);
      looks[at + 2] = dark;
      at += 3;
    }
  }
  return looks;
}

/** The share of looks that see the colour they should: 0.5 is chance, 1 is a perfect picture. */
function agreement({ width, height, dark }, looks, corners) {
  const m = squareTo(corners);
  let agreed = 0;
  for (let i = 0; i < looks.length; i += 3) {
    const u = looks[i], v = looks[i + 1];
    const w = m[6] * u + m[7] * v + 1;
    const x = Math.floor((m[0] * u + m[1] * v + m[2]) / w);
    const y = Math.floor((m[3] * u + m[4] * v + m[5]) / w);
    if (x >= 0 && y >= 0 && x < width && y < height && dark[y * width + x] === looks[i + 2]) agreed += 1;
  }
  return (agreed * 3) / looks.length;
}

/**
 * The best place for the fourth corner around where a parallelogram would have it. Where many places are equally
 * good (version 1 has no alignment pattern), their middle is the best guess.
 */
function fourthCorner(raster, looks, { topLeft, topRight, bottomLeft }, side) {
  const three = [topLeft.x, topLeft.y, topRight.x, topRight.y, bottomLeft.x, bottomLeft.y];
  const guess = { x: topRight.x + bottomLeft.x - topLeft.x, y: topRight.y + bottomLeft.y - topLeft.y };
  const length = Math.max(
    Math.hypot(topRight.x - topLeft.x, topRight.y - topLeft.y),
    Math.hypot(bottomLeft.x - topLeft.x, bottomLeft.y - topLeft.y));
  const step = (length / (side - 2 * CENTRE)) * 0.6;
  const reach = Math.ceil((length * 0.35) / step);
  let [score, x, y, equals] = [-1, 0, 0, 0];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const here = agreement(raster, looks, [...three, guess.x + dx * step, guess.y + dy * step]);
      if (here < score) continue;
      if (here > score) [score, x, y, equals] = [here, 0, 0, 0];
      [x, y, equals] = [x + dx, y + dy, equals + 1];
    }
  }
  return { score, corners: [...three, guess.x + (x / equals) * step, guess.y + (y / equals) * step], step };
}

/** Moves one coordinate at a time as long as that helps, with ever smaller steps. */
function adjusted(raster, looks, { corners, step }) {
  let best = { score: agreement(raster, looks, corners), corners };
  for (let stride = step; stride > step / 12; stride /= 1.6) {
    for (let i = 0; i < 8; i += 1) {
      for (const sign of [1, -1]) {
        const moved = [...best.corners];
        moved[i] += sign * stride;
        const improved = agreement(raster, looks, moved);
        if (improved > best.score) best = { score: improved, corners: moved };
      }
    }
  }
  return best;
}

/**
 * The grid that fits best if the symbol has this version.
 *
 * @returns {{score: number, corners: number[], version: number} | null} null when not even the landmarks fit
 */
export function fit(raster, triple, version) {
  const side = sideOf(version);
  const rough = fourthCorner(raster, looksAt(landmarks(version), side, LOOKS.slice(0, 1)), triple, side);
  if (rough.score < PLAUSIBLE) return null;
  return { ...adjusted(raster, looksAt(knownModules(version), side, LOOKS), rough), version };
}

/** The symbol under a grid: each module is what most looks at it see. */
export function sample({ width, height, dark }, { corners, version }) {
  const side = sideOf(version);
  const m = squareTo(corners);
  const modules = new Uint8Array(side * side);
  for (let y = 0; y < side; y += 1) {
    for (let x = 0; x < side; x += 1) {
      let seen = 0;
      for (const [dx, dy] of LOOKS) {
        const [u, v] = [place(x + dx, side), place(y + dy, side)];
        const w = m[6] * u + m[7] * v + 1;
        const column = Math.min(width - 1, Math.max(0, Math.floor((m[0] * u + m[1] * v + m[2]) / w)));
        const row = Math.min(height - 1, Math.max(0, Math.floor((m[3] * u + m[4] * v + m[5]) / w)));
        seen += dark[row * width + column];
      }
      modules[y * side + x] = seen * 2 > LOOKS.length ? 1 : 0;
    }
  }
  return { version, side, modules };
}
