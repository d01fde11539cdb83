/** The sessions of before: their names, pictures and dates; another name, deleting and taking that back. */

import { ask, send } from "./app.js";
import { get, set } from "./store.js";
import { icon, make } from "./dom.js";
import { notify } from "./notices.js";

/** @typedef {import("./wire_types.js").SessionInfo} SessionInfo */

/** @type {Set<string>} those that will be deleted when the list is closed: until then that can be taken back */
const leaving = new Set();

/** @param {SessionInfo[]} sessions */
function keep(sessions) {
  const welcome = get().welcome;
  if (welcome) set({ welcome: { ...welcome, sessions } });
}

/** Asks the server which sessions there are now. */
export async function refreshSessions() {
  const answer = await ask({ type: "list_sessions" }, "sessions");
  if (answer.type === "sessions") keep(answer.sessions);
}

/** Sessions that have something in them, but for the one that is shown. */
export function others() {
  const { welcome, session } = get();
  return (welcome?.sessions ?? []).filter(
    (each) => (each.rounds > 0 || each.name !== "") && each.id !== session?.session,
  );
}

/** @param {SessionInfo} session */
function modelTitle(session) {
  return get().models?.models.find((each) => each.name === session.model)?.title ?? session.model;
}

/**
 * @param {SessionInfo[]} sessions
 * @param {(session: string) => void} open
 * @param {() => void} changed to be called when the list is another one
 */
export function sessionList(sessions, open, changed) {
  return make(
    "ul",
    { class: "sessions" },
    sessions.map((session) => row(session, open, changed)),
  );
}

/**
 * @param {SessionInfo} session
 * @param {(session: string) => void} open
 * @param {() => void} changed
 */
function row(session, open, changed) {
  const name = session.name || modelTitle(session);
  if (leaving.has(session.id)) return deletedRow(session, name, changed);
  const when = new Date(session.updated * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const rounds = session.rounds === 1 ? "1 drag" : `${session.rounds} drags`;
  const picture = make("span", { class: "session-picture" });
  if (session.picture !== null) {
    picture.append(make("img", { src: `/thumbnails/${session.id}/${session.picture}`, alt: "", draggable: "false" }));
  }
  const item = make("li", {}, [
    make("button", { class: "session", onclick: () => open(session.id) }, [
      picture,
      make("span", { class: "session-text" }, [
        make("strong", {}, [name]),
        make("span", { class: "quiet-text" }, [session.name ? `${modelTitle(session)}, ${rounds}` : rounds]),
        make("span", { class: "quiet-text" }, [when]),
      ]),
    ]),
    make("button", { class: "quiet small rename", "aria-label": `Rename ${name}, ${when}`, onclick: () => rename() }, [
      "Rename",
    ]),
    make(
      "button",
      { class: "quiet", "aria-label": `Delete ${name}, ${when}`, onclick: () => remove(session, changed) },
      [icon("trash")],
    ),
  ]);
  const rename = () => {
    const field = make("input", { type: "text", maxlength: 80, "aria-label": "Name of the session" });
    field.value = session.name;
    field.placeholder = modelTitle(session);
    let done = false;
    const finish = async (/** @type {boolean} */ takes) => {
      if (done) return;
      done = true;
      if (takes && field.value.trim() !== session.name) {
        const name = field.value.trim();
        const answer = await ask({ type: "rename_session", session: session.id, name }, "sessions");
        if (answer.type === "sessions") keep(answer.sessions);
        else notify(answer.message, "error");
      }
      changed();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      // Escape would close the dialog.
      event.preventDefault();
      event.stopPropagation();
      void finish(event.key === "Enter");
    });
    field.addEventListener("blur", () => void finish(true));
    item.querySelector(".session")?.replaceWith(make("div", { class: "session" }, [picture, field]));
    item.querySelector(".rename")?.remove();
    field.focus();
    field.select();
  };
  return item;
}

/** Deletes a session once the list is closed. @param {SessionInfo} session @param {() => void} changed */
function remove(session, changed) {
  leaving.add(session.id);
  changed();
}

/** In the place of a session that is about to be deleted. @param {SessionInfo} session @param {string} name @param {() => void} changed */
function deletedRow(session, name, changed) {
  const undo = () => {
    leaving.delete(session.id);
    changed();
  };
  return make("li", {}, [
    make("p", { class: "session deleted", role: "status" }, [`${name} is deleted.`]),
    make("button", { class: "small", onclick: undo }, ["Undo"]),
  ]);
}

/** Deletes what was marked for it: the list is closed. */
export function forgetLeaving() {
  const gone = [...leaving].filter((id) => send({ type: "forget_session", session: id }));
  keep((get().welcome?.sessions ?? []).filter((each) => !gone.includes(each.id)));
  leaving.clear();
}

// The page may be closed before the list is.
addEventListener("pagehide", forgetLeaving);
