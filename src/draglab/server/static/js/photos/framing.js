/** The first page of a photo's dialog: where its frame lies, for which model, and how much effort is made. */

import { FrameBox } from "./frame_box.js";
import { ask } from "../app.js";
import { drawCrop } from "./geometry.js";
import { get, watch } from "../store.js";
import { make } from "../dom.js";
import { openModels } from "../models/dialog.js";

/** @typedef {import("../wire_types.js").PhotoFrame} Frame */
/** @typedef {"fast" | "default" | "best"} Effort */
/**
 * A photo as the server answers its upload. missing: a model that would suit better, but is not there.
 *
 * @typedef {{photo: string, name: string, width: number, height: number, notes: string[], model: string, missing: string | null}} Draft
 */
/** @typedef {(photo: string, picture: HTMLImageElement, scale: number) => void} Begun */

const SIDE = 512;
const EFFORTS = /** @type {const} */ ([
  ["fast", "Fast", "Half of the steps: a first look."],
  ["default", "Normal", "Near enough for most photos."],
  ["best", "Best", "Twice the steps and more: nearer to the photo."],
]);

/** @type {Draft | null} the photo whose frame is placed */
let draft = null;
/** @type {Begun} */
let begun = () => {};
/** Whether a person has moved the frame. */
let moved = false;
/** @type {Frame | null} */
let frame = null;
/** @type {import("../wire_types.js").FoundFace[]} */
let faces = [];
/** Index of the face that is framed. */
let face = 0;
let aspect = 1;
/** Counts what was asked, so that late answers are dropped. */
let asked = 0;

const box = new FrameBox((changed) => {
  moved = true;
  frame = changed;
  showPreview();
}, takeFace);
const preview = make("canvas", { class: "crop", role: "img", "aria-label": "What the model will show" });
const found = make("p", { class: "found", role: "status" });
const next = make("button", { class: "small next-face", onclick: () => takeFace((face + 1) % faces.length) }, ["Next face"]);
const notes = make("p", { class: "quiet-text" });
const model = make("select", { id: "photo-model", onchange: () => void findFrame() });
const advice = make("div", { class: "advice" });
const efforts = make("div", { class: "choices efforts", role: "radiogroup", "aria-label": "Effort" });
const effortHelp = make("p", { class: "quiet-text" });
const start = make("button", { class: "primary", onclick: () => void begin() }, ["Start"]);
const problem = make("p", { class: "problem", role: "alert" });

/**
 * Begins with a photo.
 *
 * @param {Draft} given
 * @param {Begun} whenBegun called when the server works on it; scale: pixels of the picture for one of the photo
 * @param {() => void} cancel
 */
export function framingView(given, whenBegun, cancel) {
  [draft, begun, moved, frame, faces, face] = [given, whenBegun, false, null, [], 0];
  next.hidden = true;
  problem.textContent = "";
  notes.textContent = given.notes.join(" ");
  fillModels(given.model);
  chooseEffort();
  box.show(`/photos/${given.photo}`, given);
  box.picture.onload = showPreview;
  void findFrame();
  return make("div", { class: "framing" }, [
    box.element,
    make("div", { class: "framing-side" }, [
      make("figure", {}, [preview, make("figcaption", { class: "quiet-text" }, ["What the model will show"])]),
      make("div", { class: "framing-form" }, [
        make("div", { class: "found-faces" }, [found, next]),
        notes,
        make("div", { class: "row" }, [make("label", { for: "photo-model" }, ["Model"]), model]),
        advice,
        efforts,
        effortHelp,
        problem,
        make("div", { class: "buttons" }, [start, make("button", { onclick: cancel }, ["Cancel"])]),
      ]),
    ]),
  ]);
}

/** Puts the focus where keys move the frame. */
export function focusFrame() {
  box.element.focus({ preventScroll: true });
}

/** The photo whose frame is being placed, which is over then. */
export function takeDraft() {
  const taken = draft;
  draft = null;
  return taken;
}

/** Sets a canvas to the shape of a model's images. @param {HTMLCanvasElement} canvas @param {number} shape */
export function setShape(canvas, shape) {
  canvas.width = Math.round(SIDE * Math.min(shape, 1));
  canvas.height = Math.round(SIDE / Math.max(shape, 1));
}

/** @param {string} chosen */
function fillModels(chosen) {
  const models = get().models?.models ?? [];
  model.replaceChildren(...models.map((each) => make("option", { value: each.name }, [each.title])));
  model.value = chosen;
  showAdvice();
}

function showAdvice() {
  const missing = draft?.missing ?? null;
  advice.hidden = missing === null || model.value === missing;
  if (missing === null || advice.hidden) return;
  const here = get().models?.models.some((each) => each.name === missing) ?? false;
  const offered = get().models?.offers.some((each) => each.name === missing) ?? false;
  const said = here ? `${missing} is here now.` : `For photos of faces, the model ${missing} suits; it is not here yet.`;
  advice.replaceChildren(
    make("p", {}, [said]),
    here
      ? make("button", { class: "small", onclick: () => take(missing) }, ["Use it"])
      : offered
        ? make("button", { class: "small", "aria-haspopup": "dialog", onclick: openModels }, ["More models…"])
        : make("p", { class: "quiet-text" }, [`Where draglab runs: draglab models pull ${missing}`]),
  );
}

/** @param {string} name */
function take(name) {
  model.value = name;
  void findFrame();
}

function chooseEffort() {
  efforts.replaceChildren(
    ...EFFORTS.map(([value, label]) => {
      const choice = make("input", { type: "radio", name: "effort", value, onchange: explainEffort });
      choice.checked = value === "default";
      return make("label", { class: "choice" }, [choice, make("span", {}, [label])]);
    }),
  );
  explainEffort();
}

/** @returns {Effort} */
function effortChosen() {
  const chosen = efforts.querySelector("input:checked");
  return /** @type {Effort} */ (chosen instanceof HTMLInputElement ? chosen.value : "default");
}

function explainEffort() {
  effortHelp.textContent = EFFORTS.find(([value]) => value === effortChosen())?.[2] ?? "";
}

/** Asks where the face is, for the model that is chosen; a frame that a person has placed stays. */
async function findFrame() {
  const photo = draft?.photo;
  if (!photo) return;
  const number = ++asked;
  showAdvice();
  start.disabled = true;
  found.textContent = "Looking for a face…";
  next.disabled = true;
  const answer = await ask({ type: "find_frame", photo, model: model.value }, "found_frame");
  if (number !== asked || draft?.photo !== photo) return;
  if (answer.type !== "found_frame") {
    found.textContent = answer.message;
    return;
  }
  start.disabled = false;
  aspect = answer.aspect;
  setShape(preview, aspect);
  faces = answer.faces;
  face = Math.min(face, Math.max(faces.length - 1, 0));
  box.mark(faces, face);
  placeFrame(moved && frame !== null ? frame : (faces[face]?.frame ?? answer.frame));
  found.textContent = faces.length > 0 ? foundText() : answer.text;
  next.hidden = faces.length < 2;
  next.disabled = false;
}

/** @param {Frame} wanted */
function placeFrame(wanted) {
  box.place(wanted, aspect);
  frame = box.frame;
  showPreview();
}

/** Frames another face. @param {number} index */
function takeFace(index) {
  const taken = faces[index];
  if (!taken) return;
  [face, moved] = [index, false];
  box.mark(faces, face);
  placeFrame(taken.frame);
  found.textContent = foundText();
}

function foundText() {
  if (faces.length === 1) return "A face was found. Move, scale or turn the frame if it should lie elsewhere.";
  if (face === 0) return `${faces.length} faces found: the largest is framed. Pick another in the photo, or here:`;
  return `Face ${face + 1} of ${faces.length} is framed. Pick another in the photo, or here:`;
}

function scaleOf(/** @type {Draft} */ { width }) {
  return box.picture.naturalWidth / width;
}

function showPreview() {
  if (!draft || !frame || !box.picture.complete || box.picture.naturalWidth === 0) return;
  drawCrop(preview, box.picture, scaleOf(draft), frame, aspect);
}

async function begin() {
  if (!draft || !frame) return;
  const given = draft;
  const { photo } = given;
  start.disabled = true;
  problem.textContent = "";
  const { x, y, size, angle } = frame;
  const answer = await ask(
    { type: "invert_photo", photo, model: model.value, frame: { x, y, size, angle }, effort: effortChosen() },
    "photo_begun",
  );
  if (draft !== given) return;
  start.disabled = false;
  if (answer.type !== "photo_begun") {
    problem.textContent = answer.message;
    return;
  }
  draft = null;
  begun(photo, box.picture, scaleOf(given));
}

watch(["models"], () => {
  if (draft) fillModels(model.value);
});
