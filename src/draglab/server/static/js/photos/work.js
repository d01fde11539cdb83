/** The photos that are being brought into models: what the server says of them, and what is said of that. */

import { get, set, watch } from "../store.js";
import { make } from "../dom.js";
import { notify } from "../notices.js";
import { onMessage } from "../app.js";

/** @typedef {import("../wire_types.js").PhotoView} PhotoView */

/** Share of the whole that the projection takes. */
const PROJECTION = 0.45;
/** @type {(photo: string) => void} */
let show = () => {};
/** @type {(session: string) => void} */
let open = () => {};
/** @type {(photo: string) => boolean} */
let isShown = () => false;
/** @type {Map<string, () => void>} notices about photos, to be taken away */
const notices = new Map();

/**
 * @param {object} acts
 * @param {(photo: string) => void} acts.show opens the dialog of a photo
 * @param {(session: string) => void} acts.open opens a session
 * @param {(photo: string) => boolean} acts.isShown whether the dialog shows a photo
 */
export function actWith(acts) {
  ({ show, open, isShown } = acts);
}

/** @param {string | null} id @returns {PhotoView | undefined} */
export function photoOf(id) {
  return get().photos.find((each) => each.photo === id);
}

/** How far a photo is, from 0 to 1; null: that cannot be told. @param {PhotoView} view */
export function shareDone({ state, step, total }) {
  if (state === "finishing" || state === "done") return null;
  if (total === 0) return 0;
  return state === "tuning" ? PROJECTION + ((1 - PROJECTION) * step) / total : (PROJECTION * step) / total;
}

/** How long something still takes, in words. @param {number} seconds */
export function duration(seconds) {
  if (seconds < 5) return "a few seconds left";
  if (seconds < 90) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}

/** What is being done. @param {PhotoView} view */
export function stageOf({ state, error }) {
  return {
    unfinished: "Not finished: draglab was ended.",
    waiting: "Waiting for its turn…",
    projection: "Looking for the nearest image of the model…",
    tuning: "Learning what the photo shows beyond that…",
    stopping: "Stopping after this step…",
    finishing: "Comparing the result with the photo…",
    done: "Done.",
    failed: error,
  }[state];
}

/** Where it is. @param {PhotoView} view */
export function figuresOf({ state, step, total, lpips, seconds_left }) {
  if (lpips === null || !["projection", "tuning"].includes(state)) return "";
  const left = seconds_left === null ? "" : ` · ${duration(seconds_left)}`;
  return `Step ${step} of ${total} · difference ${lpips.toFixed(3)} (LPIPS)${left}`;
}

/** Whether steps are being made, or soon are. @param {PhotoView} view */
export const isUnderWay = ({ state }) => !["unfinished", "done", "failed"].includes(state);

/** The photos under way, for the panel. */
export function workView() {
  const view = make("div", { class: "photo-work" });
  /** @type {Map<string, {row: HTMLElement, bar: HTMLProgressElement}>} rows stay, so that their buttons keep the focus */
  const rows = new Map();
  watch(["photos"], ({ photos }) => {
    const under = photos.filter((each) => isUnderWay(each) && !isShown(each.photo));
    view.hidden = under.length === 0;
    for (const [photo, { row }] of rows) {
      if (under.some((each) => each.photo === photo)) continue;
      row.remove();
      rows.delete(photo);
    }
    for (const each of under) {
      const known = rows.get(each.photo) ?? rowOf(each);
      if (!rows.has(each.photo)) view.append(known.row);
      rows.set(each.photo, known);
      const share = shareDone(each);
      if (share === null) known.bar.removeAttribute("value");
      else known.bar.value = share;
    }
  });
  return view;
}

/** @param {PhotoView} view */
function rowOf({ photo, name }) {
  const bar = make("progress", { max: 1, "aria-label": `Bringing in ${name}` });
  const row = make("div", { class: "work" }, [
    make("p", {}, [`The photo ${name} is being brought in.`]),
    make("button", { class: "small", onclick: () => show(photo) }, ["Show"]),
    bar,
  ]);
  return { row, bar };
}

/** @param {PhotoView} view says what a person may want to know of a photo that no dialog shows */
function tell(view) {
  const { photo, name, state, session } = view;
  const say = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ act) => {
    const key = `${photo} ${state}`;
    if (!notices.has(key)) notices.set(key, notify(text, "plain", { label, act, stays: true }));
  };
  if (state === "unfinished") {
    say(`The photo ${name} was not finished when draglab ended.`, "Go on", () => show(photo));
  } else if (state === "done" && session !== null) {
    say(`The photo ${name} is ready.`, "Open", () => open(session));
  } else if (state === "failed") {
    say(`The photo ${name} could not be brought in.`, "Show", () => show(photo));
  }
}

/** Sets it going. */
export function initWork() {
  const take = (/** @type {import("../wire_types.js").PhotoWork} */ { photos }) => {
    set({ photos });
    const current = new Set(photos.map(({ photo, state }) => `${photo} ${state}`));
    for (const [key, dismiss] of notices) {
      if (current.has(key)) continue;
      dismiss();
      notices.delete(key);
    }
    for (const view of photos) if (!isShown(view.photo)) tell(view);
  };
  onMessage("photo_work", take);
  onMessage("welcome", ({ photos }) => take(photos));
}
