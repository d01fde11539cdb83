/** Before and after: a divider over the picture, or the start for as long as a button or key is held. */

import { byId } from "./dom.js";
import { get, watch } from "./store.js";
import { viewport } from "./stage/viewport.js";

/** @typedef {"off" | "split" | "held"} Mode */

const button = byId("compare", HTMLButtonElement);
const holder = byId("hold", HTMLButtonElement);
const divider = byId("divider", HTMLElement);
let split = false;
let held = false;
let at = 0.5;
/** @type {(() => void)[]} */
const listeners = [];

/** @returns {{mode: Mode, at: number}} at: share of the picture's width that shows the start */
export function comparison() {
  return { mode: held ? "held" : split ? "split" : "off", at };
}

/** @param {() => void} react */
export function onComparison(react) {
  listeners.push(react);
}

function changed() {
  button.setAttribute("aria-pressed", String(split));
  holder.classList.toggle("held", held);
  divider.hidden = !split || held || !get().session;
  divider.setAttribute("aria-valuenow", String(Math.round(at * 100)));
  place();
  listeners.forEach((react) => react());
}

function place() {
  if (divider.hidden) return;
  const { width, height } = viewport.image;
  const x = viewport.corner[0] + at * width * viewport.zoom;
  divider.style.transform = `translate(${x}px, ${viewport.corner[1]}px)`;
  divider.style.height = `${height * viewport.zoom}px`;
}

/** @param {boolean} [on] */
export function toggleSplit(on = !split) {
  split = on;
  changed();
}

/** @param {boolean} on */
export function holdOriginal(on) {
  if (held === on) return;
  held = on;
  changed();
}

/** @param {number} share */
function moveTo(share) {
  at = Math.min(Math.max(share, 0), 1);
  changed();
}

viewport.onChange(place);
watch(["session"], ({ session }) => {
  const what = session?.photo ? "photo" : "start";
  const word = holder.querySelector(".word");
  if (word) word.textContent = `See ${what}`;
  holder.setAttribute("aria-label", `See ${what}: hold`);
  holder.dataset["tip"] = `Hold to see the ${what}  O`;
});
button.addEventListener("click", () => toggleSplit());
holder.addEventListener("pointerdown", (event) => {
  holder.setPointerCapture(event.pointerId);
  holdOriginal(true);
});
for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
  holder.addEventListener(end, () => holdOriginal(false));
}
holder.addEventListener("contextmenu", (event) => event.preventDefault());
holder.addEventListener("keydown", (event) => {
  if (event.key === " " || event.key === "Enter") holdOriginal(true);
});
holder.addEventListener("keyup", () => holdOriginal(false));

divider.addEventListener("pointerdown", (event) => {
  event.stopPropagation();
  divider.setPointerCapture(event.pointerId);
});
divider.addEventListener("pointermove", (event) => {
  if (!divider.hasPointerCapture(event.pointerId)) return;
  const left = byId("stage", HTMLElement).getBoundingClientRect().left + viewport.corner[0];
  moveTo((event.clientX - left) / (viewport.image.width * viewport.zoom));
});
divider.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  moveTo(at + step);
});
