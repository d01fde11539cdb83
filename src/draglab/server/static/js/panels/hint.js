/** Beside a handle that cannot be followed: says so on the picture, and offers the nearest place that can. */

import { byId, make } from "../dom.js";
import { comparison, onComparison } from "../compare.js";
import { get, set, watch } from "../store.js";
import { onPreference, preferred } from "../preferences.js";
import { shownPoints } from "../stage/markers.js";
import { takeNearest } from "../actions.js";
import { onGesture } from "../stage/gesture.js";
import { viewport } from "../stage/viewport.js";

const hint = byId("hint", HTMLElement);
const use = make("button", { class: "small", onclick: () => take() }, ["Use nearest good place"]);
const keep = make("button", { class: "quiet small", onclick: () => dismiss() }, ["Keep"]);
/** @type {number | null} */
let shownFor = null;

/** Builds the hint. */
export function initHint() {
  hint.append(make("p", {}, ["Too even to follow here."]), make("div", { class: "buttons" }, [use, keep]));
  watch(["qualities", "session", "scrub"], place);
  viewport.onChange(place);
  onGesture(place);
  onComparison(place);
  onPreference(place);
}

function take() {
  if (shownFor !== null) void takeNearest(shownFor);
}

function dismiss() {
  if (shownFor === null) return;
  const { [shownFor]: _, ...qualities } = get().qualities;
  set({ qualities });
}

function place() {
  const { qualities, scrub } = get();
  const point = shownPoints().findLast((each) => !each.pin && qualities[each.id]?.distinctive === false);
  shownFor = point?.id ?? null;
  hint.hidden = !point || scrub !== null || comparison().mode !== "off" || !preferred().showPoints;
  if (!point || hint.hidden) return;
  use.hidden = !qualities[point.id]?.nearest;
  const [x, y] = viewport.toScreen(point.handle);
  const left = Math.min(Math.max(x - hint.offsetWidth / 2, 8), viewport.stage.width - hint.offsetWidth - 8);
  const below = y + 22 + hint.offsetHeight < viewport.stage.height;
  hint.style.transform = `translate(${left}px, ${below ? y + 18 : y - 18 - hint.offsetHeight}px)`;
}
