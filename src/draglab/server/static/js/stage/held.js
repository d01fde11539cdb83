/**
 * What the next drag would keep by itself: a veil over the picture, lighter where it may follow. It is there while handles
 * wait for their drag, and while somebody is at the slider that says how much is kept; never over a drag.
 */

import { ask } from "../app.js";
import { byId } from "../dom.js";
import { comparison, onComparison } from "../compare.js";
import { get, watch } from "../store.js";
import { isFollowing, onGesture } from "./gesture.js";
import { onPreference, preferred } from "../preferences.js";
import { scaleOf } from "../panels/scale.js";
import { shownPoints } from "./markers.js";

/** @typedef {import("../types.js").Point} Point */

const SETTING = "locality";
const ASK_MS = 60;
/** How long the veil stays after the slider was let go. */
const STAYS_MS = 1500;
/** How dark the veil is where everything is kept, for the lowest and the highest setting. */
const DARKNESS = [0.1, 0.42];

const canvas = document.createElement("canvas");
/** @type {(() => void)[]} */
const listeners = [];
/** @type {string | null} the question that was answered last */
let answered = null;
let asking = false;
/** @type {number[][] | null} */
let cells = null;
let touched = false;
let leaving = 0;

/** @param {() => void} react called when the veil has changed */
export function onHeld(react) {
  listeners.push(react);
}

function changed() {
  for (const react of listeners) react();
}

/** The points whose drag is meant. @returns {Point[]} */
function dragged() {
  const points = shownPoints().filter((point) => point.target !== null);
  const moves = (/** @type {Point} */ { handle, target }) =>
    target !== null && Math.hypot(target[0] - handle[0], target[1] - handle[1]) > 0.01;
  const awake = points.filter((point) => !point.resting);
  if (awake.some((point) => !point.pin && moves(point))) return awake;
  return touched && points.some((point) => !point.pin && moves(point)) ? points : [];
}

/** Whether the veil would be seen. */
function isWanted() {
  const { session, scrub, link } = get();
  if (!session || session.state !== "idle" || scrub || link !== "open" || isFollowing()) return false;
  return (preferred().showHeld || touched) && preferred().showPoints && comparison().mode === "off";
}

async function refresh() {
  const { session } = get();
  const points = isWanted() ? dragged() : [];
  if (!session || points.length === 0) {
    if (cells) {
      cells = answered = null;
      changed();
    }
    return;
  }
  const ways = points.map(({ handle, target }) => ({ handle, target: target ?? handle }));
  const question = JSON.stringify([ways, session.session, session.original, session.mask?.id, session.settings]);
  if (asking || question === answered) return;
  asking = true;
  const answer = await ask({ type: "check_locality", ways }, "locality");
  // What is asked while a point is pulled is out of date as soon as it is answered: a moment for the next.
  await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  asking = false;
  answered = question;
  cells = answer.type === "locality" ? answer.held : null;
  if (cells) draw(cells);
  changed();
  void refresh();
}

/** @param {number[][]} held */
function draw(held) {
  const [rows, columns] = [held.length, held[0]?.length ?? 1];
  Object.assign(canvas, { width: columns, height: rows });
  const picture = new ImageData(columns, rows);
  held.flat().forEach((share, index) => (picture.data[4 * index + 3] = Math.round(255 * share)));
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(picture, 0, 0);
}

/** How dark the veil is: the more is kept, the darker. */
function darkness() {
  const { welcome, session } = get();
  const setting = welcome?.settings.find((each) => each.name === SETTING);
  const value = session?.settings[SETTING];
  const share = setting && typeof value === "number" ? 1 - scaleOf(setting).share(value) : 0.5;
  const [least, most] = /** @type {[number, number]} */ (DARKNESS);
  return least + share * (most - least);
}

/** The veil, a small picture to be stretched over the image, and how much of it to show; null: there is none. */
export function veil() {
  return cells && isWanted() ? { canvas, opacity: darkness() } : null;
}

/** @param {boolean} now whether somebody is at the slider */
function touch(now) {
  clearTimeout(leaving);
  if (now) {
    touched = true;
    void refresh();
    return;
  }
  leaving = setTimeout(() => {
    touched = false;
    void refresh();
    changed();
  }, STAYS_MS);
}

/** Sets it going. */
export function initHeld() {
  const place = byId("handle-settings", HTMLElement);
  for (const event of ["pointerover", "focusin", "input"]) place.addEventListener(event, () => touch(true));
  for (const event of ["pointerleave", "focusout"]) place.addEventListener(event, () => touch(false));
  watch(["session", "scrub", "link"], () => void refresh());
  onGesture(() => void refresh());
  onComparison(() => void refresh());
  onPreference(() => void refresh());
}
