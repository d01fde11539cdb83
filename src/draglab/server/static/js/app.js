/**
 * The connection, and what its messages change: the store, pictures, mask. The rest of the page only reads the store
 * and calls `send`.
 */

import { announce, notify } from "./notices.js";
import { Connection } from "./connection.js";
import { acknowledge, refuse, resendAll, sendChangesOver, withChanges } from "./changes.js";
import { get, set } from "./store.js";

/** @typedef {import("./types.js").PictureHeader} PictureHeader */

const SESSION_KEY = "draglab.session";

/** @type {Map<string, ((message: any) => void)[]>} */
const receivers = new Map();
/** @type {((header: PictureHeader, picture: Blob) => void)[]} */
const viewers = [];
/** @type {Map<number, (message: any) => void>} */
const waiting = new Map();
/** @type {((session: import("./types.js").Session) => void)[]} */
let settled = [];
/** @type {import("./types.js").Session | null} as the server last said it, without what the page showed in advance */
let confirmed = null;
let shownHeight = 512;

export const connection = new Connection({
  hello: () => ({ session: rememberedSession(), height: shownHeight }),
  message: receive,
  picture: (header, picture) => viewers.forEach((view) => view(header, picture)),
  link: (link) => {
    if (link === "lost" && get().link === "open")
      announce("Connection lost. Trying again by itself; your work is saved.");
    if (link === "open" && get().link === "lost") announce("Connected again.");
    if (link !== "open") {
      giveUpWaiting();
      resendAll();
    }
    set({ link });
  },
});

sendChangesOver(connection);

function rememberedSession() {
  try {
    return get().session?.session ?? sessionStorage.getItem(SESSION_KEY);
  } catch {
    return get().session?.session ?? null;
  }
}

/** @param {string | null} session */
export function rememberSession(session) {
  try {
    if (session === null) sessionStorage.removeItem(SESSION_KEY);
    else sessionStorage.setItem(SESSION_KEY, session);
  } catch {
    // Without storage a reload starts afresh, and the session is offered.
  }
}

/** What was asked for before the connection was lost is not answered any more. */
function giveUpWaiting() {
  const unanswered = [...waiting.values()];
  waiting.clear();
  for (const answer of unanswered) answer({ type: "error", message: "The connection was lost: try again." });
}

/** @param {any} message */
function receive(message) {
  const answer = typeof message.id === "number" ? waiting.get(message.id) : undefined;
  if (answer && message.type !== "state") {
    waiting.delete(message.id);
    answer(message);
  }
  if (message.type === "welcome") set({ welcome: message });
  else if (message.type === "state") receiveState(message);
  else if (message.type === "progress") receiveProgress(message);
  else if (message.type === "error") {
    if (!answer) notify(message.message, "error");
    // What was shown in advance did not come true.
    refuse(message.id);
    showChanges();
  }
  for (const react of receivers.get(message.type) ?? []) react(message);
}

/** Shows what was changed since the state that the server said last. */
export function showChanges() {
  set({ session: withChanges(confirmed) });
}

/** @param {import("./types.js").Progress} progress whose handles are in the order of the state's points */
function receiveProgress(progress) {
  // Of another round than the state: what it says of cannot be told.
  if (progress.node !== confirmed?.cursor) return;
  const ids = confirmed.points.filter((point) => point.target).map((point) => point.id);
  /** @type {Map<number, import("./types.js").XY>} */
  const places = new Map();
  progress.handles.forEach((place, index) => {
    const id = ids[index];
    if (id !== undefined) places.set(id, place);
  });
  set({ progress: { ...progress, places } });
}

/** @param {import("./types.js").Session} told */
function receiveState(told) {
  const before = get().session;
  confirmed = told;
  acknowledge(told);
  const session = withChanges(told);
  const other = before?.session !== session.session;
  const moved = other || before.cursor !== session.cursor;
  const selected = session.points.some((point) => point.id === get().selected) ? get().selected : null;
  const starts = session.state === "running" && before?.state !== "running";
  set({
    session,
    selected,
    ...(moved ? { scrub: null } : {}),
    ...(starts || session.state === "idle" || other ? { progress: null } : {}),
    ...(other ? { qualities: {} } : {}),
  });
  rememberSession(session.session);
  if (session.state === "idle") {
    const waiters = settled;
    settled = [];
    waiters.forEach((resolve) => resolve(session));
  }
}

/**
 * Calls `react` with every message of this type.
 *
 * @param {string} type
 * @param {(message: any) => void} react
 */
export function onMessage(type, react) {
  receivers.set(type, [...(receivers.get(type) ?? []), react]);
}

/** @param {(header: PictureHeader, picture: Blob) => void} view */
export function onPicture(view) {
  viewers.push(view);
}

/** @param {Record<string, unknown>} message */
export function send(message) {
  return connection.send(message);
}

/**
 * Sends a message and waits for its answer: one with its id, an error among them.
 *
 * @param {Record<string, unknown>} message
 * @returns {Promise<any>}
 */
export function ask(message) {
  return new Promise((resolve) => waiting.set(connection.request(message), resolve));
}

/** The next state in which nothing runs. */
export function nextIdleState() {
  return new Promise((/** @type {(session: import("./types.js").Session) => void} */ resolve) => settled.push(resolve));
}

/**
 * Says how tall the picture is shown, so that the server sends no more than that.
 *
 * @param {number} height device pixels
 */
export function setShownHeight(height) {
  if (height === shownHeight) return;
  shownHeight = height;
  send({ type: "set_view", height });
}
