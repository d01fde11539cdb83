/** The second page of a photo's dialog: the reconstruction grows beside the photo. */

import { announce } from "../notices.js";
import { ask, send } from "../app.js";
import { drawCrop } from "./geometry.js";
import { figuresOf, isUnderWay, shareDone, stageOf } from "./work.js";
import { get } from "../store.js";
import { make } from "../dom.js";
import { setShape } from "./framing.js";

/** @typedef {import("../wire_types.js").PhotoView} PhotoView */

/** @type {string | null} the photo that is shown */
let shown = null;
let close = () => {};
let announced = "";

const crop = make("canvas", { class: "crop", role: "img", "aria-label": "Your photo" });
const grown = make("canvas", { class: "crop", role: "img", "aria-label": "Reconstruction" });
const stage = make("p", { class: "stage-text" });
const figures = make("p", { class: "quiet-text number" });
const bar = make("progress", { max: 1, "aria-label": "Bringing the photo in" });
const buttons = make("div", { class: "buttons" });

/**
 * Begins with a photo.
 *
 * @param {PhotoView} view
 * @param {() => void} whenClosed closes the dialog
 * @param {HTMLImageElement} [picture] of the whole photo, if this page has it
 * @param {number} [scale] pixels of that for one of the photo
 */
export function growingView(view, whenClosed, picture, scale) {
  [shown, close, announced] = [view.photo, whenClosed, ""];
  const known = get().models?.models.find((each) => each.name === view.model);
  const aspect = known ? known.width / known.height : 1;
  // Also clears them.
  for (const canvas of [crop, grown]) setShape(canvas, aspect);
  if (picture && scale) drawCrop(crop, picture, scale, view.frame, aspect);
  else void fetchCrop(view, aspect);
  delete buttons.dataset["kind"];
  renderGrowing(view);
  return [
    make("div", { class: "growing" }, [
      make("figure", {}, [crop, make("figcaption", {}, ["Your photo"])]),
      make("figure", {}, [grown, make("figcaption", {}, ["Reconstruction"])]),
    ]),
    make("div", { class: "growing-text" }, [stage, figures]),
    bar,
    buttons,
  ];
}

/** Draws the crop of a photo that this page has not shown yet. @param {PhotoView} view @param {number} aspect */
async function fetchCrop({ photo, width, frame }, aspect) {
  const picture = make("img", { alt: "", src: `/photos/${photo}` });
  await picture.decode().catch(() => null);
  if (shown !== photo || picture.naturalWidth === 0) return;
  drawCrop(crop, picture, picture.naturalWidth / width, frame, aspect);
}

/** Shows the newest image of the model. @param {Blob} picture */
export async function showGrown(picture) {
  const bitmap = await createImageBitmap(picture);
  grown.getContext("2d")?.drawImage(bitmap, 0, 0, grown.width, grown.height);
  bitmap.close();
}

/** Shows how far the photo is. @param {PhotoView} view */
export function renderGrowing(view) {
  const said = stageOf(view);
  stage.textContent = said;
  if (said !== announced) announce((announced = said));
  figures.textContent = figuresOf(view);
  const share = shareDone(view);
  bar.hidden = view.state === "unfinished" || view.state === "failed";
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  // Buttons stay the same elements while nothing changes, so that they keep the focus.
  const kind = `${view.photo} ${view.state === "tuning" ? "projection" : view.state}`;
  if (buttons.dataset["kind"] === kind) return;
  buttons.dataset["kind"] = kind;
  buttons.replaceChildren(...choicesOf(view));
}

/** @param {PhotoView} view */
function choicesOf(view) {
  const { photo, state } = view;
  const drop = (/** @type {string} */ label) =>
    make("button", { onclick: () => void (send({ type: "cancel_photo", photo }) && close()) }, [label]);
  const again = (/** @type {string} */ label) =>
    make("button", { class: "primary", onclick: () => void resume(photo) }, [label]);
  if (state === "unfinished") return [again("Go on"), drop("Delete")];
  if (state === "failed") return [again("Try again"), drop("Delete")];
  if (!isUnderWay(view)) return [];
  const stop = make("button", { class: "primary", onclick: () => void send({ type: "stop_photo", photo }) }, [
    "Stop and keep",
  ]);
  const leave = make("button", { class: "quiet", onclick: close }, ["Go on in the background"]);
  return [...(state === "projection" || state === "tuning" ? [stop] : []), drop("Cancel"), leave];
}

/** @param {string} photo */
async function resume(photo) {
  const answer = await ask({ type: "resume_photo", photo }, "photo_begun");
  if (answer.type === "error" && shown === photo) stage.textContent = answer.message;
}
