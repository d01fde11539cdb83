/**
 * The drag tool: press on the picture, pull, let go. The picture follows the hand, or runs when it lets go, as the person
 * likes. A click pins a place; a click on a pin lets go of it.
 */

import {
  addPoint,
  checkHandle,
  follow,
  freshId,
  hasBegun,
  letGo,
  movePoint,
  pin,
  removePoint,
  run,
  settle,
  steer,
  takeBack,
} from "../actions.js";
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

/**
 * @typedef {object} Gesture
 * @property {"new" | "target" | "handle"} kind
 * @property {XY} start
 * @property {boolean} moved
 * @property {Promise<void>} ready over when points can be changed
 * @property {boolean} open whether that is over
 * @property {number} sent when a round that runs was told of the target last
 * @property {number | null} follows number of the pull that the picture follows; null: it does not
 */

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
      begin(kind, at, kind === "handle" || hit.pin);
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
    const { ready } = begin("new", at, true);
    hold(point);
    void ready.then(() => checkHandle(point.handle, point.id));
  },

  /** @param {XY} at */
  move(at) {
    const held = inHand();
    if (!gesture || !held) return;
    const distance = Math.hypot(at[0] - gesture.start[0], at[1] - gesture.start[1]) * viewport.zoom;
    if (!gesture.moved && distance < CLICK) return;
    gesture.moved = true;
    const place = viewport.clamp(at);
    const follows = gesture.follows !== null;
    hold(gesture.kind === "handle" ? { ...held, handle: place } : { ...held, target: place, pin: false }, follows);
    if (follows) return followHand(gesture);
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
    if (done.moved && done.follows !== null) {
      // At once, where that is possible: the next pull may begin before anything else is heard.
      if (!done.open) await done.ready;
      letGo([held], done.follows);
      if (inHand() === held) hold(null);
      set({ selected: held.id });
      return;
    }
    finished = finished.then(() => finish(done, held));
    await finished;
  },

  cancel() {
    if (gesture?.moved && gesture.follows !== null) takeBack();
    gesture = null;
    hold(null);
  },

  strokes: false,
};

/**
 * Takes something in hand.
 *
 * @param {Gesture["kind"]} kind
 * @param {XY} start
 * @param {boolean} changes more than the target of a handle, which alone moves while a round runs
 */
function begin(kind, start, changes) {
  const follows = kind !== "handle" && preferred().pulling === "follow" ? freshId() : null;
  // A pull that is followed ends what runs by itself.
  const waits = follows === null ? changes : get().scrub !== null;
  const ready = waits ? settle() : Promise.resolve();
  /** @type {Gesture} */
  const begun = { kind, start, moved: false, ready, open: !waits, sent: 0, follows };
  gesture = begun;
  if (waits) {
    void ready.then(() => {
      begun.open = true;
      if (begun === gesture && begun.moved) followHand(begun);
    });
  }
  return begun;
}

/** Says where the hand is. @param {Gesture} begun */
function followHand(begun) {
  const held = inHand();
  if (begun.open && held && begun.follows !== null) follow([held], begun.follows);
}

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
  // While a round runs, only targets of handles move.
  await (done.kind === "target" && !held.pin ? hasBegun() : settle());
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
  if (idle && done.kind !== "handle" && preferred().pulling !== "wait") run();
  if (done.kind === "handle" && !held.pin) void checkHandle(held.handle, held.id);
}
