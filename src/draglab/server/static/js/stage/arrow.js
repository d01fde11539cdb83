/** The arrow from a handle to its target: solid as far as the picture can follow, a bar across, dashed beyond. */

import { svg } from "../dom.js";

/** @typedef {import("../types.js").XY} XY */

const SHORTEST = 2;
const HEAD = 8;
const BAR = 7;

/**
 * Places are on the screen. Of an arrow that ends within reach, the bar and the dashes are left out.
 *
 * @param {XY} from @param {number} clear radius of the mark there
 * @param {XY} to @param {number} gap radius of the mark there
 * @param {XY | null} end how far the picture follows; null: all the way
 * @param {string} kind further classes
 * @returns {SVGElement[]}
 */
export function arrowMarks(from, clear, to, gap, end, kind) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  if (length <= clear + gap + SHORTEST) return [];
  /** @type {XY} */
  const unit = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
  /** @param {number} far @returns {XY} */
  const along = (far) => [from[0] + far * unit[0], from[1] + far * unit[1]];
  /** @param {XY} place @param {number} side @returns {string} */
  const beside = ([x, y], side) => `${x - side * unit[1]} ${y + side * unit[0]}`;
  const tip = along(length - gap - 1);
  const neck = along(length - gap - 1 - HEAD);
  const head = `M${beside(neck, 5)}L${tip[0]} ${tip[1]}L${beside(neck, -5)}`;
  if (!end) return drawn(`M${along(clear).join(" ")}L${tip.join(" ")}${head}`, kind);
  const reached = (end[0] - from[0]) * unit[0] + (end[1] - from[1]) * unit[1];
  const stop = Math.min(Math.max(reached, clear + 3), length - gap - 1);
  const at = along(stop);
  const solid = `M${along(clear).join(" ")}L${at.join(" ")}M${beside(at, BAR)}L${beside(at, -BAR)}`;
  return [
    ...drawn(`M${along(stop + 5).join(" ")}L${tip.join(" ")}`, `beyond ${kind}`),
    ...drawn(head, kind),
    ...drawn(solid, kind),
  ];
}

/** @param {string} d @param {string} kind */
function drawn(d, kind) {
  return [svg("path", { class: `arrow under ${kind}`, d }), svg("path", { class: `arrow ${kind}`, d })];
}
