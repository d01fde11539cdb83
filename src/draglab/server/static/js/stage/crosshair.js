/** The tool in hand without a pointer: arrow keys move a crosshair, Enter presses and lets go. */

import { announce } from "../notices.js";
import { byId, shown } from "../dom.js";
import { crosshairAt, setCrosshair } from "./gesture.js";
import { get, set } from "../store.js";
import { tool } from "../tools/choice.js";
import { viewport } from "./viewport.js";

/** @typedef {import("../types.js").XY} XY */

const INPUT = { reach: 13, alternate: false, pressure: 0 };
const stage = byId("stage", HTMLElement);
let pressed = false;

/** Leaves a pull under way. @returns {boolean} whether there was one */
export function cancelCrosshair() {
  if (!pressed) return false;
  pressed = false;
  tool()?.cancel();
  announce("Let go without pulling.");
  return true;
}

/** @param {number} dx image pixels @param {number} dy */
function moveBy(dx, dy) {
  const { width, height } = viewport.image;
  const from = crosshairAt() ?? [Math.round((width - 1) / 2), Math.round((height - 1) / 2)];
  const to = crosshairAt() ? viewport.clamp([from[0] + dx, from[1] + dy]) : /** @type {XY} */ (from);
  setCrosshair(to);
  if (pressed) tool()?.move(to, INPUT);
  announce(`${shown(to[0])}, ${shown(to[1])}`);
}

function pressOrRelease() {
  const at = crosshairAt();
  if (!at) return moveBy(0, 0);
  if (!pressed) {
    pressed = true;
    tool()?.press(at, INPUT);
    announce("Holding on. Arrow keys pull, Enter lets go.");
  } else {
    pressed = false;
    void tool()?.release();
    announce("Let go.");
  }
}

/** Moves the selection to the next handle. @param {number} step */
function selectNext(step) {
  const points = get().session?.points ?? [];
  if (points.length === 0) return;
  const index = points.findIndex((point) => point.id === get().selected);
  const next = points[(index + step + points.length) % points.length] ?? points[0];
  if (!next) return;
  set({ selected: next.id });
  setCrosshair(next.target ?? next.handle);
  announce(`${next.pin ? "Pin" : "Handle"}, ${points.indexOf(next) + 1} of ${points.length} points`);
}

stage.addEventListener("keydown", (event) => {
  if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
  const far = event.shiftKey ? 10 : 1;
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => moveBy(-far, 0),
    ArrowRight: () => moveBy(far, 0),
    ArrowUp: () => moveBy(0, -far),
    ArrowDown: () => moveBy(0, far),
    Enter: pressOrRelease,
    n: () => selectNext(1),
    N: () => selectNext(-1),
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
});
stage.addEventListener("blur", () => {
  cancelCrosshair();
  setCrosshair(null);
});
