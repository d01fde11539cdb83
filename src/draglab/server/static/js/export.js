/** The export dialog: pictures, videos, the edit file, the latent, and the edit as text to copy. */

import { ask } from "./app.js";
import { byId, icon, make } from "./dom.js";
import { fillDialog } from "./dialogs.js";
import { get } from "./store.js";
import { markView, markWanted } from "./visible_mark.js";
import { notify } from "./notices.js";
import { wholeView } from "./photos/whole.js";

/** @typedef {import("./wire_types.js").Export["kind"]} Kind */
/** @typedef {NonNullable<import("./wire_types.js").Export["scope"]>} Scope */

const dialog = byId("export-dialog", HTMLDialogElement);
const copied = make("textarea", {
  class: "code",
  readonly: true,
  rows: 5,
  "aria-label": "The edit as text",
  hidden: true,
});
const busy = make("p", { class: "quiet-text", role: "status" });

/** @param {Kind} kind @param {Scope} scope @param {string} label */
function fileButton(kind, scope, label) {
  return make("button", { "data-kind": kind, "data-scope": scope, onclick: () => void download(kind, scope) }, [label]);
}

/** @param {string} title @param {string} help @param {Node[]} buttons */
function group(title, help, buttons) {
  return make("section", { class: "export-group", "aria-label": title }, [
    make("h3", {}, [title]),
    make("p", { class: "quiet-text" }, [help]),
    make("div", { class: "buttons" }, buttons),
  ]);
}

export function openExport() {
  const hasRounds = get().session?.nodes.some((node) => node.kind === "round") ?? false;
  copied.hidden = true;
  busy.textContent = "";
  const photo = get().session?.photo ?? null;
  fillDialog(dialog, "export-title", "Export", [
    markView(),
    ...(photo && hasRounds ? [wholeView(photo, (format) => void download(format, "photo"), save)] : []),
    group("Picture", "What is shown now, at full size.", [
      fileButton("png", "image", "PNG"),
      fileButton("jpg", "image", "JPEG"),
      fileButton("webp", "image", "WebP"),
    ]),
    ...(hasRounds
      ? [
          group("Video of this round", "The last drag, step by step.", [
            fileButton("mp4", "round", "MP4"),
            fileButton("gif", "round", "GIF"),
          ]),
          group("Video of the whole edit", "From the start image to what is shown.", [
            fileButton("mp4", "history", "MP4"),
            fileButton("gif", "history", "GIF"),
          ]),
          group("Edit file", photo ? EDIT_OF_PHOTO : "Repeats the edit: drop it on this page, or give it to draglab drag.", [
            fileButton("json", "history", "Edit file (.json)"),
          ]),
          group("As text", "Repeats the edit without this page.", [
            make("button", { "data-as": "command", onclick: () => void copyText("command") }, [
              icon("copy"),
              "Copy command line",
            ]),
            make("button", { "data-as": "python", onclick: () => void copyText("python") }, [
              icon("copy"),
              "Copy Python",
            ]),
          ]),
        ]
      : [
          make("p", { class: "quiet-text" }, [
            "Videos, the edit file and text to copy appear here after the first drag.",
          ]),
        ]),
    ...(photo
      ? [
          group("Photo file", PHOTO_FILE, [fileButton("draglab", "image", "Photo file (.draglab)")]),
        ]
      : []),
    group("Latent", "The numbers behind the picture, for programs.", [
      fileButton("npz", "image", "NumPy (.npz)"),
      fileButton("safetensors", "image", "safetensors"),
    ]),
    busy,
    copied,
  ]);
  dialog.showModal();
}

const PHOTO_FILE =
  "The photo with what the model has learned of it, to go on later: drop it on this page, or give it to draglab drag.";
const EDIT_OF_PHOTO = "Repeats the edit: give it to draglab drag, in the folder of the photo file.";

/** @param {Kind} kind @param {Scope} scope */
async function download(kind, scope) {
  busy.textContent = "Making the file…";
  const answer = await ask({ type: "export", kind, scope, mark: markWanted() }, "export_ready");
  busy.textContent = answer.type === "export_ready" ? save(answer) : answer.message;
}

/** Saves a file that is ready; what is to be said of that. @param {import("./app.js").Message<"export_ready">} ready */
export function save({ url, name }) {
  make("a", { href: url, download: name }).click();
  return `Saved as ${name}.`;
}

/** @param {"command" | "python"} as */
async function copyText(as) {
  const answer = await ask({ type: "describe", as }, "text");
  if (answer.type !== "text") {
    busy.textContent = answer.message;
    return;
  }
  copied.value = answer.text;
  copied.hidden = false;
  const photo = get().session?.photo;
  busy.textContent = answer.needs_edit_file
    ? `It needs the edit file: save that as edit.json in the same folder${photo ? `, and the photo file ${photo.name}.draglab` : ""}.`
    : "";
  try {
    await navigator.clipboard.writeText(answer.text);
    notify("Copied.");
  } catch {
    // Not every browser lets a page write there: the text is selected, and the keys of copying work.
    copied.select();
    busy.textContent += " Press Ctrl+C to copy.";
  }
}

byId("export", HTMLButtonElement).addEventListener("click", openExport);
