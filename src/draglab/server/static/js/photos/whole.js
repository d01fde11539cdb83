/**
 * The whole photo with the edit put back, in the dialog of exports: its formats, and whether its border is blended,
 * which takes a while: that goes on when the dialog is closed.
 */

import { ask, onMessage, send } from "../app.js";
import { duration } from "./work.js";
import { make } from "../dom.js";
import { markWanted } from "../visible_mark.js";
import { notify } from "../notices.js";

/** @typedef {import("../wire_types.js").PhotoStart} PhotoStart */
/** @typedef {"jpg" | "png" | "webp"} Format */
/** @typedef {import("../app.js").Message<"export_ready">} Ready */

const FORMATS = /** @type {const} */ ([["jpg", "JPEG"], ["png", "PNG"], ["webp", "WebP"]]);

/** @type {{id: number | null, since: number, cancelled: boolean} | null} what is being blended */
let blending = null;
/** @type {HTMLButtonElement[]} */
let buttons = [];

const blend = make("input", { type: "checkbox", role: "switch", id: "blend" });
const said = make("p", { role: "status" });
const bar = make("progress", { max: 1, "aria-label": "Blending the border" });
const cancel = make("button", { class: "small", onclick: stop }, ["Cancel"]);
const work = make("div", { class: "work", hidden: true }, [said, cancel, bar]);

/**
 * @param {PhotoStart} photo
 * @param {(format: Format) => void} plain exports it without blending
 * @param {(ready: Ready) => string} save saves a file; what is to be said of that
 */
export function wholeView(photo, plain, save) {
  // Its own format first.
  const formats = [...FORMATS].sort((a, b) => Number(b[0] === photo.kind) - Number(a[0] === photo.kind));
  buttons = formats.map(([format, label]) => {
    const onclick = () => (blend.checked ? void blended(format, save) : plain(format));
    return make("button", { "data-kind": format, "data-scope": "photo", onclick }, [label]);
  });
  if (!blending) said.textContent = "";
  show();
  return make("section", { class: "export-group", "aria-label": "Whole photo" }, [
    make("h3", {}, ["Whole photo"]),
    make("p", { class: "quiet-text" }, [
      `The photo with the edit put back, in its own size of ${photo.width} × ${photo.height} px. Mind that an edited photo of a person can mislead.`,
    ]),
    make("label", { class: "switch" }, [
      blend,
      make("span", { class: "track", "aria-hidden": "true" }),
      "Blend the border by tuning",
    ]),
    make("p", { class: "quiet-text" }, [
      "Helps where the edit reaches the edge of the frame, as at the collar of a turned head. Takes a minute or more.",
    ]),
    make("div", { class: "buttons" }, buttons),
    work,
  ]);
}

function show() {
  for (const button of buttons) button.disabled = blending !== null;
  blend.disabled = blending !== null;
  cancel.hidden = bar.hidden = blending === null;
  cancel.disabled = blending === null || blending.id === null || blending.cancelled;
  // The button that was pressed has no focus any more.
  if (!cancel.disabled && document.activeElement === document.body) cancel.focus();
  work.hidden = blending === null && said.textContent === "";
}

/** @param {Format} kind @param {(ready: Ready) => string} save */
async function blended(kind, save) {
  const own = (blending = { id: null, since: 0, cancelled: false });
  said.textContent = "Waiting for its turn…";
  bar.removeAttribute("value");
  show();
  const answer = await ask({ type: "export", kind, scope: "photo", stitch: true, mark: markWanted() }, "export_ready");
  blending = null;
  said.textContent = answer.type === "export_ready" ? save(answer) : own.cancelled ? "Cancelled." : answer.message;
  show();
  if (!work.isConnected || !work.closest("dialog")?.open) {
    notify(said.textContent, answer.type === "export_ready" || own.cancelled ? "plain" : "error");
  }
}

function stop() {
  if (!blending || blending.id === null || !send({ type: "cancel_export", export: blending.id })) return;
  blending.cancelled = true;
  said.textContent = "Stopping after this step…";
  show();
}

onMessage("export_progress", ({ export: id, share }) => {
  if (!blending || blending.cancelled) return;
  blending.id = id;
  if (share > 0) {
    const left = ((1 - share) / share) * ((performance.now() - blending.since) / 1000);
    said.textContent = `Blending the border: ${duration(left)}`;
    bar.value = share;
  } else {
    blending.since = performance.now();
  }
  show();
});
