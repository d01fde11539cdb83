/**
 * Changes of points, settings and the mask that the server has not confirmed yet. The page shows them on top of the state
 * that it was told last, and says them again after a lost connection: no state that crosses them on the way can undo one.
 */

/** @typedef {import("./wire_types.js").ClientMessage} ClientMessage */
/** @typedef {import("./types.js").Session} Session */
/**
 * @typedef {object} Change
 * @property {number} id of its message
 * @property {string} session that it is for
 * @property {ClientMessage} message
 * @property {(session: Session) => Session} apply
 * @property {boolean} sent over the present connection
 * @property {() => void} done
 */

const RETRY_MS = 100;
/** @type {import("./connection.js").Connection} */
let connection;
/** @type {Change[]} in the order in which they were made */
let pending = [];
let retry = 0;

/** @param {import("./connection.js").Connection} given over which changes are sent */
export function sendChangesOver(given) {
  connection = given;
}

/** Sends what was not sent over this connection yet, in order. */
function flush() {
  for (const change of pending) {
    if (change.sent) continue;
    change.sent = connection.send({ ...change.message, id: change.id });
    if (!change.sent) break;
  }
  clearTimeout(retry);
  if (pending.some((change) => !change.sent)) retry = setTimeout(flush, RETRY_MS);
}

/**
 * Makes a change: it is sent, and {@link withChanges} applies it until the server has.
 *
 * @param {string} session
 * @param {ClientMessage} message that does no harm when it comes twice
 * @param {(session: Session) => Session} apply the same for what is shown
 * @returns {Promise<void>} over when the server has answered, or nothing is to be answered any more
 */
export function change(session, message, apply) {
  return new Promise((done) => {
    pending.push({ id: connection.takeId(), session, message, apply, sent: false, done });
    flush();
  });
}

/** @param {(change: Change) => boolean} over */
function settle(over) {
  const settled = pending.filter(over);
  pending = pending.filter((each) => !settled.includes(each));
  settled.forEach((each) => each.done());
}

/** The state as the server said it. @param {Session} session */
export function acknowledge(session) {
  settle((each) => each.id <= session.acknowledged || each.session !== session.session);
  flush();
}

/** A change that could not be made. @param {number | null | undefined} id */
export function refuse(id) {
  settle((each) => each.id === id);
}

/** The connection was lost: whatever is pending may not have arrived. */
export function resendAll() {
  for (const each of pending) each.sent = false;
}

/** Whether a message of this type is still to be confirmed. @param {ClientMessage["type"]} type */
export function isPending(type) {
  return pending.some((each) => each.message.type === type);
}

/** What is to be shown: a state and what was changed since. @param {Session} session */
export function withChanges(session) {
  return pending.reduce((now, each) => each.apply(now), session);
}
