/** What a person does to points and rounds, as messages. Each works whatever the session's state is. */

import { ask, nextIdleState, onMessage, send } from "./app.js";
import { get, set, watch } from "./store.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").XY} XY */

let lastId = 0;
/** Over when the server has said whether the round runs that was asked for last. */
let begun = Promise.resolve();
/** @type {{session: string, answered: () => void} | null} the round that was asked for */
let asked = null;

function runAnswered() {
  asked?.answered();
  asked = null;
}

watch(["session", "link"], ({ session, link }) => {
  if (link !== "open" || session?.state !== "idle" || session.session !== asked?.session) runAnswered();
});
// A quick round may be over before anything else is heard of it.
onMessage("ended", runAnswered);
onMessage("error", runAnswered);

/** @returns {Point[]} points as they are now: handles follow the round that runs */
export function currentPoints() {
  const { session, progress } = get();
  if (!session) return [];
  if (!progress || session.state === "idle") return session.points;
  let index = 0;
  return session.points.map((point) => {
    if (!point.target) return point;
    return { ...point, handle: progress.handles[index++] ?? point.handle };
  });
}

/**
 * Leaves a running round and a frame that is looked at, so that points can be changed.
 *
 * @returns {Promise<void>}
 */
export async function settle() {
  await leaveRound();
  const { scrub } = get();
  if (scrub) {
    const idle = nextIdleState();
    set({ scrub: null });
    send({ type: "continue_from", node: scrub.node, frame: scrub.frame });
    await idle;
  }
}

/**
 * Sends points and shows them at once; the state that follows is the truth.
 *
 * @param {Point[]} points
 * @param {boolean} [done] end of a gesture
 */
export function sendPoints(points, done = true) {
  const { session } = get();
  if (!session || !send({ type: "set_points", points, done })) return;
  if (done) set({ session: { ...session, points } });
}

/**
 * Puts a point in its place by id, or adds it.
 *
 * @param {Point} point
 * @param {boolean} [done]
 */
export function putPoint(point, done = true) {
  const points = get().session?.points ?? [];
  const known = points.some((other) => other.id === point.id);
  sendPoints(known ? points.map((other) => (other.id === point.id ? point : other)) : [...points, point], done);
}

/** @param {number} id */
export async function removePoint(id) {
  await settle();
  sendPoints((get().session?.points ?? []).filter((point) => point.id !== id));
}

export async function removeAllPoints() {
  await settle();
  sendPoints([]);
}

/** An id that no point has, nor had while this page was open. */
export function freshId() {
  const known = (get().session?.points ?? []).map((point) => point.id);
  // Also those that were given away and are still on their way into the session.
  lastId = Math.max(lastId, ...known) + 1;
  return lastId;
}

/** @param {XY} handle asks whether this can be followed @param {number} id of its point */
export async function checkHandle(handle, id) {
  const answer = await ask({ type: "check_handle", x: handle[0], y: handle[1] });
  if (answer.type !== "handle_quality") return;
  set({ qualities: { ...get().qualities, [id]: { ...answer, id, x: handle[0], y: handle[1] } } });
}

/** @param {number} id moves this handle to the distinctive place that was offered */
export async function takeNearest(id) {
  const nearest = get().qualities[id]?.nearest;
  if (!nearest) return;
  const wasRunning = get().session?.state !== "idle";
  await settle();
  const point = get().session?.points.find((other) => other.id === id);
  if (!point) return;
  const { [id]: _, ...qualities } = get().qualities;
  set({ qualities });
  putPoint({ ...point, handle: nearest });
  if (wasRunning) run();
}

/** Whether there is something to pull. */
export function canRun() {
  return get().link === "open" && (get().session?.points ?? []).some((point) => point.target);
}

export function run() {
  const { session, scrub } = get();
  if (!session || session.state !== "idle" || asked || !canRun()) return;
  if (scrub) void settle().then(() => sendRun("run"));
  else sendRun("run");
}

/** Continues the round that stopped by itself. */
export function goOn() {
  const { session } = get();
  if (!session?.can_go_on || asked) return;
  set({ scrub: null });
  sendRun("go_on");
}

/** @param {"run" | "go_on"} type */
function sendRun(type) {
  const { session } = get();
  if (!session || !send({ type })) return;
  begun = new Promise((resolve) => (asked = { session: session.session, answered: resolve }));
}

/** Waits until the server has said whether the round runs that was asked for last. */
export function hasBegun() {
  return begun;
}

export function stop() {
  const { session } = get();
  if (session && session.state !== "idle") send({ type: "stop" });
}

export async function undo() {
  await leaveRound();
  // A key that is held down asks for more than there is: that error is answered here, by nothing.
  if (get().session?.can_undo) void ask({ type: "undo" });
}

export async function redo() {
  if (get().session?.can_redo) void ask({ type: "redo" });
}

/** Shows an entry of the history; a round that runs ends there and keeps its best step. @param {number} node */
export async function goTo(node) {
  await begun;
  set({ scrub: null });
  send({ type: "goto", node });
}

/** Ends a running round, or one about to run; what is looked at stays. */
export async function leaveRound() {
  await begun;
  const { session } = get();
  if (!session || session.state === "idle") return;
  const idle = nextIdleState();
  send({ type: "stop" });
  await idle;
}
