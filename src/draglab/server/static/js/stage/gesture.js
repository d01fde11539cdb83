/** What is under way between press and release, which nobody but the person's hand changes. */

/** @typedef {import("../types.js").XY} XY */
/** @typedef {import("../types.js").Point} Point */

/** @type {Point | null} */
let pulled = null;
/** Whether the picture follows what is pulled. */
let following = false;
/** @type {XY | null} the keyboard's crosshair */
let crosshair = null;
/** @type {(() => void)[]} */
const listeners = [];

/** The point in hand, as it is now; it stands in for the store's point of the same id. */
export function inHand() {
  return pulled;
}

export function crosshairAt() {
  return crosshair;
}

export function isFollowing() {
  return following;
}

/** @param {Point | null} point @param {boolean} [follows] whether the picture follows it */
export function hold(point, follows = false) {
  pulled = point;
  following = follows;
  listeners.forEach((react) => react());
}

/** @param {XY | null} point */
export function setCrosshair(point) {
  crosshair = point;
  listeners.forEach((react) => react());
}

/** @param {() => void} react */
export function onGesture(react) {
  listeners.push(react);
}
