/**
 * The connection, and what its messages change: the store, pictures, mask. The rest of the page only reads the store
 * and says what is to be done: `make` what changes values, `ask` a question, `send` anything else.
 */

import { announce, notify } from "./notices.js";
import { Connection } from "./connection.js";
import { acknowledge, change, refuse, resendAll, sendChangesOver, withChanges } from "./changes.js";
import { get, set } from "./store.js";

/** @typedef {import("./types.js").Session} Session */
/** @typedef {import("./wire_types.js").ClientMessage} ClientMessage */
/** @typedef {import("./wire_types.js").Error} Problem */
/** @typedef {import("./wire_types.js").PictureHeader} PictureHeader */
/** @typedef {import("./wire_types.js").ServerMessage} ServerMessage */
/**
 * A message of the server, by its type.
 *
 * @template {ServerMessage["type"]} T
 * @typedef {Extract<ServerMessage, {type: T}>} Message
 */

const SESSION_KEY = "draglab.session";

/** @type {Map<string, ((message: any) => void)[]>} */
const receivers = new Map();
/** @type {((header: PictureHeader, picture: Blob) => void)[]} */
const viewers = [];
/** @type {Map<number, (message: any) => void>} */
const waiting = new Map();
/** @type {((session: Session) => void)[]} */
let settled = [];
/** @type {(() => void)[]} */
let unconnected = [];
/** @type {Session | null} as the server last said it, without what the page showed in advance */
let confirmed = null;
let shownHeight = 512;

export const connection = new Connection({
  hello: () => ({ session: rememberedSession(), height: shownHeight }),
  message: receive,
  picture: (header, picture) => viewers.forEach((view) => view(header, picture)),
  link: (link) => {
    if (link === "lost" && get().link === "open")
      announce("Connection lost. Reconnecting; your work is saved.");
    if (link === "open" && get().link === "lost") announce("Reconnected.");
    if (link !== "open") {
      giveUpWaiting();
      resendAll();
    }
    set({ link });
    if (link === "open") {
      const waiters = unconnected;
      unconnected = [];
      waiters.forEach((resolve) => resolve());
    }
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
  for (const answer of unanswered) answer(problem("The connection was lost: try again."));
}

/** An error as the server would say it. @param {string} message @returns {Problem} */
function problem(message) {
  return { type: "error", id: null, message, fatal: false };
}

/** @param {ServerMessage} message */
function receive(message) {
  const id = "id" in message ? message.id : null;
  const answer = id === null ? undefined : waiting.get(id);
  if (answer && id !== null) {
    waiting.delete(id);
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
  set({ session: confirmed && withChanges(confirmed) });
}

/** @param {Message<"progress">} progress */
function receiveProgress(progress) {
  // Of another round than the state: what it says of cannot be told.
  if (progress.node !== confirmed?.cursor) return;
  /** @param {import("./types.js").XY[]} places */
  const byPoint = (places) => new Map(places.map((place, index) => [Number(progress.points[index]), place]));
  const { handles, targets, reachable } = progress;
  const [places, goals, ends] = [byPoint(handles), byPoint(targets), byPoint(reachable ?? [])];
  set({ progress: { ...progress, places, goals, ends } });
}

/** @param {Message<"state">} state */
function receiveState(state) {
  const told = /** @type {Session} */ (state);
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
 * @template {ServerMessage["type"]} T
 * @param {T} type
 * @param {(message: Message<T>) => void} react
 */
export function onMessage(type, react) {
  receivers.set(type, [...(receivers.get(type) ?? []), react]);
}

/** @param {(header: PictureHeader, picture: Blob) => void} view */
export function onPicture(view) {
  viewers.push(view);
}

/** Why nothing can be sent now. */
function whyUnsent() {
  const { link } = get();
  if (link === "refused") return "Not done: this page cannot connect. Reload it.";
  if (link === "open") return "Not done: the connection is too slow just now. Try again in a moment.";
  return "Not done: there is no connection. Try again when it is back.";
}

/**
 * Sends what somebody wants to be done. Where that is not possible now, the person is told, and it is not done later either.
 *
 * @param {ClientMessage} message
 * @returns {boolean} whether it was sent
 */
export function send(message) {
  const sent = connection.send(message);
  if (!sent) notify(whyUnsent(), "error");
  return sent;
}

/**
 * Sends what matters only now: it is replaced by what comes next, or said again with the next hello.
 *
 * @param {ClientMessage} message
 * @returns {boolean} whether it was sent
 */
export function mention(message) {
  return connection.send(message);
}

/**
 * Changes something of the session, and shows that at once. Without a connection it is done when that is back.
 *
 * @param {ClientMessage} message that does no harm when it comes twice
 * @param {(session: Session) => Session} apply the same for what is shown
 * @returns {Promise<void>} over when the server has answered
 */
export function make(message, apply) {
  const { session } = get();
  if (!session) return Promise.resolve();
  const answered = change(session.session, message, apply);
  showChanges();
  return answered;
}

/**
 * Sends a message and waits for its answer; an error, where it could not be sent or the answer is another one.
 *
 * @template {ServerMessage["type"]} T
 * @param {ClientMessage} message
 * @param {T} type of the answer
 * @returns {Promise<Message<T> | Problem>}
 */
export function ask(message, type) {
  const id = connection.takeId();
  return new Promise((resolve) => {
    if (!connection.send({ ...message, id })) return resolve(problem(whyUnsent()));
    waiting.set(id, (answer) => {
      const fits = answer.type === type || answer.type === "error";
      resolve(fits ? answer : problem("The answer cannot be understood: reload the page."));
    });
  });
}

/** Over at once, or when there is a connection again. */
export function connected() {
  return new Promise((/** @type {(over: void) => void} */ resolve) => {
    if (get().link === "open") resolve();
    else unconnected.push(resolve);
  });
}

/** The next state in which nothing runs. */
export function nextIdleState() {
  return new Promise((/** @type {(session: Session) => void} */ resolve) => settled.push(resolve));
}

/**
 * Says how tall the picture is shown, so that the server sends no more than that.
 *
 * @param {number} height device pixels
 */
export function setShownHeight(height) {
  if (height === shownHeight) return;
  shownHeight = height;
  mention({ type: "set_view", height });
}
