/**
 * Named edits: a button for each places its handles and targets on the face, to be changed, and dragged, like others. They
 * are there for models whose faces the server can find.
 */

import { ask } from "../app.js";
import { freshId, replacePoints, settle } from "../actions.js";
import { byId, make } from "../dom.js";
import { announce, notify } from "../notices.js";
import { get, watch } from "../store.js";

/** @typedef {import("../types.js").Point} Point */

const section = byId("named-edits", HTMLElement);
const strength = make("input", { type: "range", id: "named-strength", min: "-2", max: "2", step: "0.1", value: "1" });
const shown = make("output", { for: "named-strength" }, ["1"]);
const buttons = make("div", { class: "buttons", id: "named-buttons" });
/** Of which model the buttons are. @type {string | null} */
let model = null;

/** Builds the section. */
export function initNamed() {
  byId("named-panel", HTMLElement).append(
    buttons,
    make("div", { class: "row" }, [make("label", { for: "named-strength" }, ["Strength"]), strength, shown]),
    make("p", { class: "quiet-text" }, [
      "Handles are placed on the face in place of those there are. Change them, then drag; undo takes them back.",
    ]),
  );
  strength.addEventListener("input", () => (shown.textContent = strength.value));
  watch(["session", "link"], () => void update());
}

/** Asks for the edits of another model. */
async function update() {
  const { session, link } = get();
  if (link !== "open") model = null;
  if (!session || link !== "open" || session.model === model) return;
  const wanted = session.model;
  model = wanted;
  section.hidden = true;
  const answer = await ask({ type: "list_named_edits" }, "named_edits");
  if (model !== wanted) return;
  if (answer.type !== "named_edits") {
    model = null;
    return;
  }
  buttons.replaceChildren(
    ...answer.edits.map(({ name, title }) =>
      make("button", { class: "small", "data-edit": name, onclick: () => void place(name, title) }, [title]),
    ),
  );
  section.hidden = answer.edits.length === 0;
}

/** @param {string} name @param {string} title */
async function place(name, title) {
  const wanted = Number(strength.value);
  if (wanted === 0) return notify("Strength 0 moves nothing: choose another.", "error");
  await settle();
  const answer = await ask({ type: "place_named_edit", name, strength: wanted }, "ways");
  if (answer.type !== "ways") return notify(answer.message, "error");
  const points = answer.ways.map(({ handle, target }) => ({
    id: freshId(),
    handle,
    target,
    pin: handle[0] === target[0] && handle[1] === target[1],
    resting: false,
  }));
  await replacePoints(points);
  announce(`${title}: ${points.length} handles are placed. Change them, or drag.`);
}
