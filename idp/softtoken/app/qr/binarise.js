/**
 * From a picture to dark and light. A raster is `{ width, height, dark }`; `dark[y * width + x]` is 1 where it is dark.
 */

/** The brightness of each pixel. @param {ImageData} picture */
export function greyOf({ data, width, height }) {
  const grey = new Uint8Array(width * height);
  for (let i = 0, p = 0; i < grey.length; i += 1, p += 4) {
    grey[i] = (data[p] * 77 + data[p + 1] * 151 + data[p + 2] * 28) >> 8; // ITU-R BT.601 luma
  }
  return { width, height, grey };
}

/** Half the size, each pixel the mean of four: takes away noise and what a lens did not resolve. */
export function halved({ width, height, grey }) {
  const [w, h] = [width >> 1, height >> 1];
  const small = new Uint8Array(w * h);
  for (let y = 0; y < h; y += 1) {
    for (let x = 0; x < w; x += 1) {
      const p = 2 * y * width + 2 * x;
      small[y * w + x] = (grey[p] + grey[p + 1] + grey[p + width] + grey[p + width + 1] + 2) >> 2;
    }
  }
  return { width: w, height: h, grey: small };
}

/** Sums over the rectangle from the origin, so that the mean of any window costs four additions. */
function summedArea({ width, height, grey }) {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y += 1) {
    let row = 0;
    for (let x = 0; x < width; x += 1) {
      row += grey[y * width + x];
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  return sums;
}

/**
 * Dark is what is darker than its neighbourhood: it follows shadows and lamps.
 *
 * @param {number} share of the shorter side that the window spans. It must span several modules: inside a finder
 *   pattern three modules of dark are side by side.
 */
export function adaptive(picture, share) {
  const { width, height, grey } = picture;
  const sums = summedArea(picture);
  const radius = Math.max(4, Math.round((Math.min(width, height) * share) / 2));
  const dark = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const [top, bottom] = [Math.max(0, y - radius) * (width + 1), Math.min(height, y + radius + 1) * (width + 1)];
    const rows = (bottom - top) / (width + 1);
    for (let x = 0; x < width; x += 1) {
      const [left, right] = [Math.max(0, x - radius), Math.min(width, x + radius + 1)];
      const sum = sums[bottom + right] - sums[bottom + left] - sums[top + right] + sums[top + left];
      dark[y * width + x] = grey[y * width + x] * rows * (right - left) < sum * 0.93 ? 1 : 0;
    }
  }
  return { width, height, dark };
}

/** One threshold for the whole picture, where it separates two brightnesses best (Otsu): for clean pictures. */
export function global({ width, height, grey }) {
  const histogram = new Float64Array(256);
  for (const value of grey) histogram[value] += 1;
  const total = histogram.reduce((sum, count, value) => sum + count * value, 0);
  let [below, sumBelow, best, threshold] = [0, 0, -1, 128];
  for (let value = 0; value < 256; value += 1) {
    below += histogram[value];
    sumBelow += histogram[value] * value;
    const above = grey.length - below;
    if (below === 0 || above === 0) continue;
    const separation = below * above * (sumBelow / below - (total - sumBelow) / above) ** 2;
    if (separation > best) [best, threshold] = [separation, value];
  }
  return { width, height, dark: Uint8Array.from(grey, (value) => (value <= threshold ? 1 : 0)) };
}

/** Light on dark, as a screen in dark mode may show a code. */
export const inverted = ({ width, height, dark }) => ({ width, height, dark: dark.map((value) => 1 - value) });
