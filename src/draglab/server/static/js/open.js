/** Opening: edit files by dialog or drop, sessions of before, a new one. */

import { byId, icon, make } from "./dom.js";
import { connection, onMessage, rememberSession, send } from "./app.js";
import { fillDialog } from "./dialogs.js";
import { forgetPictures } from "./pictures.js";
import { get, watch } from "./store.js";
import { leaveRound } from "./actions.js";
import { notAnEditFile } from "./sniff.js";
import { notify } from "./notices.js";
import { forgetLeaving, others, refreshSessions, sessionList } from "./sessions.js";

const dialog = byId("open-dialog", HTMLDialogElement);
const file = byId("file", HTMLInputElement);
const drop = byId("drop", HTMLElement);
let dragging = 0;

/** @param {string} session */
async function openSession(session) {
  dialog.close();
  await leaveRound();
  if (send({ type: "open_session", session })) forgetPictures();
}

async function newSession() {
  dialog.close();
  await leaveRound();
  if (!send({ type: "new_session", start: null })) return;
  forgetPictures();
  rememberSession(null);
}

function showDialog() {
  renderDialog();
  void refreshSessions().then(() => {
    // Not while a name is being written.
    const writing = dialog.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement;
    if (dialog.open && !writing) renderDialog();
  });
}

function renderDialog() {
  const sessions = others();
  fillDialog(dialog, "open-title", "Open", [
    make("div", { class: "buttons" }, [
      make("button", { class: "primary", onclick: () => file.click() }, [icon("open"), "Edit file…"]),
      make("button", { onclick: () => void newSession() }, [icon("plus"), "New session"]),
    ]),
    make("p", { class: "quiet-text" }, ["You can also drop an edit file anywhere on this page."]),
    ...(sessions.length > 0
      ? [make("h3", {}, ["Earlier sessions"]), sessionList(sessions, openSession, () => dialog.open && renderDialog())]
      : []),
  ]);
  if (!dialog.open) dialog.showModal();
}

/** @param {File} chosen */
async function upload(chosen) {
  dialog.close();
  const other = await notAnEditFile(chosen).catch(() => null);
  if (other !== null) {
    notify(`${chosen.name} ${other}`, "error");
    return;
  }
  const most = get().welcome?.limits.upload_bytes ?? Infinity;
  if (chosen.size > most) {
    notify(`${chosen.name} is too large: an edit file has at most ${Math.round(most / 2 ** 20)} MB.`, "error");
    return;
  }
  try {
    const answer = await fetch("/upload/edit", {
      method: "POST",
      headers: { Authorization: `Bearer ${connection.token}`, "Content-Type": "application/json" },
      body: chosen,
    });
    const result = await answer.json();
    if (answer.ok) await openSession(result.session);
    else notify(`${chosen.name} cannot be opened: ${result.error}`, "error");
  } catch {
    notify(`${chosen.name} could not be sent: no connection to draglab. Try again.`, "error");
  }
}

/** Sets it going: also what is shown when the page opens. */
export function initOpen() {
  byId("open", HTMLButtonElement).addEventListener("click", showDialog);
  dialog.addEventListener("close", forgetLeaving);
  file.addEventListener("change", () => {
    const chosen = file.files?.[0];
    file.value = "";
    if (chosen) void upload(chosen);
  });
  onMessage("welcome", (welcome) => {
    if (welcome.session !== null) return;
    // A page that knows no session, or one that is gone, begins with the first image of the first model.
    send({ type: "new_session", start: null });
    const last = others()[0];
    if (last && get().session === null) {
      const act = () => void openSession(last.id);
      const dismiss = notify("Go on where you left off?", "plain", { label: "Go on", act, stays: true });
      watch(["session"], ({ session }) => (session?.nodes.length ?? 0) > 1 && dismiss());
    }
  });
  for (const [type, change] of /** @type {const} */ ([
    ["dragenter", 1],
    ["dragleave", -1],
  ])) {
    document.addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      dragging = Math.max(dragging + change, 0);
      drop.hidden = dragging === 0;
    });
  }
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    dragging = 0;
    drop.hidden = true;
    const chosen = event.dataTransfer?.files[0];
    if (chosen) void upload(chosen);
  });
}
