/** A mask as numbers: 1 = movable, 0 = frozen, one for each pixel of the image, row by row. Nothing here draws or sends. */

/** @typedef {import("../types.js").XY} XY */
/** @typedef {{width: number, height: number, data: Uint8Array}} Bitmap */

/**
 * @param {number} width
 * @param {number} height
 * @param {0 | 1} value
 * @returns {Bitmap}
 */
export function filled(width, height, value) {
  return { width, height, data: new Uint8Array(width * height).fill(value) };
}

/**
 * Paints a round stroke from `a` to `b`, in place: every pixel whose centre is within `radius` of the line.
 *
 * @param {Bitmap} mask
 * @param {XY} a
 * @param {XY} b
 * @param {number} radius image pixels
 * @param {0 | 1} value
 */
export function stroke(mask, a, b, radius, value) {
  const { width, height, data } = mask;
  // A brush smaller than a pixel still paints the pixel that it is on.
  const reach = Math.max(radius, 0.71);
  const left = Math.max(0, Math.ceil(Math.min(a[0], b[0]) - reach));
  const right = Math.min(width - 1, Math.floor(Math.max(a[0], b[0]) + reach));
  const top = Math.max(0, Math.ceil(Math.min(a[1], b[1]) - reach));
  const bottom = Math.min(height - 1, Math.floor(Math.max(a[1], b[1]) + reach));
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = length ? Math.min(Math.max(((x - a[0]) * dx + (y - a[1]) * dy) / length, 0), 1) : 0;
      const [ex, ey] = [x - a[0] - along * dx, y - a[1] - along * dy];
      if (ex * ex + ey * ey <= reach * reach) data[y * width + x] = value;
    }
  }
}

/**
 * Gives the connected region around a pixel (up, down, left, right) a value, in place.
 *
 * @param {Bitmap} mask
 * @param {XY} at
 * @param {0 | 1} value
 */
export function flood(mask, at, value) {
  const { width, height, data } = mask;
  const first = Math.round(at[1]) * width + Math.round(at[0]);
  if (data[first] === value) return;
  data[first] = value;
  const open = [first];
  while (open.length > 0) {
    const index = /** @type {number} */ (open.pop());
    const x = index % width;
    const neighbours = [x > 0 ? index - 1 : -1, x < width - 1 ? index + 1 : -1, index - width, index + width];
    for (const next of neighbours) {
      if (next < 0 || next >= width * height || data[next] === value) continue;
      data[next] = value;
      open.push(next);
    }
  }
}

/** @param {Bitmap} mask @returns {Bitmap} */
export function inverted(mask) {
  return { ...mask, data: mask.data.map((value) => 1 - value) };
}

/** @param {Bitmap} mask @returns {Bitmap} */
export function copied(mask) {
  return { ...mask, data: mask.data.slice() };
}

/** @param {Bitmap} mask whether all of it has one value @param {0 | 1} value */
export function isAll(mask, value) {
  return mask.data.every((each) => each === value);
}

/**
 * How movable each pixel looks with soft edges: three box blurs, close to a Gaussian of standard deviation `radius` / 2.
 *
 * @param {Bitmap} mask
 * @param {number} radius image pixels
 * @returns {Float32Array} 0 to 1
 */
export function softened(mask, radius) {
  const { width, height } = mask;
  let values = Float32Array.from(mask.data);
  const reach = Math.round(radius / 2);
  if (reach < 1) return values;
  for (let pass = 0; pass < 3; pass++) {
    values = boxed(values, width, height, reach, 1, width);
    values = boxed(values, height, width, reach, width, 1);
  }
  return values;
}

/**
 * Running mean over 2 * reach + 1 values along lines; edges are repeated.
 *
 * @param {Float32Array} values
 * @param {number} length of a line
 * @param {number} lines
 * @param {number} reach
 * @param {number} step from a value to the next on its line
 * @param {number} stride from a line to the next
 */
function boxed(values, length, lines, reach, step, stride) {
  const out = new Float32Array(values.length);
  const span = 2 * reach + 1;
  for (let line = 0; line < lines; line++) {
    const start = line * stride;
    const at = (/** @type {number} */ i) => values[start + Math.min(Math.max(i, 0), length - 1) * step] ?? 0;
    let sum = 0;
    for (let i = -reach; i <= reach; i++) sum += at(i);
    for (let i = 0; i < length; i++) {
      out[start + i * step] = sum / span;
      sum += at(i + reach + 1) - at(i - reach);
    }
  }
  return out;
}
