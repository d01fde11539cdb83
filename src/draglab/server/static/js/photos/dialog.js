/** The dialog of one photo: first its frame (framing.js), then the reconstruction that grows (growing.js). */

import { byId, make } from "../dom.js";
import { fillDialog } from "../dialogs.js";
import { focusFrame, framingView, takeDraft } from "./framing.js";
import { get, set, watch } from "../store.js";
import { growingView, renderGrowing, showGrown } from "./growing.js";
import { isUnderWay, photoOf } from "./work.js";
import { onMessage, onPicture, send } from "../app.js";

const KEY = "draglab.photo";
const dialog = byId("photo-dialog", HTMLDialogElement);
/** @type {string | null} the photo whose reconstruction is shown */
let shown = null;

/** Whether the dialog shows the reconstruction of this photo. @param {string} photo */
export function isShown(photo) {
  return dialog.open && shown === photo;
}

const close = () => dialog.close();

/** @param {string} title @param {(Node | string)[]} content */
function fill(title, content) {
  fillDialog(dialog, "photo-title", title, content);
  if (!dialog.open) dialog.showModal();
}

/** Says that a photo is on its way here. @param {string} name */
export function showReading(name) {
  leave();
  fill("Photo", [
    make("p", { role: "status" }, [`Reading ${name}…`]),
    make("progress", { "aria-label": "Reading the photo" }),
  ]);
}

/** Closes what {@link showReading} has opened. */
export function endReading() {
  if (shown === null) close();
}

/** Lets a person place the frame. @param {import("./framing.js").Draft} draft */
export function showFraming(draft) {
  // Closed in the meantime: not wanted any more.
  if (!dialog.open) return void send({ type: "cancel_photo", photo: draft.photo });
  fill(`Photo ${draft.name}`, [framingView(draft, showGrowing, close)]);
  focusFrame();
}

/**
 * Shows a photo that is under way, or can be.
 *
 * @param {string} photo
 * @param {HTMLImageElement} [picture] of it
 * @param {number} [scale] pixels of that for one of the photo
 */
export function showGrowing(photo, picture, scale) {
  const view = photoOf(photo);
  if (!view) return;
  shown = photo;
  remember(photo);
  fill(`Photo ${view.name}`, growingView(view, close, picture, scale));
  // The panel no longer has to show it.
  set({ photos: [...get().photos] });
}

/** Leaves the photo that is shown: one whose frame was placed is dropped, one under way goes on. */
function leave() {
  const draft = takeDraft();
  if (draft) send({ type: "cancel_photo", photo: draft.photo });
  shown = null;
  remember(null);
  // The panel shows it from now on.
  set({ photos: [...get().photos] });
}

/** @param {string | null} photo that a page which is loaded again shows */
function remember(photo) {
  try {
    if (photo === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, photo);
  } catch {
    // Then a reload shows it in the panel alone.
  }
}

function remembered() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** Sets it going. @param {(session: string) => void} open opens a session */
export function initDialog(open) {
  watch(["photos"], () => {
    const view = dialog.open ? photoOf(shown) : undefined;
    if (!view) return;
    renderGrowing(view);
    if (view.state !== "done" || view.session === null) return;
    close();
    open(view.session);
  });
  onPicture((header, picture) => {
    if (header.kind === "photo" && header.photo !== null && isShown(header.photo)) void showGrown(picture);
  });
  dialog.addEventListener("close", leave);
  onMessage("welcome", ({ photos }) => {
    // A page that was loaded again shows the photo that it showed.
    const before = photos.photos.find((each) => each.photo === remembered());
    if (before && isUnderWay(before) && !dialog.open) showGrowing(before.photo);
  });
}
