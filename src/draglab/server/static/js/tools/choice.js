/** Which tool is in hand. */

import { brushTool, eraserTool, fillTool } from "./brush.js";
import { byId } from "../dom.js";
import { dragTool } from "./drag.js";
import { onPreference, prefer, preferred } from "../preferences.js";
import { regionTool } from "./region.js";

/** @typedef {import("../types.js").ToolName} ToolName */

const TOOLS = { drag: dragTool, region: regionTool, brush: brushTool, eraser: eraserTool, fill: fillTool, pan: null };
const rail = byId("tools", HTMLElement);
const buttons = [...rail.querySelectorAll("button")];

/** The tool in hand; null: moving the view. */
export function tool() {
  return TOOLS[preferred().tool];
}

/** @param {string | undefined} name */
export function choose(name) {
  if (name && name in TOOLS) prefer({ tool: /** @type {ToolName} */ (name) });
}

for (const button of buttons) {
  button.addEventListener("click", () => choose(button.dataset["tool"]));
  button.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = buttons[(buttons.indexOf(button) + step + buttons.length) % buttons.length];
    next?.focus();
    choose(next?.dataset["tool"]);
  });
}

onPreference(({ tool: name }) => {
  for (const button of buttons) {
    const on = button.dataset["tool"] === name;
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
  }
  byId("stage", HTMLElement).dataset["tool"] = name;
});
