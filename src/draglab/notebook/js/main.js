/** Starts the page in a notebook's cell: stage, tools, undo and comparison, without what needs the server. */

import "../../server/static/js/stage/crosshair.js";
import "../../server/static/js/stage/painter.js";
import "../../server/static/js/stage/pointer.js";
import "../../server/static/js/stage/zoom.js";
import { isTyping } from "../../server/static/js/dom.js";
import { cancelCrosshair } from "../../server/static/js/stage/crosshair.js";
import { cancelGesture } from "../../server/static/js/stage/pointer.js";
import { connection } from "../../server/static/js/app.js";
import { dropRegion } from "../../server/static/js/tools/region.js";
import { get } from "../../server/static/js/store.js";
import { initModels } from "../../server/static/js/models/models.js";
import { initStatus } from "../../server/static/js/status.js";
import { initUndo } from "../../server/static/js/undo.js";
import { redo, removePoint, stop, undo } from "../../server/static/js/actions.js";

initStatus();
initModels();
initUndo();

function escape() {
  if (cancelGesture() || cancelCrosshair()) return;
  if (get().session?.state === "idle" && dropRegion()) return;
  stop();
}

function deleteSelected() {
  const { selected } = get();
  if (selected !== null) removePoint(selected);
}

// Who reads on in the notebook scrolls past the widget; who works in it zooms.
document.addEventListener(
  "wheel",
  (event) => {
    if (!document.hasFocus()) event.stopPropagation();
  },
  { capture: true, passive: true },
);

/** @type {Record<string, () => void>} */
const KEYS = {
  "ctrl+z": () => {
    if (!cancelGesture() && !cancelCrosshair()) void undo();
  },
  "ctrl+shift+z": () => void redo(),
  "ctrl+y": () => void redo(),
  delete: deleteSelected,
  backspace: deleteSelected,
  escape,
};

document.addEventListener("keydown", (event) => {
  if (isTyping(event)) return;
  const control = event.ctrlKey || event.metaKey ? "ctrl+" : "";
  const act = KEYS[`${control}${control && event.shiftKey ? "shift+" : ""}${event.key.toLowerCase()}`];
  if (!act) return;
  event.preventDefault();
  act();
});

connection.open();
