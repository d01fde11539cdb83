/** The buttons that undo and redo, of the page and of the widget. */

import { byId } from "./dom.js";
import { redo, undo } from "./actions.js";
import { watch } from "./store.js";

/** Sets them going. */
export function initUndo() {
  const undoButton = byId("undo", HTMLButtonElement);
  const redoButton = byId("redo", HTMLButtonElement);
  undoButton.addEventListener("click", () => void undo());
  redoButton.addEventListener("click", () => void redo());
  watch(["session", "link"], ({ session, link }) => {
    undoButton.disabled = !session?.can_undo || link !== "open";
    redoButton.disabled = !session?.can_redo || link !== "open";
  });
}
