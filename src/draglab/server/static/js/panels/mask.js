/** The mask: which view is painted, size of the brush, soft edge, and what is done to all of it. */

import { byId, fill, icon, make, named } from "../dom.js";
import { choose } from "../tools/choice.js";
import { leaveRound } from "../actions.js";
import { maskLayer } from "../mask/layer.js";
import { onPreference, prefer } from "../preferences.js";
import { send } from "../app.js";
import { watch, get } from "../store.js";

/** @param {"movable" | "frozen"} value @param {string} text */
function viewChoice(value, text) {
  const input = make("input", { type: "radio", name: "mask-view", value, onchange: () => prefer({ maskView: value }) });
  return { input, label: make("label", { class: `choice ${value}` }, [input, make("span", {}, [text])]) };
}

const movable = viewChoice("movable", "May move");
const frozen = viewChoice("frozen", "Must stay");
const size = make("input", {
  type: "range",
  id: "brush-size",
  min: 4,
  max: 256,
  step: 1,
  oninput: () => prefer({ brush: Number(size.value) }),
});
const feather = make("input", {
  type: "range",
  id: "feather",
  min: 0,
  max: 32,
  step: 1,
  oninput: () => maskLayer.setFeather(Number(feather.value)),
  onchange: () => void leaveRound().then(() => maskLayer.commit()),
});
const showMask = make("input", {
  type: "checkbox",
  id: "show-mask",
  role: "switch",
  onchange: () => prefer({ showMask: showMask.checked }),
});
const paint = make("button", { class: "small", onclick: () => choose("brush") }, [icon("brush"), "Paint"]);
const suggest = make("button", { class: "small", onclick: () => suggestMask() }, [icon("suggest"), "Suggest"]);
const invert = make("button", { class: "small", onclick: () => void leaveRound().then(() => maskLayer.invert()) }, [
  icon("invert"),
  "Invert",
]);
const clear = make("button", { class: "small", onclick: () => void leaveRound().then(() => maskLayer.clear()) }, [
  icon("trash"),
  "Clear",
]);
const note = make("p", { class: "quiet-text", id: "mask-note" });

/** Builds the panel. */
export function initMask() {
  byId("mask-panel", HTMLElement).append(
    make("div", { class: "choices", role: "radiogroup", "aria-label": "What the brush paints" }, [
      movable.label,
      frozen.label,
    ]),
    note,
    make("div", { class: "buttons" }, [paint, suggest, invert, clear]),
    make("div", { class: "row" }, [make("label", { for: "brush-size" }, ["Brush"]), size]),
    make("div", { class: "row" }, [make("label", { for: "feather" }, named("Soft edge", "feather")), feather]),
    make("label", { class: "switch" }, [
      showMask,
      make("span", { class: "track", "aria-hidden": "true" }),
      "Show the mask",
    ]),
  );
  onPreference((preferences) => {
    movable.input.checked = preferences.maskView === "movable";
    frozen.input.checked = preferences.maskView === "frozen";
    showMask.checked = preferences.showMask;
    fill(size, preferences.brush);
    render();
  });
  maskLayer.onChange(render);
  watch(["session", "link"], render);
}

/** Asks for a region around the handles. */
export function suggestMask() {
  void leaveRound().then(() => send({ type: "suggest_mask" }));
}

function render() {
  const { session } = get();
  const masked = maskLayer.mask !== null;
  invert.disabled = clear.disabled = feather.disabled = !masked;
  suggest.disabled = !session || session.points.length === 0;
  fill(feather, maskLayer.feather);
  const text = masked ? "Painted areas are tinted in the picture." : "Everything may move. Paint to keep parts still.";
  if (note.textContent !== text) note.textContent = text;
}
