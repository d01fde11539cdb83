/** Dialogs of the browser's own kind: focus stays inside, Escape and a press beside them close them. */

import { icon, make } from "./dom.js";

/**
 * Fills a dialog and wires its closing.
 *
 * @param {HTMLDialogElement} dialog
 * @param {string} titleId
 * @param {string} title
 * @param {(Node | string)[]} content
 */
export function fillDialog(dialog, titleId, title, content) {
  const close = make("button", { class: "quiet", "aria-label": "Close", onclick: () => dialog.close() }, [
    icon("close"),
  ]);
  const head = make("div", { class: "dialog-head" }, [make("h2", { id: titleId }, [title]), close]);
  dialog.replaceChildren(head, make("div", { class: "dialog-body" }, content));
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("pointerdown", (event) => {
    // The dialog's own box is its content: what is pressed outside that is the backdrop.
    if (event.target === dialog) dialog.close();
  });
}

/** Whether a dialog has the keys. */
export function isDialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}
