/**
 * The projective map of a plane: how a flat symbol looks to a camera that is not straight in front of it.
 */

/**
 * Maps the unit square onto a quadrilateral (Heckbert 1989, §2.2.3).
 *
 * @param corners the images of (0,0), (1,0), (0,1), (1,1), flat: [x0, y0, x1, y1, …]
 * @returns {Float64Array} x = (m0·u + m1·v + m2) / w, y = (m3·u + m4·v + m5) / w, w = m6·u + m7·v + 1
 */
export function squareTo(corners) {
  const [x00, y00, x10, y10, x01, y01, x11, y11] = corners;
  const [dx1, dx2, sx] = [x10 - x11, x01 - x11, x00 - x10 + x11 - x01];
  const [dy1, dy2, sy] = [y10 - y11, y01 - y11, y00 - y10 + y11 - y01];
  const area = dx1 * dy2 - dx2 * dy1;
  const g = (sx * dy2 - dx2 * sy) / area;
  const h = (dx1 * sy - sx * dy1) / area;
  return Float64Array.of(
    x10 - x00 + g * x10, x01 - x00 + h * x01, x00,
    y10 - y00 + g * y10, y01 - y00 + h * y01, y00,
    g, h,
  );
}
