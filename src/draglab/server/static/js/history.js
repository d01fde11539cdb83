/** The history: a strip of what was done, and a slider through the frames of a round. */

import { byId, icon, make } from "./dom.js";
import { get, set, watch } from "./store.js";
import { goTo, settle } from "./actions.js";
import { thumbnailOf } from "./pictures.js";
import { send } from "./app.js";

/** @typedef {import("./types.js").HistoryNode} HistoryNode */
/** @typedef {import("./types.js").Session} Session */

const strip = byId("strip", HTMLOListElement);
const slider = byId("timeline", HTMLInputElement);
const sliderText = byId("timeline-text", HTMLElement);
const goOn = byId("continue", HTMLButtonElement);
/** @type {Map<number, number>} which child was shown last, by parent */
const visited = new Map();
let drawnFor = "";

/** Nodes from the start to the cursor, and on to where redo leads. @param {Session} session */
export function line(session) {
  const byNode = new Map(session.nodes.map((node) => [node.id, node]));
  /** @type {HistoryNode[]} */
  const nodes = [];
  for (let node = byNode.get(session.cursor); node; node = node.parent === null ? undefined : byNode.get(node.parent)) {
    nodes.unshift(node);
  }
  for (let last = nodes.at(-1); last;) {
    const children = childrenOf(session, last.id);
    const next = children.find((child) => child.id === visited.get(last?.id ?? -1)) ?? children.at(-1);
    if (next) nodes.push(next);
    last = next;
  }
  return nodes;
}

/** @param {Session} session @param {number | null} parent */
function childrenOf(session, parent) {
  return session.nodes.filter((node) => node.parent === parent);
}

/** The round whose frames the slider goes through: the newest at or before the cursor. @param {Session} session */
function roundShown(session) {
  const byNode = new Map(session.nodes.map((node) => [node.id, node]));
  let node = byNode.get(session.cursor);
  while (node && node.kind !== "round" && node.kind !== "start" && node.parent !== null) node = byNode.get(node.parent);
  return node?.kind === "round" && node.frames > 0 ? node : null;
}

/** @param {Session} session */
function renderStrip(session) {
  const nodes = line(session);
  const key = JSON.stringify([session.session, session.cursor, session.state, session.nodes]);
  if (key === drawnFor) return;
  drawnFor = key;
  const hadFocus = strip.contains(document.activeElement);
  const cursor = nodes.findIndex((node) => node.id === session.cursor);
  strip.replaceChildren(
    ...grouped(session, nodes).map((group) =>
      entry(session, group, nodes.indexOf(/** @type {HistoryNode} */ (group[0])) > cursor),
    ),
  );
  const now = strip.querySelector('[aria-current="step"]');
  if (now instanceof HTMLElement) bringIntoSight(now, hadFocus);
  showPictures();
}

/** @param {HTMLElement} button @param {boolean} hadFocus */
function bringIntoSight(button, hadFocus) {
  // Not scrollIntoView: it also moves the place from which Tab goes on.
  const [box, frame] = [button.getBoundingClientRect(), strip.getBoundingClientRect()];
  if (box.left < frame.left || box.right > frame.right) strip.scrollLeft += box.left - frame.left - frame.width / 2;
  if (hadFocus) button.focus({ preventScroll: true });
}

/** @param {HistoryNode | undefined} node small steps, which have no picture of their own */
function isSmall(node) {
  return node?.kind === "points" || node?.kind === "mask";
}

/**
 * Nodes as the strip shows them: small steps of one kind in a row are one entry, unless the history forks among them.
 *
 * @param {Session} session
 * @param {HistoryNode[]} nodes
 */
function grouped(session, nodes) {
  /** @type {HistoryNode[][]} */
  const groups = [];
  for (const node of nodes) {
    const group = groups.at(-1);
    const joins = isSmall(node) && group?.[0]?.kind === node.kind && childrenOf(session, node.parent).length === 1;
    if (group && joins) group.push(node);
    else groups.push([node]);
  }
  return groups;
}

/**
 * @param {Session} session
 * @param {HistoryNode[]} group
 * @param {boolean} ahead after the cursor: redo leads there
 */
function entry(session, group, ahead) {
  const shown = group.find((node) => node.id === session.cursor);
  const node = /** @type {HistoryNode} */ (shown ?? group.at(-1));
  const small = isSmall(node);
  const current = shown !== undefined;
  const label = group.length > 1 ? `${node.label}, ${group.indexOf(node) + 1} of ${group.length} changes` : node.label;
  const runs = current && session.state !== "idle";
  const button = make(
    "button",
    {
      class: `entry ${small ? "small-entry" : "picture-entry"} ${ahead ? "ahead" : ""} ${runs ? "runs" : ""}`,
      "data-node": node.id,
      "data-kind": node.kind,
      "aria-current": current ? "step" : null,
      "aria-label": label,
      title: label,
      onclick: () => void goTo(node.id),
    },
    small ? [icon(node.kind === "mask" ? "brush" : "drag"), ...(group.length > 1 ? [String(group.length)] : [])] : [],
  );
  const item = make("li", {}, [button]);
  const first = /** @type {HistoryNode} */ (group[0]);
  if (first.parent !== null && childrenOf(session, first.parent).length > 1) item.prepend(branchButton(session, first));
  return item;
}

/** A fork: shows the next of the versions that begin here. @param {Session} session @param {HistoryNode} node */
function branchButton(session, node) {
  const versions = childrenOf(session, node.parent);
  const index = versions.findIndex((each) => each.id === node.id);
  const next = versions[(index + 1) % versions.length] ?? node;
  const label = `Version ${index + 1} of ${versions.length} from here: show the next`;
  return make(
    "button",
    { class: "fork number", "aria-label": label, title: label, onclick: () => void goTo(tip(session, next)) },
    [icon("branch"), `${index + 1}/${versions.length}`],
  );
}

/** Where a branch was left. @param {Session} session @param {HistoryNode} node */
function tip(session, node) {
  let last = node;
  for (;;) {
    const children = childrenOf(session, last.id);
    const next = children.find((child) => child.id === visited.get(last.id)) ?? children.at(-1);
    if (!next) return last.id;
    last = next;
  }
}

function showPictures() {
  for (const button of strip.querySelectorAll(".picture-entry")) {
    const url = thumbnailOf(Number(/** @type {HTMLElement} */ (button).dataset["node"]));
    const picture = button.querySelector("img");
    if (!url || picture?.getAttribute("src") === url) continue;
    if (picture) picture.src = url;
    else button.prepend(thumbnail(url));
  }
}

/** @param {string} url */
function thumbnail(url) {
  // One that could not be had is tried again with the next state.
  const picture = make("img", { src: url, alt: "", draggable: "false", onerror: () => picture.remove() });
  return picture;
}

/** @param {Session} session */
function renderSlider(session) {
  const round = session.state === "idle" ? roundShown(session) : null;
  const { scrub } = get();
  slider.disabled = round === null;
  goOn.disabled = scrub === null;
  if (!round) {
    slider.max = slider.value = "0";
    sliderText.textContent = "";
    slider.setAttribute("aria-valuetext", "no round to look through");
    return;
  }
  const last = round.frames;
  slider.max = String(last);
  const frame = scrub?.node === round.id ? scrub.frame : round.kept;
  if (slider.value !== String(frame)) slider.value = String(frame);
  sliderText.textContent = `${frame} / ${last}`;
  slider.setAttribute("aria-valuetext", frame === 0 ? "before the round" : `step ${frame} of ${last}`);
  slider.style.setProperty("--done", `${(100 * frame) / last}%`);
}

slider.addEventListener("input", () => {
  const { session } = get();
  const round = session ? roundShown(session) : null;
  if (!session || !round) return;
  const frame = Number(slider.value);
  const end = frame === round.kept && round.id === session.cursor;
  set({ scrub: end ? null : { node: round.id, frame } });
  if (!end) send({ type: "scrub", node: round.id, frame });
});
goOn.addEventListener("click", () => void settle());

/** Sets it going. */
export function initHistory() {
  let session = "";
  watch(["session", "scrub", "link"], (data) => {
    if (!data.session) return;
    if (data.session.session !== session) visited.clear();
    session = data.session.session;
    remember(data.session);
    renderStrip(data.session);
    showPictures();
    renderSlider(data.session);
  });
}

/** @param {Session} session */
function remember(session) {
  const byNode = new Map(session.nodes.map((node) => [node.id, node]));
  for (let node = byNode.get(session.cursor); node && node.parent !== null; node = byNode.get(node.parent)) {
    visited.set(node.parent, node.id);
  }
}
