/**
 * The three finder patterns of a QR code: squares whose section through the centre is dark, light, dark, light, dark
 * in the ratio 1:1:3:1:1 in every direction (ISO/IEC 18004 §6.3.3).
 */

const RATIO = [1, 1, 3, 1, 1];
const MODULES = 7;
const CANDIDATES = 20; // the most often crossed ones; text and wood grain rarely cross more than a few times

/** Whether five runs have the ratio, each wrong by less than `tolerance` of its length. */
function isFinder(runs, tolerance) {
  const module = (runs[0] + runs[1] + runs[2] + runs[3] + runs[4]) / MODULES;
  return module >= 1 && RATIO.every((share, i) => Math.abs(runs[i] - share * module) <= share * module * tolerance + 0.5);
}

/** How many steps from (x, y) stay in a colour. */
function runLength({ width, height, dark }, x, y, dx, dy, colour) {
  let length = 0;
  while (x >= 0 && y >= 0 && x < width && y < height && dark[y * width + x] === colour) {
    length += 1;
    x += dx;
    y += dy;
  }
  return length;
}

/** The runs of a section through a dark point, and how far its middle is from that point; null if it is no finder. */
function section(raster, x, y, dx, dy) {
  const half = (sign) => {
    const lengths = [];
    let at = sign > 0 ? 1 : 0;
    for (const colour of [1, 0, 1]) {
      lengths.push(runLength(raster, x + sign * at * dx, y + sign * at * dy, sign * dx, sign * dy, colour));
      at += lengths.at(-1);
    }
    return lengths;
  };
  const [before, after] = [half(-1), half(1)];
  const runs = [before[2], before[1], before[0] + after[0], after[1], after[2]];
  if (before[2] === 0 || after[2] === 0 || !isFinder(runs, 0.6)) return null;
  return { offset: (after[0] - before[0] + 1) / 2, length: runs.reduce((sum, run) => sum + run) };
}

/** A finder pattern around a point of its centre square, checked in four directions. */
function finderAt(raster, x, y) {
  const vertical = section(raster, x, y, 0, 1);
  if (!vertical) return null;
  const middleY = y + Math.round(vertical.offset);
  const horizontal = section(raster, x, middleY, 1, 0);
  if (!horizontal) return null;
  const middleX = x + Math.round(horizontal.offset);
  if (!raster.dark[middleY * raster.width + middleX]) return null;
  if (!section(raster, middleX, middleY, 1, 1) && !section(raster, middleX, middleY, 1, -1)) return null;
  return {
    x: x + horizontal.offset + 0.5,
    y: y + vertical.offset + 0.5,
    module: (vertical.length + horizontal.length) / (2 * MODULES),
    seen: 1,
  };
}

/** Adds a sighting to the pattern it belongs to. */
function remember(found, finder) {
  const same = found.find((other) => Math.hypot(other.x - finder.x, other.y - finder.y) < 2 * other.module);
  if (!same) {
    found.push(finder);
    return;
  }
  const seen = same.seen + 1;
  for (const key of ["x", "y", "module"]) same[key] += (finder[key] - same[key]) / seen;
  same.seen = seen;
}

/** All places that look like a finder pattern. */
export function findFinders(raster) {
  const { width, height, dark } = raster;
  const found = [];
  const step = height > 900 ? 3 : height > 450 ? 2 : 1;
  for (let y = 0; y < height; y += step) {
    const edges = [0];
    for (let x = 1; x < width; x += 1) if (dark[y * width + x] !== dark[y * width + x - 1]) edges.push(x);
    edges.push(width);
    for (let i = dark[y * width] ? 0 : 1; i + 5 < edges.length; i += 2) {
      const runs = [0, 1, 2, 3, 4].map((k) => edges[i + k + 1] - edges[i + k]);
      if (!isFinder(runs, 0.6)) continue;
      const finder = finderAt(raster, (edges[i + 2] + edges[i + 3]) >> 1, y);
      if (finder) remember(found, finder);
    }
  }
  // No more than the rows of a centre square: repeated data may look like a finder over a longer stretch.
  const weight = ({ seen, module }) => Math.min(seen, Math.ceil((3 * module) / step));
  return found.sort((a, b) => weight(b) - weight(a)).slice(0, CANDIDATES);
}

/** The corner at the top left, then the one to its right and the one below it, as the symbol is meant to be read. */
function inReadingOrder(three) {
  const side = (i) => Math.hypot(
    three[(i + 1) % 3].x - three[(i + 2) % 3].x, three[(i + 1) % 3].y - three[(i + 2) % 3].y);
  const corner = [0, 1, 2].reduce((best, i) => (side(i) > side(best) ? i : best), 0);
  const [topLeft, one, two] = [three[corner], three[(corner + 1) % 3], three[(corner + 2) % 3]];
  const turn = (one.x - topLeft.x) * (two.y - topLeft.y) - (one.y - topLeft.y) * (two.x - topLeft.x);
  return turn > 0 ? { topLeft, topRight: one, bottomLeft: two } : { topLeft, topRight: two, bottomLeft: one };
}

/** How unlikely three patterns are to be one symbol: far from a half square of equal ones. Infinity: they cannot be. */
function distortion({ topLeft, topRight, bottomLeft }) {
  const right = { x: topRight.x - topLeft.x, y: topRight.y - topLeft.y };
  const down = { x: bottomLeft.x - topLeft.x, y: bottomLeft.y - topLeft.y };
  const [across, along] = [Math.hypot(right.x, right.y), Math.hypot(down.x, down.y)];
  const modules = [topLeft.module, topRight.module, bottomLeft.module];
  const sizes = Math.max(...modules) / Math.min(...modules);
  const legs = Math.max(across, along) / Math.min(across, along);
  const cosine = Math.abs((right.x * down.x + right.y * down.y) / (across * along));
  if (sizes > 2 || legs > 2 || cosine > 0.6 || Math.min(across, along) < 10 * Math.min(...modules)) return Infinity;
  // A pattern that was crossed in more rows is more surely one.
  const seen = topLeft.seen * topRight.seen * bottomLeft.seen;
  return (0.2 + (sizes - 1) + (legs - 1) + cosine) / seen;
}

/** The triples of patterns that may be one symbol, the most regular first. */
export function likelyTriples(finders) {
  const triples = [];
  for (let a = 0; a < finders.length; a += 1) {
    for (let b = a + 1; b < finders.length; b += 1) {
      for (let c = b + 1; c < finders.length; c += 1) {
        const triple = inReadingOrder([finders[a], finders[b], finders[c]]);
        const bend = distortion(triple);
        if (bend < Infinity) triples.push({ ...triple, bend });
      }
    }
  }
  return triples.sort((a, b) => a.bend - b.bend);
}
