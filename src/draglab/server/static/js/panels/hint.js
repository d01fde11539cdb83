/** Under the picture: says of a handle that it can hardly be followed, and offers the nearest place that can. */

import { byId, make } from "../dom.js";
import { get, set, watch } from "../store.js";
import { shownPoints } from "../stage/markers.js";
import { takeNearest } from "../actions.js";
import { onGesture } from "../stage/gesture.js";

/** @typedef {import("../types.js").Point} Point */

const hint = byId("hint", HTMLElement);
const text = make("p", {});
const use = make("button", { class: "small", onclick: () => take() }, ["Use nearest good place"]);
const keep = make("button", { class: "quiet small", onclick: () => dismiss() }, ["Keep"]);
/** @type {number | null} */
let shownFor = null;

/** Builds the hint. */
export function initHint() {
  hint.append(text, make("div", { class: "buttons" }, [use, keep]));
  watch(["qualities", "session", "scrub"], render);
  onGesture(render);
}

function take() {
  if (shownFor !== null) void takeNearest(shownFor);
}

function dismiss() {
  if (shownFor === null) return;
  const { [shownFor]: _, ...qualities } = get().qualities;
  set({ qualities });
}

/** Says it of a handle that is being placed or dragged; of one that rests, the list goes on saying it. */
function render() {
  const { qualities, scrub } = get();
  const points = shownPoints();
  const doubtful = (/** @type {Point} */ each) => !each.pin && !each.resting && qualities[each.id]?.distinctive === false;
  const point = points.findLast(doubtful);
  shownFor = point?.id ?? null;
  hint.hidden = !point || scrub !== null;
  if (!point) return;
  const number = points.filter((each) => !each.pin).indexOf(point) + 1;
  const said = `Handle ${number} is hard to track here: too uniform.`;
  if (text.textContent !== said) text.textContent = said;
  use.hidden = !qualities[point.id]?.nearest;
}
