/** Handles, targets, arrows, paths and the crosshair: SVG over the picture. */

import { arrowMarks } from "./arrow.js";
import { byId, svg } from "../dom.js";
import { comparison, onComparison } from "../compare.js";
import { crosshairAt, inHands, isFollowing, onGesture } from "./gesture.js";
import { currentPoints } from "../actions.js";
import { get, watch } from "../store.js";
import { onPreference, preferred } from "../preferences.js";
import { reachableEnd } from "../reach.js";
import { isOfRegion, onRegion } from "../tools/region.js";
import { regionMarks } from "./region_marks.js";
import { viewport } from "./viewport.js";

/** @typedef {import("../types.js").XY} XY */
/** @typedef {import("../types.js").Point} Point */

const HANDLE = 8;
const TARGET = 7;
const PIN = 9;
const DOT = 3.5;
const root = byId("markers", SVGSVGElement);
/** @type {Map<number, XY[]>} by point, where its handle was since the round began */
const paths = new Map();
let scheduled = false;

/** Draws soon. */
function redraw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    root.replaceChildren(...marks());
  });
}

/** Points as they are shown: what is in hand stands in for the store's. */
export function shownPoints() {
  const points = currentPoints();
  const held = new Map(inHands().map((point) => [point.id, point]));
  const shown = points.map((point) => {
    const own = held.get(point.id);
    held.delete(point.id);
    // While a round runs only the target is in hand: the handle is where tracking finds it.
    return !own || get().session?.state === "idle" ? (own ?? point) : { ...point, target: own.target };
  });
  return [...shown, ...held.values()];
}

/** @returns {SVGElement[]} */
function marks() {
  const { session, scrub, selected, qualities } = get();
  if (!session || !preferred().showPoints || comparison().mode !== "off" || scrub) return [];
  let number = 0;
  const all = shownPoints().flatMap((point) => {
    if (point.pin) return pinMarks(point, point.id === selected);
    if (preferred().tool === "region" && isOfRegion(point.id)) return dotMarks(point);
    const doubtful = qualities[point.id]?.distinctive === false;
    return pointMarks(point, ++number, point.id === selected, doubtful);
  });
  const crosshair = crosshairAt();
  return [...all, ...regionMarks(), ...(crosshair ? [crosshairMark(viewport.toScreen(crosshair))] : [])];
}

/**
 * @param {Point} point
 * @param {number} number
 * @param {boolean} selected
 * @param {boolean} doubtful
 */
function pointMarks(point, number, selected, doubtful) {
  const [hx, hy] = viewport.toScreen(point.handle);
  const rests = point.resting ? "resting" : "";
  /** @type {SVGElement[]} */
  const marks = [];
  const path = paths.get(point.id);
  if (path && path.length > 1) {
    const points = path
      .map((place) =>
        viewport
          .toScreen(place)
          .map((value) => value.toFixed(1))
          .join(","),
      )
      .join(" ");
    marks.push(svg("polyline", { class: "path", points }));
  }
  if (point.target) {
    const [tx, ty] = viewport.toScreen(point.target);
    const length = Math.hypot(tx - hx, ty - hy);
    const end = reachableEnd(point);
    marks.push(...arrowMarks([hx, hy], HANDLE, [tx, ty], TARGET, end && viewport.toScreen(end), rests));
    // A handle that has arrived covers its target.
    if (length > HANDLE) {
      const beyond = end ? " beyond" : "";
      marks.push(
        svg("circle", { class: `target under${beyond}`, cx: tx, cy: ty, r: TARGET }),
        svg("circle", { class: `target${beyond}`, cx: tx, cy: ty, r: TARGET }),
        svg("circle", { class: "target dot", cx: tx, cy: ty, r: 1.5 }),
      );
    }
  }
  if (selected) marks.push(svg("circle", { class: "halo", cx: hx, cy: hy, r: HANDLE + 5 }));
  marks.push(svg("circle", { class: `handle${doubtful ? " doubtful" : ""} ${rests}`, cx: hx, cy: hy, r: HANDLE }));
  const label = svg("text", { class: `label ${rests}`, x: hx, y: hy });
  label.textContent = String(number);
  marks.push(label);
  return marks;
}

/**
 * A handle of the region in hand: small, so that it does not cover what is worked on.
 *
 * @param {Point} point
 */
function dotMarks(point) {
  const rests = point.resting ? "resting" : "";
  const handle = viewport.toScreen(point.handle);
  const end = reachableEnd(point);
  const target = point.target && viewport.toScreen(point.target);
  return [
    ...(target ? arrowMarks(handle, DOT, target, 0, end && viewport.toScreen(end), rests) : []),
    svg("circle", { class: `handle dot ${rests}`, cx: handle[0], cy: handle[1], r: DOT }),
  ];
}

/**
 * A pin: square and dark where a handle is round and red, so that nobody needs to tell colours apart.
 *
 * @param {Point} point
 * @param {boolean} selected
 */
function pinMarks(point, selected) {
  const [x, y] = viewport.toScreen(point.handle);
  const side = 2 * PIN;
  const box = svg("rect", { class: "pin", x: x - PIN, y: y - PIN, width: side, height: side, rx: 4 });
  const glyph = svg("path", {
    class: "pin-glyph",
    d: `M${x - 3} ${y - 5.5}h6l-1 4.5 3 3h-10l3-3z M${x} ${y + 2}v4.5`,
  });
  return [...(selected ? [svg("circle", { class: "halo", cx: x, cy: y, r: PIN + 7 })] : []), box, glyph];
}

/** @param {XY} place on the screen */
function crosshairMark([x, y]) {
  const d = `M${x - 14} ${y}h10M${x + 4} ${y}h10M${x} ${y - 14}v10M${x} ${y + 4}v10`;
  return svg("g", { class: "crosshair" }, [svg("path", { class: "under", d }), svg("path", { d })]);
}

watch(["progress", "session"], ({ progress, session }) => {
  // The hand knows its own way.
  if (!progress || !session || session.state === "idle" || isFollowing()) {
    paths.clear();
    return;
  }
  for (const point of session.points) {
    const place = progress.places.get(point.id);
    if (place) paths.set(point.id, [...(paths.get(point.id) ?? [point.handle]), place]);
  }
});
watch(["session", "progress", "scrub", "selected", "qualities"], redraw);
viewport.onChange(redraw);
onGesture(redraw);
onRegion(redraw);
onComparison(redraw);
onPreference(redraw);
