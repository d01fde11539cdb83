/**
 * "Do this to other seeds": a drawer along the stage, in which the edit of the shown image is done to one seed after the
 * other, while the page stays as usable as before. The drawer stays when a result is opened; closing it ends the work.
 */

import { ask, onMessage, onPicture, send } from "../app.js";
import { byId, fill, icon, make } from "../dom.js";
import { get, watch } from "../store.js";
import { markWanted } from "../visible_mark.js";
import { notify } from "../notices.js";
import { closeSheet } from "../panels/sheet.js";
import { openSession } from "../open.js";
import { roundShown } from "../lineage.js";
import { save } from "../export.js";
import { Seeds } from "./seeds.js";
import { Tile, moreTile } from "./tile.js";

/** Seeds that are asked for at once. */
const COUNT = 12;

const drawer = byId("transfer", HTMLElement);
const seeds = new Seeds();
/** @type {Map<number, Tile>} by seed, in the order in which they were asked for */
const tiles = new Map();
/** @type {{session: string, cursor: number, seed: number | null} | null} the image whose edit it is */
let source = null;
/** The seed whose tile is in the order of Tab. @type {number | null} */
let stop = null;
/** Whether the connection was lost, and with it what the server knew. */
let lost = false;
/** Whether a file is being made of what was kept. */
let saving = false;

const opener = make("button", { id: "transfer-open", "aria-describedby": "transfer-why", onclick: () => void begin() }, [
  icon("copy"),
  "Do this to other seeds…",
]);
const title = make("h2", { id: "transfer-title", tabindex: "-1" }, ["On other seeds"]);
const status = make("p", { id: "transfer-status", class: "quiet-text number", role: "status" });
const back = make("button", { id: "transfer-back", class: "small", hidden: true, onclick: () => source && void openSession(source.session) }, [
  icon("left"),
  make("span", {}, ["To the source"]),
]);
const stopper = make("button", { id: "transfer-stop", class: "small", "aria-label": "Stop after this step", onclick: stopWork }, [
  icon("stop"),
  make("span", {}, ["Stop"]),
]);
const saveText = make("span", {}, ["Save kept"]);
const saver = make("button", { id: "transfer-save", class: "small", onclick: () => void saveKept() }, [icon("export"), saveText]);
const list = make("ol", { id: "transfer-list", role: "list", "aria-label": "Results by seed" });
const more = moreTile(COUNT, () => void goOn(), (seed) => {
  seeds.goTo(seed);
  render();
});

/** Builds the drawer, and the button that opens it. */
export function initTransfer() {
  byId("transfer-panel", HTMLElement).append(
    opener,
    make("p", { id: "transfer-why", class: "quiet-text" }, [
      "What was dragged here is dragged in other images of the model, too: handles are found in each of them.",
    ]),
  );
  list.append(more.element);
  drawer.append(
    make("div", { class: "transfer-head" }, [
      make("div", { class: "transfer-title" }, [title, status]),
      back,
      stopper,
      saver,
      make("button", { id: "transfer-close", class: "quiet small", "aria-label": "Close", onclick: close }, [icon("close")]),
    ]),
    list,
  );
  drawer.addEventListener("keydown", onKey);
  list.addEventListener("focusin", ({ target }) => {
    const tile = target instanceof Element ? tileOf(target) : undefined;
    if (tile) moveStop(tile.seed);
  });
  watch(["session", "link"], ({ session, link }) => {
    opener.disabled = link !== "open" || session?.state !== "idle" || roundShown(session) === null;
    if (link === "lost") lost = true;
    if (lost && link === "open" && session) {
      lost = false;
      void resume(session);
    }
    render();
  });
  onMessage("transfer_seed", ({ seed, state, text }) => {
    tiles.get(seed)?.show(state, text);
    render();
  });
  onPicture((header, picture) => {
    if (header.seed === null || (header.kind !== "before" && header.kind !== "after")) return;
    tiles.get(header.seed)?.setPicture(header.kind, picture);
  });
}

/** Opens the drawer with the edit of the shown image. */
async function begin() {
  const { session, models } = get();
  if (!session) return;
  closeSheet();
  const { cursor, start } = session;
  if (source?.session === session.session && source.cursor === cursor && !drawer.hidden) return title.focus();
  const planned = new Seeds();
  const known = (models?.models ?? []).find((model) => model.name === start.model);
  planned.first = (known?.first_seeds ?? []).filter((seed) => seed !== start.seed);
  planned.from = (start.seed ?? -1) + 1;
  const wanted = planned.take(COUNT, (seed) => seed === start.seed);
  const answer = await ask({ type: "transfer_to", seeds: wanted, height: height() }, "transfer_begun");
  if (answer.type !== "transfer_begun") return notify(answer.message, "error");
  forget();
  Object.assign(seeds, planned);
  source = { session: session.session, cursor, seed: start.seed };
  drawer.hidden = false;
  add(wanted);
  list.scrollLeft = 0;
  title.focus();
}

/** Asks for further seeds. */
async function goOn() {
  const wanted = seeds.take(COUNT, (seed) => tiles.has(seed) || seed === source?.seed);
  add(wanted);
  if (wanted.length === 0) return notify("There are no further seeds: choose where to go on.");
  const answer = await ask({ type: "transfer_to", seeds: wanted, height: height(), more: true }, "transfer_begun");
  if (answer.type === "transfer_begun") return;
  notify(answer.message, "error");
  takeBack(wanted);
}

/** After the connection was lost: what is not kept is done again, if the image that it came from is still shown. @param {import("../types.js").Session} session */
async function resume(session) {
  const open = [...tiles.values()].filter((tile) => tile.session === null && ["waiting", "working", "done"].includes(tile.state));
  if (open.length === 0) return;
  if (session.session !== source?.session || session.cursor !== source.cursor) {
    takeBack(open.filter((tile) => tile.state !== "done").map((tile) => tile.seed));
    for (const tile of open) tile.show("lost");
    return render();
  }
  for (const tile of open) tile.show("waiting");
  const wanted = open.map((tile) => tile.seed);
  const most = get().welcome?.limits.transfer_seeds ?? COUNT;
  for (let first = 0; first < wanted.length; first += most) {
    const part = wanted.slice(first, first + most);
    const answer = await ask({ type: "transfer_to", seeds: part, height: height(), more: first > 0 }, "transfer_begun");
    if (answer.type !== "transfer_begun") for (const seed of wanted.slice(first)) tiles.get(seed)?.show("lost");
  }
  render();
}

/** Height of a tile's picture, device pixels. */
function height() {
  const side = parseFloat(getComputedStyle(drawer).getPropertyValue("--tile")) || COUNT;
  return Math.ceil(side * devicePixelRatio);
}

/** @param {number[]} wanted */
function add(wanted) {
  for (const seed of wanted) {
    const tile = new Tile(seed, { keep: (one) => void toggleKept(one), open: (one) => void openTile(one) });
    tiles.set(seed, tile);
    list.insertBefore(tile.element, more.element);
  }
  moveStop(stop ?? wanted[0] ?? null);
  render();
}

/** Takes tiles away whose seeds come next again. @param {number[]} unfinished */
function takeBack(unfinished) {
  for (const seed of unfinished) {
    tiles.get(seed)?.release();
    tiles.delete(seed);
  }
  seeds.putBack(unfinished);
  if (stop !== null && !tiles.has(stop)) moveStop([...tiles.keys()].at(-1) ?? null);
  render();
}

function stopWork() {
  if (!send({ type: "stop_transfer" })) return;
  const hadFocus = drawer.contains(document.activeElement);
  takeBack([...tiles.values()].filter(isUnfinished).map((tile) => tile.seed));
  if (hadFocus) more.button.focus();
}

function close() {
  const hadFocus = drawer.contains(document.activeElement);
  send({ type: "stop_transfer", close: true });
  forget();
  drawer.hidden = true;
  if (!hadFocus) return;
  // On a narrow screen the button is in a sheet that is closed.
  if (opener.checkVisibility({ visibilityProperty: true }) && !opener.disabled) opener.focus();
  else byId("stage", HTMLElement).focus();
}

function forget() {
  for (const tile of tiles.values()) tile.release();
  tiles.clear();
  source = stop = null;
}

/** Makes a session of a result, or deletes that again. @param {Tile} tile */
async function toggleKept(tile) {
  const { session } = tile;
  if (session === null) return keep(tile);
  if (session === get().session?.session) return notify("This one is open: go back to the source first.", "error");
  if (!send({ type: "forget_session", session })) return;
  tile.session = null;
  tile.render();
  render();
}

/** @param {Tile} tile */
async function keep(tile) {
  if (tile.keeping) return;
  tile.keeping = true;
  const answer = await ask({ type: "keep_transferred", seed: tile.seed }, "transfer_kept");
  tile.keeping = false;
  if (answer.type === "transfer_kept") tile.session = answer.session;
  else notify(answer.message, "error");
  tile.render();
  render();
}

/** @param {Tile} tile */
async function openTile(tile) {
  if (tile.session === null) await keep(tile);
  if (tile.session !== null) await openSession(tile.session);
}

async function saveKept() {
  if (saving) return;
  saving = true;
  render();
  const answer = await ask({ type: "export_sessions", sessions: kept(), mark: markWanted() }, "export_ready");
  saving = false;
  if (answer.type === "export_ready") notify(save(answer));
  else notify(answer.message, "error");
  render();
}

const kept = () => [...tiles.values()].flatMap((tile) => (tile.session === null ? [] : [tile.session]));
const isUnfinished = (/** @type {Tile} */ tile) => tile.state === "waiting" || tile.state === "working";

function render() {
  if (drawer.hidden) return;
  const { session, link } = get();
  const all = [...tiles.values()];
  const number = (/** @type {string} */ state) => all.filter((tile) => tile.state === state).length;
  const [done, skipped, failed] = [number("done"), number("skipped"), number("failed")];
  const parts = [`${done} of ${all.length} done`];
  if (skipped > 0) parts.push(`${skipped} skipped`);
  if (failed > 0) parts.push(`${failed} failed`);
  const text = parts.join(", ");
  // Only when it is another one: it is read out.
  if (status.textContent !== text) status.textContent = text;
  const count = kept().length;
  saveText.textContent = saving ? "Saving…" : count > 0 ? `Save ${count}` : "Save kept";
  saver.setAttribute("aria-label", `${saveText.textContent}: pictures and edit files of those kept, as a ZIP`);
  saver.disabled = count === 0 || link !== "open";
  const over = !all.some(isUnfinished);
  if (over && document.activeElement === stopper) title.focus();
  stopper.disabled = over;
  back.hidden = source === null || session?.session === source.session;
  more.button.disabled = link !== "open";
  fill(more.field, seeds.next);
}

/** @param {Element} element */
function tileOf(element) {
  const seed = element.closest("li")?.dataset["seed"];
  return seed === undefined ? undefined : tiles.get(Number(seed));
}

/** @param {number | null} seed */
function moveStop(seed) {
  stop = seed;
  for (const tile of tiles.values()) tile.reachable(tile.seed === seed);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.key === "Escape") {
    event.stopPropagation();
    return close();
  }
  const here = event.target instanceof HTMLButtonElement ? tileOf(event.target) : undefined;
  if (!here) return;
  const all = [...tiles.values()];
  const at = all.indexOf(here);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  const tile = all[to];
  // The same button of the other tile, or its picture where that cannot be pressed.
  const button = tile?.buttons()[here.buttons().indexOf(/** @type {HTMLButtonElement} */ (event.target))];
  if (tile && button) (button.disabled ? tile.picture : button).focus();
}
