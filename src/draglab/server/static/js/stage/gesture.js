/** What is under way between press and release, which nobody but the person's hand changes. */

/** @typedef {import("../types.js").XY} XY */
/** @typedef {import("../types.js").Point} Point */

/** @type {Point[]} */
let pulled = [];
/** Whether the picture follows what is pulled. */
let following = false;
/** @type {XY | null} the keyboard's crosshair */
let crosshair = null;
/** @type {(() => void)[]} */
const listeners = [];

/** The points in hand, as they are now: one, or those of a region. They stand in for the store's points of the same ids. */
export function inHands() {
  return pulled;
}

/** The point in hand, where it is one. */
export function inHand() {
  return pulled[0] ?? null;
}

export function crosshairAt() {
  return crosshair;
}

export function isFollowing() {
  return following;
}

/** @param {Point | null} point @param {boolean} [follows] whether the picture follows it */
export function hold(point, follows = false) {
  holdAll(point ? [point] : [], follows);
}

/** @param {Point[]} points @param {boolean} [follows] whether the picture follows them */
export function holdAll(points, follows = false) {
  pulled = points;
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
