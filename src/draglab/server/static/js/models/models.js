/** The models: those that can be had, what is being done for them, and the one that was asked for and is not here yet. */

import { announce, notify } from "../notices.js";
import { get, set, watch } from "../store.js";
import { isDialogOpen } from "../dialogs.js";
import { onMessage } from "../app.js";

/** @typedef {import("../wire_types.js").Download} Download */

/** @type {(name: string) => void} what is done to show a model */
let choose = () => {};
/** @type {Download | null} */
let before = null;

/** @param {(name: string) => void} act */
export function chooseWith(act) {
  choose = act;
}

/** Notes that a model was asked for: until it is shown, the page says that it loads. @param {string | null} name */
export function wantModel(name) {
  set({ wanted: name === get().session?.start.model ? null : name });
}

/** The name for people of the model that this page waits for; null = it waits for none. */
export function awaited() {
  const { session, work, wanted, models } = get();
  const photo = session?.photo ?? null;
  // A model that is tuned to a photo is made of the photo's file.
  if (wanted === null && photo !== null) return work?.loading.includes(`photo ${photo.file}`) ? photo.name : null;
  const name = wanted ?? session?.model;
  if (!name || !work?.loading.includes(name)) return null;
  return models?.models.find((each) => each.name === name)?.title ?? name;
}

/** @param {Download | null} now tells what has come of this person's download */
function tell(now) {
  const last = before;
  before = now;
  if (last?.mine && last.error === null && now === null) {
    const { model, title } = last;
    if (!get().models?.models.some((each) => each.name === model)) announce(`${title} was not downloaded.`);
    else notify(`${title} is here.`, "plain", { label: "Use it", act: () => choose(model), stays: true });
  } else if (now?.error && !last?.error && last?.mine) {
    // An open dialog shows it by itself.
    if (isDialogOpen()) announce(now.error);
    else notify(now.error, "error");
  } else if (now?.mine && now.error === null && (last === null || last.error !== null)) {
    announce(`Downloading ${now.title}.`);
  }
}

/** @param {import("../wire_types.js").ModelWork} work */
function showWork(work) {
  tell(work.download);
  set({ work });
}

/** Sets it going. */
export function initModels() {
  onMessage("model_list", (models) => set({ models }));
  onMessage("model_work", showWork);
  onMessage("welcome", ({ models, work }) => {
    set({ models });
    showWork(work);
  });
  onMessage("error", () => set({ wanted: null }));
  watch(["session", "link"], ({ session, link, wanted }) => {
    if (wanted !== null && (link !== "open" || session?.start.model === wanted)) set({ wanted: null });
  });
}
