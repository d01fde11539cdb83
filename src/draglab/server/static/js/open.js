/** Opening: photos and files by dialog, drop or the clipboard, sessions of before, a new one. */

import { actWith, initWork, isUnderWay, stageOf } from "./photos/work.js";
import { byId, icon, make } from "./dom.js";
import { initDialog, isShown, showGrowing } from "./photos/dialog.js";
import { kindOf } from "./sniff.js";
import { onMessage, rememberSession, send } from "./app.js";
import { openInverted, openPhoto, sendFile } from "./photos/upload.js";
import { fillDialog } from "./dialogs.js";
import { forgetPictures } from "./pictures.js";
import { get, watch } from "./store.js";
import { leaveRound } from "./actions.js";
import { notify } from "./notices.js";
import { forgetLeaving, others, refreshSessions, sessionList } from "./sessions.js";

const dialog = byId("open-dialog", HTMLDialogElement);
const file = byId("file", HTMLInputElement);
const photoFile = byId("photo-file", HTMLInputElement);
const drop = byId("drop", HTMLElement);
const photoList = make("section", { "aria-label": "Photos on their way" });
let dragging = 0;

/** @param {string} session */
export async function openSession(session) {
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
      make("button", { class: "primary", onclick: () => photoFile.click() }, [icon("photo"), "Photo…"]),
      make("button", { onclick: () => file.click() }, [icon("open"), "File…"]),
      make("button", { onclick: () => void newSession() }, [icon("plus"), "New session"]),
    ]),
    make("p", { class: "quiet-text" }, [
      "Photos (JPEG, PNG, WebP, HEIC…), edit files (.json) and photo files (.draglab) can also be dropped anywhere on this " +
        "page; pictures can be pasted.",
    ]),
    photoList,
    ...(sessions.length > 0
      ? [make("h3", {}, ["Earlier sessions"]), sessionList(sessions, openSession, () => dialog.open && renderDialog())]
      : []),
  ]);
  if (!dialog.open) dialog.showModal();
}

/** Shows the photos that are under way, without touching the rest: somebody may be writing a name there. */
function renderPhotos() {
  const { photos } = get();
  const key = JSON.stringify(photos.map(({ photo, name, state, session, error }) => [photo, name, state, session, error]));
  if (photoList.dataset["key"] === key) return;
  photoList.dataset["key"] = key;
  photoList.hidden = photos.length === 0;
  photoList.replaceChildren(
    make("h3", {}, ["Photos on their way"]),
    make("ul", { class: "sessions" }, photos.map(photoRow)),
  );
}

/** A photo that is under way. @param {import("./wire_types.js").PhotoView} view */
function photoRow(view) {
  const { photo, name, session } = view;
  const show = () => {
    dialog.close();
    if (session === null) showGrowing(photo);
    else void openSession(session);
  };
  return make("li", {}, [
    make("button", { class: "session", onclick: show }, [
      make("span", { class: "session-text" }, [
        make("strong", {}, [name]),
        make("span", { class: "quiet-text" }, [stageOf(view)]),
      ]),
    ]),
    make(
      "button",
      {
        class: "quiet",
        "aria-label": `${isUnderWay(view) ? "Cancel" : "Delete"} ${name}`,
        onclick: () => send({ type: "cancel_photo", photo }),
      },
      [icon("trash")],
    ),
  ]);
}

/** @param {File} chosen */
async function upload(chosen) {
  dialog.close();
  const found = await kindOf(chosen).catch(() => ({ kind: /** @type {const} */ ("edit") }));
  if (found.kind === "other") notify(`${chosen.name} ${found.problem}`, "error");
  else if (found.kind === "photo") await openPhoto(chosen);
  else {
    const edit = async () => (await sendFile("/upload/edit", chosen, "upload_bytes"))?.session ?? null;
    const session = await (found.kind === "inverted" ? openInverted(chosen) : edit());
    if (session !== null) await openSession(session);
  }
}

/** Sets it going: also what is shown when the page opens. */
export function initOpen() {
  byId("open", HTMLButtonElement).addEventListener("click", showDialog);
  dialog.addEventListener("close", forgetLeaving);
  initWork();
  initDialog((session) => void openSession(session));
  actWith({ show: showGrowing, open: (session) => void openSession(session), isShown });
  watch(["photos"], renderPhotos);
  for (const field of [file, photoFile]) {
    field.addEventListener("change", () => {
      const chosen = field.files?.[0];
      field.value = "";
      if (chosen) void upload(chosen);
    });
  }
  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (!pasted) return;
    event.preventDefault();
    void upload(pasted);
  });
  onMessage("welcome", (welcome) => {
    if (welcome.session !== null) return;
    // A page that knows no session, or one that is gone, begins with the first image of the first model.
    send({ type: "new_session", start: null });
    const last = others()[0];
    if (last && get().session === null) {
      const act = () => void openSession(last.id);
      const dismiss = notify("Go on where you left off?", "plain", { label: "Go on", act, stays: true });
      let first = "";
      watch(["session"], ({ session }) => {
        first ||= session?.session ?? "";
        if (session && (session.nodes.length > 1 || session.session !== first)) dismiss();
      });
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
