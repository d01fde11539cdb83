/** What is being done for models, with what can be done about it: a download, and getting to know a new model. */

import { get, watch } from "../store.js";
import { icon, make } from "../dom.js";
import { send } from "../app.js";

/** @typedef {import("../wire_types.js").Download} Download */

/** @param {number} bytes */
const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

/** @param {Download} download */
function describe({ title, done, total, stopping, error }) {
  if (error !== null) return error;
  if (stopping) return `Stopping the download of ${title}…`;
  if (total === null) return done > 0 ? `Downloading ${title}: ${megabytes(done)} MB` : `Downloading ${title}…`;
  if (done >= total) return `${title} has arrived and is being made ready…`;
  return `Downloading ${title}: ${megabytes(done)} of ${megabytes(total)} MB`;
}

/** The download that goes on, or has failed. */
export function downloadView() {
  const warning = icon("warning");
  const text = make("p", {});
  const bar = make("progress", { max: 1, "aria-label": "Download" });
  const button = make("button", { class: "small", onclick: () => send({ type: "stop_download" }) });
  const view = make("div", { class: "work" }, [warning, text, button, bar]);
  watch(["work"], ({ work }) => {
    const download = work?.download ?? null;
    view.hidden = download === null;
    if (download === null) return;
    const { title, done, total, stopping, error, mine } = download;
    const failed = error !== null;
    view.classList.toggle("error", failed);
    warning.toggleAttribute("hidden", !failed);
    text.textContent = describe(download);
    bar.hidden = failed;
    if (total === null || done >= total || stopping) bar.removeAttribute("value");
    else bar.value = done / total;
    button.hidden = !mine || stopping;
    button.textContent = failed ? "OK" : "Cancel";
    button.setAttribute("aria-label", failed ? "OK, put this away" : `Cancel the download of ${title}`);
  });
  return view;
}

/** That the statistics of the shown model are being measured. */
export function measuringView() {
  const text = make("p", {});
  const bar = make("progress", { max: 1, "aria-label": "Getting to know this model" });
  const button = make("button", { class: "small", "aria-label": "Not now: leave the model as it is", onclick: stop }, [
    "Not now",
  ]);
  const view = make("div", { class: "work" }, [text, button, bar]);
  function stop() {
    const { session } = get();
    if (session) send({ type: "stop_measuring", model: session.model });
  }
  watch(["work", "session", "models"], ({ work, session, models }) => {
    const measuring = work?.measuring ?? null;
    view.hidden = measuring === null || measuring.model !== session?.model;
    if (measuring === null) return;
    text.textContent = `${knowing(measuring.share)} Drags take longer until then.`;
    bar.value = measuring.share;
    button.hidden = models?.shared ?? true;
  });
  return view;
}

/** @param {number} share */
export function knowing(share) {
  return `Getting to know this model, once: ${Math.round(100 * share)}\u00a0%.`;
}
