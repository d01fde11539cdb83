/** The dialog of a photo: its frame, the model and the effort; then how the reconstruction grows. */

import { FrameBox } from "./frame_box.js";
import { announce } from "../notices.js";
import { ask, onMessage, onPicture, send } from "../app.js";
import { byId, make } from "../dom.js";
import { drawCrop } from "./geometry.js";
import { fillDialog } from "../dialogs.js";
import { figuresOf, isUnderWay, photoOf, shareDone, stageOf } from "./work.js";
import { get, set, watch } from "../store.js";
import { openModels } from "../models/dialog.js";

/** @typedef {import("../wire_types.js").PhotoFrame} Frame */
/** @typedef {import("../wire_types.js").PhotoView} PhotoView */
/** @typedef {"fast" | "default" | "best"} Effort */
/**
 * A photo as the server answers its upload.
 *
 * @typedef {{photo: string, name: string, width: number, height: number, notes: string[], model: string, missing: string | null}} Draft
 */

const KEY = "draglab.photo";
const SIDE = 512;
const EFFORTS = /** @type {const} */ ([
  ["fast", "Fast", "a first look, half of the steps"],
  ["default", "Normal", ""],
  ["best", "Best", "twice the steps or more"],
]);

const dialog = byId("photo-dialog", HTMLDialogElement);
/** @type {(session: string) => void} */
let openSession = () => {};
/** @type {string | null} the photo that the dialog is about */
let shown = null;
/** @type {Draft | null} while its frame is placed */
let draft = null;
/** Whether a person has moved the frame. */
let moved = false;
/** @type {Frame | null} */
let frame = null;
let aspect = 1;
/** Counts what was asked, so that late answers are dropped. */
let asked = 0;
let announced = "";

const box = new FrameBox((changed) => {
  moved = true;
  frame = changed;
  showPreview();
});
const preview = make("canvas", { class: "crop", width: SIDE, height: SIDE, "aria-label": "What the model will show", role: "img" });
const found = make("p", { role: "status" });
const notes = make("p", { class: "quiet-text" });
const model = make("select", { id: "photo-model", onchange: () => void findFrame() });
const advice = make("div", { class: "advice" });
const efforts = make("div", { class: "choices efforts", role: "radiogroup", "aria-label": "Effort" });
const effortHelp = make("p", { class: "quiet-text" });
const start = make("button", { class: "primary", onclick: () => void begin() }, ["Bring it in"]);
const problem = make("p", { class: "problem", role: "alert" });

const crop = make("canvas", { class: "crop", width: SIDE, height: SIDE, role: "img", "aria-label": "Your photo" });
const grown = make("canvas", { class: "crop", width: SIDE, height: SIDE, role: "img", "aria-label": "Reconstruction" });
const stage = make("p", { class: "stage-text" });
const figures = make("p", { class: "quiet-text number" });
const bar = make("progress", { max: 1, "aria-label": "Bringing the photo in" });
const buttons = make("div", { class: "buttons" });
/** @type {HTMLImageElement | null} the whole photo, for its crop */
let whole = null;

/** Whether the dialog shows this photo. @param {string} photo */
export function isShown(photo) {
  return dialog.open && shown === photo;
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

/** Says that a photo is on its way here. @param {string} name */
export function showReading(name) {
  shown = draft = null;
  fillDialog(dialog, "photo-title", "Photo", [
    make("p", { role: "status" }, [`Reading ${name}…`]),
    make("progress", { "aria-label": "Reading the photo" }),
  ]);
  open();
}

/** Closes what {@link showReading} has opened. */
export function endReading() {
  if (shown === null) dialog.close();
}

function open() {
  if (!dialog.open) dialog.showModal();
}

/** Lets a person place the frame. @param {Draft} given */
export function showFraming(given) {
  if (!dialog.open) {
    // Closed in the meantime: not wanted any more.
    send({ type: "cancel_photo", photo: given.photo });
    return;
  }
  [shown, draft, moved, frame] = [given.photo, given, false, null];
  problem.textContent = "";
  notes.textContent = given.notes.join(" ");
  fillModels();
  model.value = given.model;
  chooseEffort("default");
  fillDialog(dialog, "photo-title", `Photo ${given.name}`, [
    make("div", { class: "framing" }, [
      box.element,
      make("div", { class: "framing-side" }, [
        make("figure", {}, [preview, make("figcaption", { class: "quiet-text" }, ["What the model will show"])]),
        make("div", { class: "framing-form" }, [
          found,
          notes,
          make("div", { class: "row" }, [make("label", { for: "photo-model" }, ["Model"]), model]),
          advice,
          efforts,
          effortHelp,
          problem,
          make("div", { class: "buttons" }, [start, make("button", { onclick: () => dialog.close() }, ["Cancel"])]),
        ]),
      ]),
    ]),
  ]);
  box.show(`/photos/${given.photo}`, given);
  box.element.focus({ preventScroll: true });
  box.picture.onload = showPreview;
  void findFrame();
}

function fillModels() {
  const models = get().models?.models ?? [];
  const chosen = model.value;
  model.replaceChildren(...models.map((each) => make("option", { value: each.name }, [each.title])));
  if (chosen) model.value = chosen;
  const missing = draft?.missing ?? null;
  const here = models.some((each) => each.name === missing);
  advice.hidden = missing === null || (here && model.value === missing);
  if (missing === null || advice.hidden) return;
  const offered = get().models?.offers.some((each) => each.name === missing) ?? false;
  const act = here
    ? make("button", { class: "small", onclick: () => take(missing) }, ["Use it"])
    : offered
      ? make("button", { class: "small", "aria-haspopup": "dialog", onclick: openModels }, ["More models…"])
      : make("p", { class: "quiet-text" }, [`Where draglab runs: draglab models pull ${missing}`]);
  const said = here ? `${missing} is here now.` : `For photos of faces, the model ${missing} suits; it is not here yet.`;
  advice.replaceChildren(make("p", {}, [said]), act);
}

/** @param {string} name */
function take(name) {
  model.value = name;
  fillModels();
  void findFrame();
}

/** @param {Effort} effort */
function chooseEffort(effort) {
  efforts.replaceChildren(
    ...EFFORTS.map(([value, label]) => {
      const choice = make("input", { type: "radio", name: "effort", value, onchange: () => explainEffort() });
      choice.checked = value === effort;
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
  const text = EFFORTS.find(([value]) => value === effortChosen())?.[2] ?? "";
  effortHelp.textContent = text === "" ? "" : text.charAt(0).toUpperCase() + text.slice(1) + ".";
  effortHelp.hidden = text === "";
}

/** Asks where the face is, for the model that is chosen; a frame that a person has placed stays. */
async function findFrame() {
  const photo = draft?.photo;
  if (!photo) return;
  const number = ++asked;
  fillModels();
  start.disabled = true;
  found.textContent = "Looking for a face…";
  const answer = await ask({ type: "find_frame", photo, model: model.value }, "found_frame");
  if (number !== asked || draft?.photo !== photo) return;
  if (answer.type !== "found_frame") {
    found.textContent = answer.message;
    return;
  }
  start.disabled = false;
  aspect = answer.aspect;
  preview.width = crop.width = grown.width = Math.round(SIDE * Math.min(aspect, 1));
  preview.height = crop.height = grown.height = Math.round(SIDE / Math.max(aspect, 1));
  if (!moved || frame === null) frame = answer.frame;
  box.place(frame, aspect);
  frame = box.frame;
  found.textContent = answer.found
    ? "A face was found. Move, scale or turn the frame if it should lie elsewhere."
    : answer.text;
  showPreview();
}

function showPreview() {
  if (!draft || !frame || !box.picture.complete || box.picture.naturalWidth === 0) return;
  drawCrop(preview, box.picture, box.picture.naturalWidth / draft.width, frame, aspect);
}

async function begin() {
  if (!draft || !frame) return;
  const { photo } = draft;
  start.disabled = true;
  problem.textContent = "";
  const { x, y, size, angle } = frame;
  const answer = await ask(
    { type: "invert_photo", photo, model: model.value, frame: { x, y, size, angle }, effort: effortChosen() },
    "photo_begun",
  );
  if (draft?.photo !== photo) return;
  start.disabled = false;
  if (answer.type !== "photo_begun") {
    problem.textContent = answer.message;
    return;
  }
  const { width } = draft;
  draft = null;
  showWork(photo, box.picture, box.picture.naturalWidth / width);
}

/**
 * Shows a photo that is under way, or can be.
 *
 * @param {string} photo
 * @param {HTMLImageElement} [picture] of it
 * @param {number} [scale] pixels of that for one of the photo
 */
export function showWork(photo, picture, scale) {
  const view = photoOf(photo);
  if (!view) return;
  [shown, draft] = [photo, null];
  grown.getContext("2d")?.clearRect(0, 0, grown.width, grown.height);
  fillDialog(dialog, "photo-title", `Photo ${view.name}`, [
    make("div", { class: "growing" }, [
      make("figure", {}, [crop, make("figcaption", {}, ["Your photo"])]),
      make("figure", {}, [grown, make("figcaption", {}, ["Reconstruction"])]),
    ]),
    make("div", { class: "growing-text" }, [stage, figures]),
    bar,
    buttons,
  ]);
  open();
  remember(photo);
  announced = "";
  renderWork(view);
  if (picture && scale) drawCrop(crop, picture, scale, view.frame, aspect);
  else void fetchCrop(view);
  set({ photos: get().photos });
}

/** Draws the crop of a photo that this page has not shown yet. @param {PhotoView} view */
async function fetchCrop(view) {
  crop.getContext("2d")?.clearRect(0, 0, crop.width, crop.height);
  whole = make("img", { alt: "", src: `/photos/${view.photo}` });
  const picture = whole;
  await picture.decode().catch(() => null);
  if (shown !== view.photo || picture.naturalWidth === 0) return;
  const known = get().models?.models.find((each) => each.name === view.model);
  aspect = known ? known.width / known.height : 1;
  // Pictures are reduced to a side of so many pixels; the server says how large the photo is.
  drawCrop(crop, picture, picture.naturalWidth / view.width, view.frame, aspect);
}

/** @param {PhotoView} view */
function renderWork(view) {
  const said = stageOf(view);
  stage.textContent = said;
  if (said !== announced) announce((announced = said));
  figures.textContent = figuresOf(view);
  const share = shareDone(view);
  bar.hidden = view.state === "unfinished" || view.state === "failed";
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  const { photo, state } = view;
  const act = (/** @type {"stop_photo" | "cancel_photo"} */ type) => () => send({ type, photo });
  const drop = (/** @type {string} */ label) =>
    make("button", { onclick: () => send({ type: "cancel_photo", photo }) && dialog.close() }, [label]);
  const again = (/** @type {string} */ label) => make("button", { class: "primary", onclick: () => void resume(photo) }, [label]);
  const choices = {
    unfinished: () => [again("Go on"), drop("Delete")],
    failed: () => [again("Try again"), drop("Delete")],
    waiting: () => [drop("Cancel")],
    projection: () => [make("button", { class: "primary", onclick: act("stop_photo") }, ["Stop and keep"]), drop("Cancel")],
    tuning: () => [make("button", { class: "primary", onclick: act("stop_photo") }, ["Stop and keep"]), drop("Cancel")],
    stopping: () => [drop("Cancel")],
    finishing: () => [drop("Cancel")],
    done: () => [],
  };
  // Buttons stay the same elements while nothing changes, so that they keep the focus.
  const kind = `${photo} ${state === "tuning" ? "projection" : state}`;
  if (buttons.dataset["kind"] === kind) return;
  buttons.dataset["kind"] = kind;
  buttons.replaceChildren(
    ...choices[state](),
    ...(isUnderWay(view) ? [make("button", { class: "quiet", onclick: () => dialog.close() }, ["Go on in the background"])] : []),
  );
}

/** @param {string} photo */
async function resume(photo) {
  const answer = await ask({ type: "resume_photo", photo }, "photo_begun");
  if (answer.type === "error" && shown === photo) stage.textContent = answer.message;
}

/** Sets it going. @param {(session: string) => void} opens a session */
export function initDialog(opens) {
  openSession = opens;
  watch(["photos"], ({ photos }) => {
    if (!dialog.open || shown === null || draft !== null) return;
    const view = photos.find((each) => each.photo === shown);
    if (!view) return;
    renderWork(view);
    if (view.state !== "done" || view.session === null) return;
    dialog.close();
    openSession(view.session);
  });
  watch(["models"], () => {
    if (draft) fillModels();
  });
  onPicture((header, picture) => {
    if (header.kind !== "photo" || header.photo !== shown || !dialog.open) return;
    void createImageBitmap(picture).then((bitmap) => {
      grown.getContext("2d")?.drawImage(bitmap, 0, 0, grown.width, grown.height);
      bitmap.close();
    });
  });
  dialog.addEventListener("close", () => {
    if (draft) send({ type: "cancel_photo", photo: draft.photo });
    shown = draft = null;
    remember(null);
    set({ photos: [...get().photos] });
  });
  onMessage("welcome", ({ photos }) => {
    // A page that was loaded again shows the photo that it showed.
    const before = remembered();
    const view = photos.photos.find((each) => each.photo === before);
    if (view && isUnderWay(view) && !dialog.open) showWork(view.photo);
    // What was opened only is gone with the connection's server; a new one does not know it.
  });
}

function remembered() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
