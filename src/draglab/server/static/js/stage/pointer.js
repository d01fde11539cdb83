/** Mouse, pen and fingers on the stage: one pointer works with the tool, two fingers zoom and move the view. */

import { brushRadius } from "../tools/brush.js";
import { byId } from "../dom.js";
import { onPreference, preferred } from "../preferences.js";
import { setCrosshair } from "./gesture.js";
import { tool } from "../tools/choice.js";
import { viewport } from "./viewport.js";

/** @typedef {import("../types.js").XY} XY */

const stage = byId("stage", HTMLElement);
const circle = byId("brush-circle", HTMLElement);
/** @type {Map<number, XY>} where the pointers that are down are */
const down = new Map();
/** @type {"none" | "tool" | "pan" | "pinch"} */
let doing = "none";
let spaceHeld = false;
let pannedWithSpace = false;

/** @param {MouseEvent} event @returns {XY} */
function onStage(event) {
  const box = stage.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

/** @param {PointerEvent} event @returns {import("../tools/drag.js").Input} */
function inputOf(event) {
  const reach = event.pointerType === "mouse" ? 13 : 24;
  return { reach, alternate: event.altKey, pressure: event.pointerType === "pen" ? event.pressure : 0 };
}

/** @param {boolean} held @returns {boolean} when let go: whether the view was moved meanwhile */
export function holdSpace(held) {
  const panned = pannedWithSpace;
  if (held && !spaceHeld) pannedWithSpace = false;
  spaceHeld = held;
  stage.classList.toggle("grab", held);
  return panned;
}

stage.addEventListener("pointerdown", (event) => {
  if (event.button > 1) return;
  // Keeps the focus where keys work, and text from being selected.
  stage.focus({ preventScroll: true });
  event.preventDefault();
  setCrosshair(null);
  stage.setPointerCapture(event.pointerId);
  const at = onStage(event);
  down.set(event.pointerId, at);
  if (down.size === 2) {
    if (doing === "tool") tool()?.cancel();
    doing = "pinch";
  } else if (down.size === 1) {
    const inHand = tool();
    if (spaceHeld || event.button === 1 || !inHand) {
      doing = "pan";
      pannedWithSpace = spaceHeld;
      stage.classList.add("grabbing");
    } else {
      doing = "tool";
      inHand.press(viewport.toImage(at), inputOf(event));
    }
  }
});

stage.addEventListener("pointermove", (event) => {
  const at = onStage(event);
  showCircle(event, at);
  const before = down.get(event.pointerId);
  if (!before) return;
  if (doing === "pan") viewport.panBy(at[0] - before[0], at[1] - before[1]);
  else if (doing === "pinch") pinch(event.pointerId, before, at);
  else if (doing === "tool") {
    // A stroke goes through every place; of a pull, only the newest counts.
    const events = tool()?.strokes ? (event.getCoalescedEvents?.() ?? []) : [];
    for (const each of events.length > 0 ? events : [event]) {
      tool()?.move(viewport.toImage(onStage(each)), inputOf(event));
    }
  }
  down.set(event.pointerId, at);
});

/**
 * @param {number} id of the finger that moved
 * @param {XY} before
 * @param {XY} at
 */
function pinch(id, before, at) {
  const other = [...down].find(([key]) => key !== id)?.[1];
  if (!other) return;
  const [was, is] = [
    Math.hypot(before[0] - other[0], before[1] - other[1]),
    Math.hypot(at[0] - other[0], at[1] - other[1]),
  ];
  if (was > 1) viewport.zoomAt(is / was, [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
  viewport.panBy((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
}

/** @param {PointerEvent} event @param {boolean} cancelled */
function up(event, cancelled) {
  if (!down.delete(event.pointerId)) return;
  if (doing === "tool") {
    if (cancelled) tool()?.cancel();
    else void tool()?.release();
  }
  // After a pinch the finger that stays does nothing.
  doing = doing === "pinch" && down.size > 0 ? "pinch" : "none";
  stage.classList.remove("grabbing");
}

stage.addEventListener("pointerup", (event) => up(event, false));
stage.addEventListener("pointercancel", (event) => up(event, true));
stage.addEventListener("pointerleave", () => (circle.hidden = true));
stage.addEventListener("contextmenu", (event) => event.preventDefault());

stage.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : 1;
    // A pinch on a track pad comes as Ctrl with small numbers.
    const speed = event.ctrlKey ? 0.01 : 0.0015;
    viewport.zoomAt(Math.exp(-event.deltaY * lines * speed), onStage(event));
  },
  { passive: false },
);

/** @param {PointerEvent} event @param {XY} at */
function showCircle(event, at) {
  const brushes = preferred().tool === "brush" || preferred().tool === "eraser";
  circle.hidden = !brushes || spaceHeld || doing === "pan" || (event.pointerType === "touch" && doing !== "tool");
  if (circle.hidden) return;
  const radius = Math.max(brushRadius() * viewport.zoom, 2);
  circle.style.width = circle.style.height = `${2 * radius}px`;
  circle.style.transform = `translate(${at[0] - radius}px, ${at[1] - radius}px)`;
}

onPreference(({ tool: name }) => {
  if (name !== "brush" && name !== "eraser") circle.hidden = true;
});

/** Leaves a gesture. @returns {boolean} whether there was one */
export function cancelGesture() {
  if (doing !== "tool") return false;
  tool()?.cancel();
  doing = "none";
  return true;
}

new ResizeObserver(() => viewport.resizeStage(stage.clientWidth, stage.clientHeight)).observe(stage);
