/** Maps that move, turn and scale: x -> a x + b, with places as complex numbers. Nothing here draws or sends. */

/** @typedef {import("../types.js").XY} XY */
/** @typedef {{a: XY, b: XY}} Similarity */

/** @type {Similarity} */
export const IDENTITY = { a: [1, 0], b: [0, 0] };

/** @param {XY} p @param {XY} q @returns {XY} */
const times = ([x, y], [u, v]) => [x * u - y * v, x * v + y * u];

/** @param {Similarity} map @param {XY} place @returns {XY} */
export function applied({ a, b }, place) {
  const [x, y] = times(a, place);
  return [x + b[0], y + b[1]];
}

/** @param {Similarity} second @param {Similarity} first @returns {Similarity} */
export function after(second, first) {
  return { a: times(second.a, first.a), b: applied(second, first.b) };
}

/** @param {XY} by @returns {Similarity} */
export function moved(by) {
  return { a: [1, 0], b: by };
}

/**
 * Turns and scales about a place.
 *
 * @param {XY} centre
 * @param {number} angle radians, clockwise on the screen
 * @param {number} scale
 * @returns {Similarity}
 */
export function about(centre, angle, scale) {
  /** @type {XY} */
  const a = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const [x, y] = times(a, centre);
  return { a, b: [centre[0] - x, centre[1] - y] };
}

/**
 * The map that brings places closest to others, by the sum of squares; of fewer than two, a move.
 *
 * @param {XY[]} from
 * @param {XY[]} to as many
 * @returns {Similarity}
 */
export function fitted(from, to) {
  const [p, q] = [mean(from), mean(to)];
  let [re, im, size] = [0, 0, 0];
  from.forEach((place, index) => {
    const [x, y] = [place[0] - p[0], place[1] - p[1]];
    const other = /** @type {XY} */ (to[index]);
    const [u, v] = [other[0] - q[0], other[1] - q[1]];
    re += x * u + y * v;
    im += x * v - y * u;
    size += x * x + y * y;
  });
  /** @type {XY} */
  const a = size > 0 ? [re / size, im / size] : [1, 0];
  const [x, y] = times(a, p);
  return { a, b: [q[0] - x, q[1] - y] };
}

/** @param {XY[]} places @returns {XY} */
function mean(places) {
  const count = Math.max(places.length, 1);
  return [places.reduce((sum, [x]) => sum + x, 0) / count, places.reduce((sum, [, y]) => sum + y, 0) / count];
}
