/** The drag tool: press on the picture, pull, let go. A click pins a place; a click on a pin lets go of it. */

import { addPoint, checkHandle, freshId, hasBegun, movePoint, pin, removePoint, run, settle, steer } from "../actions.js";
import { comparison, toggleSplit } from "../compare.js";
import { get, set } from "../store.js";
import { hold, inHand } from "../stage/gesture.js";
import { announce, notify } from "../notices.js";
import { prefer, preferred } from "../preferences.js";
import { shownPoints } from "../stage/markers.js";
import { viewport } from "../stage/viewport.js";

/** @typedef {import("../types.js").XY} XY */
/** @typedef {import("../types.js").Point} Point */
/**
 * @typedef {object} Input
 * @property {number} reach how far from a mark a press still means it, CSS pixels
 * @property {boolean} alternate Alt is held: move the handle itself
 * @property {number} pressure 0 to 1, of a pen
 */

// Less than this, in CSS pixels, is a click and no pull.
const CLICK = 4;
const RETARGET_MS = 40;

/** @typedef {{kind: "new" | "target" | "handle", start: XY, moved: boolean, ready: Promise<void>, sent: number}} Gesture */

/** @type {Gesture | null} */
let gesture = null;
/** Pulls take effect one after the other: a quick hand lets go of the next before the server has stopped for the last. */
let finished = Promise.resolve();

/**
 * @param {XY} at
 * @param {number} reach CSS pixels
 * @returns {Point | null} the point whose handle or target is nearest
 */
export function pointAt(at, reach) {
  const [x, y] = viewport.toScreen(at);
  let best = null;
  let least = reach;
  for (const point of shownPoints()) {
    for (const place of [point.target, point.handle]) {
      if (!place) continue;
      const [px, py] = viewport.toScreen(place);
      const distance = Math.hypot(px - x, py - y);
      if (distance < least) {
        least = distance;
        best = point;
      }
    }
  }
  return best;
}

export const dragTool = {
  /** @param {XY} at @param {Input} input */
  press(at, input) {
    const { session, link, welcome } = get();
    if (!session || link !== "open") return;
    // Nobody pulls at what cannot be seen.
    if (comparison().mode === "split") toggleSplit(false);
    if (!preferred().showPoints) prefer({ showPoints: true });
    const hit = get().scrub ? null : pointAt(at, input.reach);
    if (hit) {
      const kind = input.alternate ? "handle" : "target";
      // While a round runs, only targets of handles move.
      const ready = kind === "handle" || hit.pin ? settle() : Promise.resolve();
      gesture = { kind, start: at, moved: false, ready, sent: 0 };
      set({ selected: hit.id });
      hold(hit);
      return;
    }
    if (!viewport.contains(at)) {
      set({ selected: null });
      return;
    }
    const most = welcome?.limits["points"] ?? Infinity;
    if (session.points.length >= most) {
      notify(`There are ${most} handles already: delete one first.`, "error");
      return;
    }
    const point = { id: freshId(), handle: viewport.clamp(at), target: null, pin: false, resting: false };
    gesture = { kind: "new", start: at, moved: false, ready: settle(), sent: 0 };
    hold(point);
    void gesture.ready.then(() => checkHandle(point.handle, point.id));
  },

  /** @param {XY} at */
  move(at) {
    const held = inHand();
    if (!gesture || !held) return;
    const distance = Math.hypot(at[0] - gesture.start[0], at[1] - gesture.start[1]) * viewport.zoom;
    if (!gesture.moved && distance < CLICK) return;
    gesture.moved = true;
    const place = viewport.clamp(at);
    hold(gesture.kind === "handle" ? { ...held, handle: place } : { ...held, target: place, pin: false });
    const now = performance.now();
    if (gesture.kind === "target" && get().session?.state === "running" && now - gesture.sent > RETARGET_MS) {
      gesture.sent = now;
      steer(held.id, place);
    }
  },

  async release() {
    const held = inHand();
    const done = gesture;
    gesture = null;
    if (!done || !held) return;
    if (!done.moved && done.kind !== "new" && !isClicked(held)) {
      hold(null);
      return;
    }
    finished = finished.then(() => finish(done, held));
    await finished;
  },

  cancel() {
    gesture = null;
    hold(null);
  },
};

/**
 * Whether a click on a point does more than select it: it lets go of a pin, and pins a handle that has nowhere to go. One
 * that waits to be dragged, or is being dragged, keeps its target.
 *
 * @param {Point} point
 */
function isClicked(point) {
  if (get().session?.state !== "idle") return false;
  return point.pin || point.resting || point.target === null;
}

/**
 * What a click has changed.
 *
 * @param {Gesture} done
 * @param {Point} point
 */
function click(done, point) {
  if (done.kind === "new" || !point.pin) {
    void pin(point);
    announce("Pinned: it stays where it is while you pull elsewhere.");
  } else {
    removePoint(point.id);
    announce("Let go of the pin.");
  }
}

/**
 * What a pull has changed.
 *
 * @param {Gesture} done
 * @param {Point} held
 */
async function finish(done, held) {
  await done.ready;
  await (done.kind === "target" ? hasBegun() : settle());
  // Another press may have begun meanwhile: its point stays in hand.
  if (inHand() === held) hold(null);
  set({ selected: held.id });
  const running = get().session?.state !== "idle";
  if (!done.moved) return click(done, held);
  if (done.kind === "new") void addPoint(held);
  else if (done.kind === "handle") void movePoint(held.id, { handle: held.handle });
  else if (held.target) {
    const answered = movePoint(held.id, { target: held.target });
    // The round may have ended while the message was on its way to it.
    if (running) await answered;
  }
  const idle = get().session?.state === "idle";
  if (idle && done.kind !== "handle" && preferred().runOnRelease) run();
  if (done.kind === "handle" && !held.pin) void checkHandle(held.handle, held.id);
}
