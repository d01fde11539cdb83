/** The list of handles and pins: numbers for who wants them, what cannot be followed, pinning, deleting. */

import { byId, fill, icon, make, shown } from "../dom.js";
import {
  addPoint,
  checkHandle,
  currentPoints,
  freshId,
  movePoint,
  pin,
  removeAllPoints,
  removePoint,
  settle,
  takeNearest,
} from "../actions.js";
import { get, set, watch } from "../store.js";
import { onPreference, prefer } from "../preferences.js";

/** @typedef {import("../types.js").Point} Point */

const list = make("ol", { class: "handles" });
const nothing = make("p", { class: "quiet-text" }, [
  "None yet. Press on the picture and pull; click to pin what must stay.",
]);
const resting = make("p", { class: "quiet-text" }, [
  "Grey handles have been dragged and rest until you pull them again. Pin one to keep it there.",
]);
const add = make("button", { class: "small", onclick: () => void addAtCentre() }, [icon("plus"), "Add"]);
const clear = make("button", { class: "small", onclick: () => removeAllPoints() }, [icon("trash"), "Delete all"]);
const showHeld = make("input", {
  type: "checkbox",
  id: "show-held",
  role: "switch",
  onchange: () => prefer({ showHeld: showHeld.checked }),
});
const count = byId("handle-count", HTMLElement);

/** Builds the panel. */
export function initHandles() {
  byId("handles-panel", HTMLElement).append(
    nothing,
    list,
    resting,
    make("div", { class: "buttons" }, [add, clear]),
    make("div", { id: "handle-settings" }),
    make("label", { class: "switch" }, [
      showHeld,
      make("span", { class: "track", "aria-hidden": "true" }),
      "Dim what is kept",
    ]),
  );
  onPreference((preferences) => (showHeld.checked = preferences.showHeld));
  watch(["session", "progress", "selected", "qualities"], render);
}

async function addAtCentre() {
  const image = get().session?.image;
  if (!image) return;
  await settle();
  const id = freshId();
  const middle = /** @type {[number, number]} */ ([
    Math.round((image.width - 1) / 2),
    Math.round((image.height - 1) / 2),
  ]);
  void addPoint({ id, handle: middle, target: null, pin: false, resting: false });
  set({ selected: id });
  void checkHandle(middle, id);
}

function render() {
  const points = currentPoints();
  nothing.hidden = points.length > 0;
  clear.hidden = points.length === 0;
  resting.hidden = !points.some((point) => point.resting);
  count.textContent = points.length > 0 ? String(points.length) : "";
  const ids = points.map((point) => point.id);
  for (const row of [...list.children]) {
    if (row instanceof HTMLElement && !ids.includes(Number(row.dataset["id"]))) row.remove();
  }
  const numbers = { handle: 0, pin: 0 };
  points.forEach((point, index) => {
    const known = [...list.children].find(
      (row) => row instanceof HTMLElement && Number(row.dataset["id"]) === point.id,
    );
    const row = known instanceof HTMLElement ? known : makeRow(point.id);
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    update(row, point, ++numbers[point.pin ? "pin" : "handle"]);
  });
}

/** @param {number} id */
async function pinRow(id) {
  await settle();
  const point = get().session?.points.find((each) => each.id === id);
  if (point) void pin(point);
}

/** @param {number} id */
function makeRow(id) {
  const field = (/** @type {string} */ part) =>
    make("input", { type: "number", step: "any", "data-part": part, onchange: () => void takeNumbers(id) });
  const row = make("li", { class: "handle-row", "data-id": id }, [
    make("button", { class: "chip", onclick: () => set({ selected: id }) }),
    make("div", { class: "xy" }, [field("hx"), field("hy")]),
    make("span", { class: "to", "aria-hidden": "true" }, ["→"]),
    make("div", { class: "xy" }, [field("tx"), field("ty")]),
    make("button", { class: "quiet small hold", "data-tip": "Pin here", onclick: () => void pinRow(id) }, [icon("pin")]),
    make("button", { class: "quiet small delete", onclick: () => removePoint(id) }, [icon("trash")]),
    make("button", { class: "small let-go", onclick: () => removePoint(id) }, ["Let go"]),
    make("div", { class: "quality", hidden: true }, [
      make("p", {}, ["Hard to track here: too uniform."]),
      make("button", { class: "small", onclick: () => void takeNearest(id) }, ["Use nearest good place"]),
    ]),
  ]);
  return row;
}

/**
 * @param {HTMLElement} row
 * @param {Point} point
 * @param {number} number
 */
function update(row, point, number) {
  const { selected, qualities, session } = get();
  const idle = session?.state === "idle";
  row.classList.toggle("selected", selected === point.id);
  row.classList.toggle("resting", point.resting);
  row.classList.toggle("pinned", point.pin);
  const name = point.pin ? "pin" : "handle";
  const chip = /** @type {HTMLButtonElement} */ (row.querySelector(".chip"));
  const text = point.pin ? "Pin" : String(number);
  if (chip.textContent !== text) chip.textContent = text;
  chip.setAttribute("aria-label", point.pin ? `Pin ${number}: select` : `${number}: select handle ${number}`);
  chip.setAttribute("aria-pressed", String(selected === point.id));
  row.querySelector(".delete")?.setAttribute("aria-label", `Delete handle ${number}`);
  row.querySelector(".hold")?.setAttribute("aria-label", `Pin handle ${number} where it is`);
  row.querySelector(".let-go")?.setAttribute("aria-label", `Let go of pin ${number}`);
  const target = point.pin ? null : point.target;
  const values = { hx: point.handle[0], hy: point.handle[1], tx: target?.[0], ty: target?.[1] };
  const names = { hx: `${name}, x`, hy: `${name}, y`, tx: "target, x", ty: "target, y" };
  for (const field of row.querySelectorAll("input")) {
    const part = /** @type {keyof typeof values} */ (field.dataset["part"]);
    const value = values[part];
    fill(field, value === undefined ? null : shown(value));
    field.setAttribute("aria-label", `${point.pin ? "Pin" : "Handle"} ${number}: ${names[part]}`);
    field.placeholder = "–";
    field.disabled = !idle && part.startsWith("h");
  }
  const quality = qualities[point.id];
  const doubtful = quality !== undefined && !quality.distinctive && !point.pin;
  const note = /** @type {HTMLElement} */ (row.querySelector(".quality"));
  note.hidden = !doubtful;
  const offer = note.querySelector("button");
  if (offer) offer.hidden = !quality?.nearest;
}

/** @param {number} id */
async function takeNumbers(id) {
  const row = [...list.children].find((each) => each instanceof HTMLElement && Number(each.dataset["id"]) === id);
  const { session } = get();
  const point = session?.points.find((each) => each.id === id);
  if (!row || !session || !point) return;
  /** @param {string} part @param {number} most */
  const read = (part, most) => {
    const text = /** @type {HTMLInputElement} */ (row.querySelector(`[data-part="${part}"]`)).value;
    return text === "" ? null : Math.min(Math.max(Number(text), 0), most);
  };
  const [wide, high] = [session.image.width - 1, session.image.height - 1];
  const [hx, hy, tx, ty] = [read("hx", wide), read("hy", high), read("tx", wide), read("ty", high)];
  // An empty target is none; half of one waits for the other half.
  if ((tx === null) !== (ty === null)) return;
  const same = (/** @type {number | null} */ value, /** @type {number | undefined} */ old) =>
    value === null ? old === undefined : old !== undefined && shown(old) === shown(value);
  const moved = hx !== null && hy !== null && !(same(hx, point.handle[0]) && same(hy, point.handle[1]));
  const handle = /** @type {[number, number]} */ ([hx, hy]);
  const target = /** @type {[number, number] | null} */ (tx === null || ty === null ? null : [tx, ty]);
  const aimed = !point.pin && !(same(tx, point.target?.[0]) && same(ty, point.target?.[1]));
  if (moved || aimed) void movePoint(id, { ...(moved ? { handle } : {}), ...(aimed ? { target } : {}) });
  else render();
  if (moved) void checkHandle(handle, id);
}
