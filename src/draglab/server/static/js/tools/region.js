/**
 * The region tool: draw around something, then pull inside it to move it, at a corner of its box to scale it, at the knob to
 * turn it. Handles on it get their targets from the map; the picture follows, or not, as for single handles. Where the region
 * is follows from where its handles are, so undo and redo take it along.
 */

import { after, about, applied, fitted, IDENTITY, moved } from "./similarity.js";
import { ask } from "../app.js";
import { currentPoints, follow, freshId, letGo, removePoints, setTargets, settle, takeBack } from "../actions.js";
import { get, watch } from "../store.js";
import { holdAll } from "../stage/gesture.js";
import { announce, notify } from "../notices.js";
import { prefer, preferred } from "../preferences.js";
import { viewport } from "../stage/viewport.js";

/** @typedef {import("../types.js").XY} XY */
/** @typedef {import("../types.js").Point} Point */
/** @typedef {import("./similarity.js").Similarity} Similarity */
/** @typedef {import("./drag.js").Input} Input */
/** @typedef {{outline: XY[], marks: {id: number, place: XY}[], session: string, original: number}} Region */
/** @typedef {"move" | "scale" | "turn"} Grip */
/** @typedef {{grip: Grip, start: XY, from: Similarity, map: Similarity, moved: boolean, follows: number | null, ready: boolean}} Gesture */

/** Handles up to which the quick method is used, and fewest of a region. */
const MOST = 8;
const LEAST = 3;
/** Most corners of an outline. */
const CORNERS = 100;
/** CSS pixels: a lasso narrower than this is a click; how far the knob is from its box. */
const CLICK = 8;
const KNOB = 28;
const SCALES = [0.2, 5];

/** @type {Region | null} */
let region = null;
/** @type {XY[] | null} the outline that is being drawn */
let lasso = null;
/** @type {Gesture | null} */
let gesture = null;
/** @type {(() => void)[]} */
const listeners = [];

/** @param {() => void} react called when the region or what is drawn has changed */
export function onRegion(react) {
  listeners.push(react);
}

function changed() {
  for (const react of listeners) react();
}

export const hasRegion = () => region !== null;

/** @param {number} id of a point */
export const isOfRegion = (id) => region?.marks.some((mark) => mark.id === id) ?? false;

/** The outline that is being drawn. */
export function lassoShown() {
  return lasso;
}

/** How the region lies now: as the hand has it, or as its points are. @returns {Similarity} */
function present() {
  if (gesture?.moved) return gesture.map;
  const marks = region?.marks ?? [];
  const points = currentPoints();
  const own = marks.flatMap(({ id }) => points.filter((point) => point.id === id));
  if (own.length < marks.length || own.length === 0) return IDENTITY;
  // What waits for its drag lies where it is to go.
  const waits = get().session?.state === "idle";
  const places = own.map(({ handle, target, resting }) => (waits && !resting && target ? target : handle));
  return fitted(
    marks.map((mark) => mark.place),
    places,
  );
}

/**
 * Outline, corners of the box, its middle, and the knob with where it is fixed, in image pixels; null: there is no region.
 *
 * @returns {{outline: XY[], corners: XY[], middle: XY, stem: XY, knob: XY} | null}
 */
export function regionShown() {
  if (!region) return null;
  const map = present();
  const [xs, ys] = [region.outline.map(([x]) => x), region.outline.map(([, y]) => y)];
  const [left, right, up, down] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const of = (/** @type {number} */ x, /** @type {number} */ y) => applied(map, [x, y]);
  const scale = Math.hypot(...map.a);
  const centre = (left + right) / 2;
  // Below where there is no room above.
  const far = KNOB / viewport.zoom / Math.max(scale, 0.01);
  const above = of(centre, up - far);
  const fits = viewport.toScreen(above)[1] > KNOB / 2;
  return {
    outline: region.outline.map((place) => applied(map, place)),
    corners: [of(left, up), of(right, up), of(right, down), of(left, down)],
    middle: of(centre, (up + down) / 2),
    stem: of(centre, fits ? up : down),
    knob: fits ? above : of(centre, down + far),
  };
}

/** Forgets the region. @param {boolean} [points] delete its handles, too @returns {boolean} whether there was one */
export function dropRegion(points = false) {
  if (!region) return false;
  if (points) removePoints(region.marks.map((mark) => mark.id));
  region = null;
  changed();
  return true;
}

/** What a press means. @param {XY} at @param {number} reach CSS pixels @returns {Grip | null} */
function gripAt(at, reach) {
  const shown = regionShown();
  if (!shown) return null;
  const far = (/** @type {XY} */ place) => Math.hypot(place[0] - at[0], place[1] - at[1]) * viewport.zoom;
  if (far(shown.knob) < reach) return "turn";
  if (shown.corners.some((corner) => far(corner) < reach)) return "scale";
  return isInside(at, shown.corners) ? "move" : null;
}

export const regionTool = {
  get strokes() {
    return lasso !== null;
  },

  /** @param {XY} at @param {Input} input */
  press(at, input) {
    const { session, link } = get();
    if (!session || link !== "open") return;
    if (!preferred().showPoints) prefer({ showPoints: true });
    const grip = gripAt(at, input.reach);
    if (!grip) {
      lasso = [viewport.clamp(at)];
      return changed();
    }
    const from = present();
    const follows = preferred().pulling === "follow" ? freshId() : null;
    const begun = { grip, start: at, from, map: from, moved: false, follows, ready: get().scrub === null };
    gesture = begun;
    if (!begun.ready) void settle().then(() => (begun.ready = true));
  },

  /** @param {XY} at */
  move(at) {
    if (lasso) {
      lasso.push(viewport.clamp(at));
      return changed();
    }
    if (!gesture || !region) return;
    gesture.map = after(change(gesture, at), gesture.from);
    gesture.moved = true;
    const points = aimed(gesture.map);
    holdAll(points, gesture.follows !== null);
    if (gesture.follows !== null && gesture.ready) follow(points, gesture.follows);
  },

  async release() {
    if (lasso) return enclose();
    const done = gesture;
    if (!done?.moved) {
      gesture = null;
      return;
    }
    const points = aimed(done.map);
    if (done.follows === null || !done.ready) await settle();
    gesture = null;
    holdAll([]);
    if (preferred().pulling === "wait") setTargets(points);
    else letGo(points, done.follows ?? freshId());
  },

  cancel() {
    if (gesture?.moved && gesture.follows !== null) takeBack();
    gesture = lasso = null;
    holdAll([]);
    changed();
  },
};

/** What the hand has changed since the press. @param {Gesture} begun @param {XY} at @returns {Similarity} */
function change({ grip, start, from }, at) {
  if (grip === "move") return moved([at[0] - start[0], at[1] - start[1]]);
  const centre = applied(from, boxMiddle());
  const [x0, y0, x1, y1] = [start[0] - centre[0], start[1] - centre[1], at[0] - centre[0], at[1] - centre[1]];
  if (grip === "turn") return about(centre, Math.atan2(y1, x1) - Math.atan2(y0, x0), 1);
  const [least, most] = /** @type {[number, number]} */ (SCALES);
  const scale = Math.hypot(x1, y1) / Math.max(Math.hypot(x0, y0), 1e-6);
  return about(centre, 0, Math.min(Math.max(scale, least), most));
}

/** @returns {XY} */
function boxMiddle() {
  const outline = region?.outline ?? [];
  const [xs, ys] = [outline.map(([x]) => x), outline.map(([, y]) => y)];
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}

/** The region's points with their targets. @param {Similarity} map @returns {Point[]} */
function aimed(map) {
  const known = new Map(currentPoints().map((point) => [point.id, point]));
  return (region?.marks ?? []).map(({ id, place }) => ({
    id,
    handle: known.get(id)?.handle ?? place,
    target: viewport.clamp(applied(map, place)),
    pin: false,
    resting: false,
  }));
}

/** Makes a region of what was drawn around. */
async function enclose() {
  const drawn = lasso ?? [];
  lasso = null;
  const [xs, ys] = [drawn.map(([x]) => x), drawn.map(([, y]) => y)];
  const narrow = Math.min(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)) * viewport.zoom;
  const { session } = get();
  dropRegion();
  changed();
  if (!session || narrow < CLICK) return;
  const step = Math.ceil(drawn.length / CORNERS);
  const outline = drawn.filter((_, index) => index % step === 0);
  const busy = session.points.filter((point) => point.target && !point.resting).length;
  const count = Math.max(MOST - busy, LEAST);
  const answer = await ask({ type: "region_points", polygon: outline, count }, "region");
  if (answer.type !== "region") return notify(answer.message, "error");
  const marks = answer.points.map((place) => ({ id: freshId(), place }));
  region = { outline, marks, session: session.session, original: session.original };
  changed();
  announce("A region. Pull inside it to move it, at a corner to scale it, at the knob above to turn it.");
}

/** Whether a place is inside a polygon. @param {XY} place @param {XY[]} corners */
function isInside([x, y], corners) {
  let inside = false;
  corners.forEach(([x0, y0], index) => {
    const [x1, y1] = /** @type {XY} */ (corners[(index + 1) % corners.length]);
    if (y0 > y !== y1 > y && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) inside = !inside;
  });
  return inside;
}

watch(["session", "progress"], ({ session }) => {
  // Of another image, the outline means nothing.
  const stays = region && session?.session === region.session && session.original === region.original;
  if (region && !stays) dropRegion();
});
