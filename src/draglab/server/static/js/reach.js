/** How far the picture can follow a target: the server says so with each step, and why a drag ended. */

import { get } from "./store.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").XY} XY */

/** Less than this, in image pixels, cannot be seen to be missing. */
const VISIBLE = 1;

/** Whether the shown state is a drag that ended where the picture goes no further. */
function endedOutOfReach() {
  const { session } = get();
  return session?.nodes.find((node) => node.id === session.cursor)?.end === "out_of_reach";
}

/**
 * How far towards its target a point is expected to come, as far as that is known.
 *
 * @param {Point} point
 * @returns {XY | null} null: all the way, or not known
 */
export function reachableEnd(point) {
  const { session, progress } = get();
  if (!session || !point.target || point.pin) return null;
  if (session.state === "idle") return point.resting && endedOutOfReach() ? point.handle : null;
  const end = progress?.ends.get(point.id);
  const goal = progress?.goals.get(point.id);
  return end && goal && Math.hypot(end[0] - goal[0], end[1] - goal[1]) > VISIBLE ? end : null;
}

/** Whether the round that runs is not expected to come all the way. */
export function fallsShort() {
  return get().session?.points.some((point) => reachableEnd(point) !== null) ?? false;
}
