/**
 * The strip of what was done. Only the entries in sight and some beside them are in the page, so that a session of
 * hundreds costs no more than one of ten; their places are computed from the widths that the style sheet states.
 *
 * One entry is in the order of Tab; arrow keys, Home and End go on from there.
 */

import { byId, icon, make } from "./dom.js";
import { childrenOf, grouped, isSmall, line, runs, tip } from "./lineage.js";
import { goTo } from "./actions.js";
import { thumbnailOf } from "./pictures.js";

/** @typedef {import("./wire_types.js").NodeView} NodeView */
/** @typedef {import("./types.js").Session} Session */
/** @typedef {{group: NodeView[], node: NodeView, fork: boolean, ahead: boolean, left: number, width: number}} Place */

/** How far beyond the edges entries are kept ready, CSS pixels: about what one turn of a wheel scrolls. */
const MARGIN = 300;
const view = byId("strip-view", HTMLElement);
const strip = byId("strip", HTMLOListElement);
/** @type {Session | null} */
let shown = null;
/** @type {Place[]} */
let places = [];
/** @type {Map<number, HTMLLIElement>} those in the page, by index */
const items = new Map();
/** Index of the entry that Tab leads to. */
let stop = 0;
let drawnFor = "";

/** @param {Session} session */
export function renderStrip(session) {
  const key = JSON.stringify([session.session, session.cursor, session.state, session.nodes]);
  if (key === drawnFor) return;
  drawnFor = key;
  shown = session;
  const hadFocus = strip.contains(document.activeElement);
  layOut(session);
  for (const item of items.values()) item.remove();
  items.clear();
  const current = places.findIndex(({ group }) => group.some((node) => node.id === session.cursor));
  stop = Math.max(current, 0);
  bringIntoSight(stop);
  draw();
  if (hadFocus) entryOf(stop)?.focus({ preventScroll: true });
}

/** Computes where each entry is. @param {Session} session */
function layOut(session) {
  const style = getComputedStyle(view);
  const size = (/** @type {string} */ name) => parseFloat(style.getPropertyValue(name)) || 0;
  const widths = { picture: size("--picture"), small: size("--small"), counted: size("--counted") };
  const [fork, gap] = [size("--fork"), size("--between")];
  const nodes = line(session);
  let ahead = false;
  let left = 0;
  places = grouped(session, nodes).map((group) => {
    const first = /** @type {NodeView} */ (group[0]);
    const current = group.find((node) => node.id === session.cursor);
    const forks = first.parent !== null && childrenOf(session, first.parent).length > 1;
    const own = isSmall(first) ? (group.length > 1 ? widths.counted : widths.small) : widths.picture;
    const node = current ?? /** @type {NodeView} */ (group.at(-1));
    const place = { group, node, fork: forks, ahead, left, width: own + (forks ? fork + gap : 0) };
    ahead ||= current !== undefined;
    left += place.width + gap;
    return place;
  });
  strip.style.width = `${Math.max(left - gap, 0)}px`;
}

/** The entries in sight, and those that the keys may lead to next. */
function wanted() {
  const [from, to] = [view.scrollLeft - MARGIN, view.scrollLeft + view.clientWidth + MARGIN];
  const found = new Set([stop - 1, stop, stop + 1].filter((index) => index in places));
  places.forEach(({ left, width }, index) => {
    if (left + width >= from && left <= to) found.add(index);
  });
  return [...found].sort((a, b) => a - b);
}

function draw() {
  if (!shown) return;
  const session = shown;
  const indexes = wanted();
  for (const [index, item] of items) {
    if (indexes.includes(index)) continue;
    item.remove();
    items.delete(index);
  }
  indexes.forEach((index, position) => {
    if (items.has(index)) return;
    const item = makeItem(session, index);
    items.set(index, item);
    strip.insertBefore(item, strip.children[position] ?? null);
  });
  for (const [index] of items) {
    const button = entryOf(index);
    if (button) button.tabIndex = index === stop ? 0 : -1;
  }
  showPictures();
}

/** @param {number} index @returns {HTMLButtonElement | null} */
function entryOf(index) {
  return items.get(index)?.querySelector(".entry") ?? null;
}

/** @param {number} index */
function bringIntoSight(index) {
  const place = places[index];
  if (!place) return;
  const [left, width] = [view.scrollLeft, view.clientWidth];
  // Not scrollIntoView: it also moves the place from which Tab goes on.
  if (place.left < left || place.left + place.width > left + width) view.scrollLeft = place.left - width / 2;
}

/** @param {Session} session @param {number} index */
function makeItem(session, index) {
  const place = /** @type {Place} */ (places[index]);
  const { group, node } = place;
  const small = isSmall(node);
  const current = node.id === session.cursor;
  const label = group.length > 1 ? `${node.label}, ${group.indexOf(node) + 1} of ${group.length} changes` : node.label;
  const button = make(
    "button",
    {
      class: `entry ${small ? "small-entry" : "picture-entry"} ${place.ahead ? "ahead" : ""} ${runs(node) ? "runs" : ""}`,
      "data-node": node.id,
      "data-kind": node.kind,
      "aria-current": current ? "step" : null,
      "aria-label": label,
      title: label,
      onclick: () => void goTo(node.id),
    },
    small ? [icon(node.kind === "mask" ? "brush" : "drag"), ...(group.length > 1 ? [String(group.length)] : [])] : [],
  );
  button.classList.toggle("counted", group.length > 1);
  const item = make("li", { "aria-posinset": index + 1, "aria-setsize": places.length }, [button]);
  item.style.left = `${place.left}px`;
  if (place.fork) item.prepend(forkButton(session, /** @type {NodeView} */ (group[0])));
  return item;
}

/** A fork: shows the next of the versions that begin here. @param {Session} session @param {NodeView} node */
function forkButton(session, node) {
  const versions = childrenOf(session, node.parent);
  const index = versions.findIndex((each) => each.id === node.id);
  const next = versions[(index + 1) % versions.length] ?? node;
  const label = `Version ${index + 1}/${versions.length} from here: show the next`;
  const onclick = () => void goTo(tip(session, next));
  return make("button", { class: "fork number", tabindex: -1, "aria-label": label, title: label, onclick }, [
    icon("branch"),
    `${index + 1}/${versions.length}`,
  ]);
}

/** Shows the small pictures of the entries in the page; one that could not be had is tried again with the next state. */
export function showPictures() {
  for (const button of strip.querySelectorAll(".picture-entry")) {
    const url = thumbnailOf(Number(/** @type {HTMLElement} */ (button).dataset["node"]));
    const picture = button.querySelector("img");
    if (!url || picture?.getAttribute("src") === url) continue;
    if (picture) picture.src = url;
    else button.prepend(smallPicture(url));
  }
}

/** @param {string} url */
function smallPicture(url) {
  const picture = make("img", { src: url, alt: "", draggable: "false", onerror: () => picture.remove() });
  return picture;
}

/** @param {number} index of the entry that gets the focus */
function focusEntry(index) {
  stop = Math.min(Math.max(index, 0), places.length - 1);
  bringIntoSight(stop);
  draw();
  entryOf(stop)?.focus({ preventScroll: true });
}

strip.addEventListener("keydown", (event) => {
  const button = document.activeElement;
  if (!(button instanceof HTMLElement) || event.ctrlKey || event.altKey || event.metaKey) return;
  const index = [...items].find(([, item]) => item.contains(button))?.[0];
  if (index === undefined) return;
  const onFork = button.classList.contains("fork");
  const fork = (/** @type {number} */ of) => items.get(of)?.querySelector(".fork");
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => {
      const before = onFork ? null : fork(index);
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
      else focusEntry(index - 1);
    },
    ArrowRight: () => {
      if (onFork) return focusEntry(index);
      focusEntry(index + 1);
      const next = stop > index ? fork(stop) : null;
      if (next instanceof HTMLElement) next.focus({ preventScroll: true });
    },
    Home: () => focusEntry(0),
    End: () => focusEntry(places.length - 1),
  };
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
// A press or a screen reader can put the focus anywhere; Tab then comes back to it.
strip.addEventListener("focusin", ({ target }) => {
  const index = [...items].find(([, item]) => item.contains(/** @type {Node} */ (target)))?.[0];
  if (index === undefined || index === stop) return;
  stop = index;
  draw();
});
view.addEventListener("scroll", draw, { passive: true });
new ResizeObserver(() => {
  // Widths differ with the window's.
  drawnFor = "";
  if (shown) renderStrip(shown);
}).observe(view);
