/** What a person does to points and rounds, as messages. Each works whatever the session's state is. */

import { ask, connected, make, mention, nextIdleState, onMessage, send } from "./app.js";
import { notify } from "./notices.js";
import { get, set, watch } from "./store.js";

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").XY} XY */
/** @typedef {import("./wire_types.js").ClientMessage} ClientMessage */

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

/** @returns {Point[]} points as they are now: handles and targets follow the round that runs */
export function currentPoints() {
  const { session, progress } = get();
  if (!session) return [];
  if (!progress || session.state === "idle") return session.points;
  return session.points.map((point) => ({
    ...point,
    handle: progress.places.get(point.id) ?? point.handle,
    target: point.target && (progress.goals.get(point.id) ?? point.target),
  }));
}

/**
 * Leaves a running round and a frame that is looked at, so that points can be changed.
 *
 * @returns {Promise<void>}
 */
export async function settle() {
  await leaveRound("pause");
  const { scrub } = get();
  if (scrub) {
    const idle = nextIdleState();
    set({ scrub: null });
    await connected();
    send({ type: "continue_from", node: scrub.node, frame: scrub.frame });
    await idle;
  }
}

/**
 * Changes points, and shows that at once.
 *
 * @param {ClientMessage} message
 * @param {(points: Point[]) => Point[]} apply the same for what is shown
 * @returns {Promise<void>} over when the server has answered
 */
function changePoints(message, apply) {
  return make(message, (session) => ({ ...session, points: apply(session.points), can_undo: true }));
}

/** @param {Point} point */
export function addPoint(point) {
  const { id, handle, target, pin } = point;
  return changePoints({ type: "add_point", point: { id, handle, target, pin } }, (points) =>
    points.some((other) => other.id === id)
      ? points.map((other) => (other.id === id ? point : other))
      : [...points, point],
  );
}

/**
 * Changes something of a point.
 *
 * @param {number} id
 * @param {{handle?: XY, target?: XY | null}} changes target null: it has none any more
 */
export function movePoint(id, changes) {
  const { handle = null, target = null } = changes;
  const no_target = changes.target === null;
  return changePoints({ type: "move_point", point: id, handle, target, no_target }, (points) =>
    points.map((point) => {
      if (point.id !== id) return point;
      // A pin that is put elsewhere holds that place; one that is pulled is a handle.
      const held = point.pin && changes.target === undefined ? { target: handle ?? point.handle } : { pin: false };
      return { ...point, ...changes, ...held, resting: false };
    }),
  );
}

/**
 * Pins a handle where it is, or a place that has none.
 *
 * @param {Point} point
 */
export function pin(point) {
  const known = get().session?.points.some((other) => other.id === point.id);
  if (!known) return addPoint({ ...point, target: point.handle, pin: true });
  return changePoints({ type: "move_point", point: point.id, pin: true }, (points) =>
    points.map((other) =>
      other.id === point.id ? { ...other, target: other.handle, pin: true, resting: false } : other,
    ),
  );
}

/** Where a target is while it is being pulled and a round follows it; nothing is kept of it. @param {number} id @param {XY} target */
export function steer(id, target) {
  mention({ type: "move_point", point: id, target, done: false });
}

/** Points as a message has them. @param {Point[]} points */
const given = (points) => points.map(({ id, handle, target }) => ({ id, handle, target, pin: false }));

/**
 * Where points are pulled to while the picture follows the hand. What cannot be sent is dropped: a newer place comes.
 *
 * @param {Point[]} points with their targets: one, or those of a region
 * @param {number} gesture another number for each pull
 */
export function follow(points, gesture) {
  mention({ type: "pull", points: given(points), gesture });
}

/**
 * The hand lets go of a pull that the picture followed, or that begins now.
 *
 * @param {Point[]} points with their targets
 * @param {number} gesture
 */
export function letGo(points, gesture) {
  void changePoints({ type: "pull", points: given(points), gesture, done: true }, (known) => withTargets(known, points));
}

/**
 * Gives points their targets without dragging them, as one entry of the history.
 *
 * @param {Point[]} points with their targets
 */
export function setTargets(points) {
  const all = withTargets(get().session?.points ?? [], points);
  const given = all.map(({ id, handle, target, pin }) => ({ id, handle, target, pin }));
  void changePoints({ type: "set_points", points: given, done: true }, () => all);
}

/**
 * Puts other points in the place of those there are, as one entry of the history.
 *
 * @param {Point[]} points
 */
export function replacePoints(points) {
  const given = points.map(({ id, handle, target, pin }) => ({ id, handle, target, pin }));
  return changePoints({ type: "set_points", points: given, done: true }, () => points);
}

/** @param {Point[]} known @param {Point[]} pulled those that are new or have new targets */
function withTargets(known, pulled) {
  const targets = new Map(pulled.map((point) => [point.id, point.target]));
  const moved = known.map((point) => {
    const target = targets.get(point.id);
    return target ? { ...point, target, pin: false, resting: false } : point;
  });
  const ids = new Set(known.map((point) => point.id));
  const added = pulled.filter((point) => !ids.has(point.id));
  return [...moved, ...added.map((point) => ({ ...point, pin: false, resting: false }))];
}

/** Leaves a pull that the picture followed, as if nobody had pulled. */
export function takeBack() {
  mention({ type: "take_back" });
}

/** @param {number} id */
export function removePoint(id) {
  void changePoints({ type: "remove_points", points: [id] }, (points) => points.filter((point) => point.id !== id));
}

/** @param {number[]} ids */
export function removePoints(ids) {
  void changePoints({ type: "remove_points", points: ids }, (points) => points.filter(({ id }) => !ids.includes(id)));
}

export function removeAllPoints() {
  void changePoints({ type: "remove_points", points: null }, () => []);
}

/** An id that no point has: other pages may work on the session, and ids of undone points may come back. */
export function freshId() {
  return Math.floor(Math.random() * 2 ** 48);
}

/** @param {XY} handle asks whether this can be followed @param {number} id of its point */
export async function checkHandle(handle, id) {
  const answer = await ask({ type: "check_handle", x: handle[0], y: handle[1] }, "handle_quality");
  if (answer.type !== "handle_quality") return;
  set({ qualities: { ...get().qualities, [id]: answer } });
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
  void movePoint(id, { handle: nearest });
  if (wasRunning) run();
}

/** Whether there is something to pull: pins alone hold. */
export function canRun() {
  return get().link === "open" && (get().session?.points ?? []).some((point) => point.target && !point.pin);
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
  if (session && session.state !== "idle") void connected().then(() => send({ type: "stop" }));
}

/** @param {"undo" | "redo"} type */
async function step(type) {
  const { link } = get();
  const answer = await ask({ type }, "error");
  // A key that is held down asks for more than there is: that error is answered by nothing.
  if (link !== "open") notify(answer.message, "error");
}

export async function undo() {
  await leaveRound();
  if (get().session?.can_undo) void step("undo");
}

export async function redo() {
  if (get().session?.can_redo) void step("redo");
}

/** Shows an entry of the history; a round that runs ends there and keeps its best step. @param {number} node */
export async function goTo(node) {
  await begun;
  set({ scrub: null });
  send({ type: "goto", node });
}

/**
 * Ends a running round, or one about to run; what is looked at stays.
 *
 * @param {"stop" | "pause"} [how] pause: the next round goes on with its handles
 */
export async function leaveRound(how = "stop") {
  await begun;
  const { session } = get();
  if (!session || session.state === "idle") return;
  const idle = nextIdleState();
  await connected();
  send({ type: how });
  await idle;
}
