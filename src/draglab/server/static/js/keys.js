/** Keys that work anywhere on the page, and the dialog that lists them. */

import { byId, isTyping, make } from "./dom.js";
import { cancelCrosshair } from "./stage/crosshair.js";
import { cancelGesture, holdSpace } from "./stage/pointer.js";
import { choose } from "./tools/choice.js";
import { closeSheet } from "./panels/sheet.js";
import { dropRegion } from "./tools/region.js";
import { fillDialog, isDialogOpen } from "./dialogs.js";
import { get } from "./store.js";
import { holdOriginal, toggleSplit } from "./compare.js";
import { maskLayer } from "./mask/layer.js";
import { openExport } from "./export.js";
import { prefer, preferred } from "./preferences.js";
import { randomSeed } from "./panels/start.js";
import { redo, removePoint, stop, undo } from "./actions.js";
import { resizeBrush } from "./tools/brush.js";
import { toggleRun } from "./status.js";
import { viewport } from "./stage/viewport.js";
import { zoomIn, zoomOut } from "./stage/zoom.js";

const HELP = /** @type {const} */ ([
  [
    "Drag",
    [
      ["Press, pull, let go", "the picture follows"],
      ["Click", "pin a place, or a handle where it is: it stays while you pull elsewhere"],
      ["Click a pin", "let go of it"],
      ["Pull a grey handle", "drag it on; otherwise it rests"],
      ["Alt + pull", "move a handle itself"],
      ["Space", "run or stop"],
      ["Esc", "take a pull back; stop"],
      ["Delete", "delete the selected handle or pin"],
    ],
  ],
  [
    "Without a mouse, in the picture",
    [
      ["Arrows", "move the crosshair, with Shift by ten"],
      ["Enter", "take hold; let go; twice in one place: pin"],
      ["N", "next handle or pin"],
    ],
  ],
  [
    "Tools",
    [
      ["V", "drag"],
      ["L", "region: draw around something, then pull, scale or turn it"],
      ["B  E  G", "mask: brush, eraser, fill"],
      ["[  ]", "smaller, larger brush"],
      ["X", "swap “may move” and “must stay”"],
      ["I", "invert the mask"],
      ["M", "show or hide the mask"],
      ["H", "move the view"],
    ],
  ],
  [
    "View",
    [
      ["Wheel, pinch", "zoom"],
      ["Space + pull, middle button", "move the view"],
      ["+  −", "zoom in, out"],
      ["Ctrl + 0, Ctrl + 1", "fit, 100 %"],
      ["O", "hold to see the start"],
      ["C", "before and after"],
      ["P", "show or hide handles"],
    ],
  ],
  [
    "Frame of a photo",
    [
      ["Arrows", "move it, with Shift by ten"],
      ["+  −, wheel", "scale it"],
      [",  ., Shift + wheel", "turn it"],
      ["0", "put it back"],
    ],
  ],
  [
    "Edit",
    [
      ["Ctrl + Z", "undo"],
      ["Ctrl + Shift + Z, Ctrl + Y", "redo"],
      ["Ctrl + S", "export"],
      ["Ctrl + V", "open a picture that was copied"],
      ["R", "random start image"],
      ["?", "this list"],
    ],
  ],
]);

const dialog = byId("help-dialog", HTMLDialogElement);

function showHelp() {
  const groups = HELP.map(([title, keys]) =>
    make("section", {}, [
      make("h3", {}, [title]),
      make(
        "dl",
        {},
        keys.flatMap(([key, what]) => [make("dt", {}, [make("kbd", {}, [key])]), make("dd", {}, [what])]),
      ),
    ]),
  );
  fillDialog(dialog, "help-title", "Keys", [make("div", { class: "key-list" }, groups)]);
  dialog.showModal();
}

function deleteSelected() {
  if (preferred().tool === "region" && dropRegion(true)) return;
  const { selected } = get();
  if (selected !== null) removePoint(selected);
}

function escape() {
  if (cancelGesture() || cancelCrosshair() || closeSheet()) return;
  if (get().session?.state === "idle" && dropRegion()) return;
  stop();
}

/** @type {Record<string, () => void>} by key, lower case */
const PLAIN = {
  v: () => choose("drag"),
  l: () => choose("region"),
  b: () => choose("brush"),
  e: () => choose("eraser"),
  g: () => choose("fill"),
  h: () => choose("pan"),
  "[": () => resizeBrush(1 / 1.2),
  "]": () => resizeBrush(1.2),
  x: () => prefer({ maskView: preferred().maskView === "movable" ? "frozen" : "movable" }),
  i: () => maskLayer.invert(),
  m: () => prefer({ showMask: !preferred().showMask }),
  p: () => prefer({ showPoints: !preferred().showPoints }),
  c: () => toggleSplit(),
  o: () => holdOriginal(true),
  r: randomSeed,
  "+": zoomIn,
  "=": zoomIn,
  "-": zoomOut,
  "?": showHelp,
  delete: deleteSelected,
  backspace: deleteSelected,
  escape,
};

/** @type {Record<string, () => void>} with Ctrl, or Cmd on a Mac */
const CONTROL = {
  z: () => {
    if (!cancelGesture() && !cancelCrosshair()) void undo();
  },
  "shift+z": () => void redo(),
  y: () => void redo(),
  s: openExport,
  0: () => viewport.fit(),
  1: () => viewport.actualSize(),
};

/**
 * Whether Space belongs to the control that has the focus. One that was only clicked does not keep it: who works with the
 * mouse means the drag.
 *
 * @param {KeyboardEvent} event
 */
function pressesControl(event) {
  if (!document.body.classList.contains("keys")) return false;
  return event.target instanceof Element && event.target.closest("button, summary, input, a, [role=slider]") !== null;
}

// The ring around the picture is for those who work with keys.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.key === "Tab" || event.key.startsWith("Arrow")) document.body.classList.add("keys");
  },
  true,
);
document.addEventListener("pointerdown", () => document.body.classList.remove("keys"), true);

document.addEventListener("keydown", (event) => {
  if (isDialogOpen() || isTyping(event)) return;
  const control = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (key === " " && !control) {
    if (pressesControl(event)) return;
    event.preventDefault();
    if (!event.repeat) holdSpace(true);
    return;
  }
  const act = control ? CONTROL[event.shiftKey ? `shift+${key}` : key] : event.altKey ? undefined : PLAIN[key];
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("keyup", (event) => {
  if (event.key.toLowerCase() === "o") holdOriginal(false);
  if (event.key !== " " || pressesControl(event) || isTyping(event) || isDialogOpen()) return;
  event.preventDefault();
  // Space alone runs; held for moving the view, it does not.
  if (!holdSpace(false)) toggleRun();
});
window.addEventListener("blur", () => {
  holdSpace(false);
  holdOriginal(false);
});
byId("help", HTMLButtonElement).addEventListener("click", showHelp);
