/** The line under the picture: run or stop, how far it is, how it ended; and what is shown instead of a picture. */

import { announce, notify } from "./notices.js";
import { byId, shown } from "./dom.js";
import { awaited } from "./models/models.js";
import { canRun, goOn, run, stop } from "./actions.js";
import { fallsShort } from "./reach.js";
import { get, set, watch } from "./store.js";
import { knowing } from "./models/work.js";
import { onMessage } from "./app.js";
import { hasRegion, onRegion } from "./tools/region.js";
import { onPreference, prefer, preferred } from "./preferences.js";
import { isFollowing, onGesture } from "./stage/gesture.js";

const button = byId("run", HTMLButtonElement);
const buttonText = byId("run-text", HTMLElement);
const buttonIcon = byId("run-icon", SVGUseElement);
const text = byId("status", HTMLElement);
const goOnButton = byId("go-on", HTMLButtonElement);
const meter = byId("meter", HTMLElement);
const empty = byId("empty", HTMLElement);
const stage = byId("stage", HTMLElement);
const emptyText = byId("empty-text", HTMLElement);
const whenPulled = byId("when-pulled", HTMLSelectElement);
const title = byId("title", HTMLElement);
const ANNOUNCE_MS = 5000;
let farthest = 0;
let announced = 0;
/** @type {string | null} the model of which was said last that it loads */
let said = null;

/** Runs, or stops what runs. */
export function toggleRun() {
  if (get().session?.state === "idle") run();
  else stop();
}

/** @param {string} value */
function say(value) {
  if (text.textContent !== value) text.textContent = value;
}

function render() {
  const { session, progress, link, scrub, work } = get();
  const state = session?.state ?? "idle";
  button.dataset["state"] = state;
  button.disabled = link !== "open" || (state === "idle" && !canRun());
  buttonText.textContent = state === "idle" ? "Run" : "Stop";
  buttonIcon.setAttribute("href", `/static/icons.svg#${state === "idle" ? "play" : "stop"}`);
  goOnButton.hidden = !session?.can_go_on || link !== "open";
  document.body.dataset["link"] = link;
  const waits = link === "open" ? awaited() : null;
  empty.hidden = session !== null && waits === null;
  empty.classList.toggle("over", session !== null);
  stage.inert = waits !== null;
  emptyText.textContent =
    link === "refused"
      ? "This page cannot connect. Reload it."
      : link === "lost"
        ? "Waiting for draglab…"
        : waits !== null
          ? `Loading ${waits}…`
          : "Starting…";
  if (waits !== said) announce(waits === null ? "" : `Loading ${waits}.`);
  said = waits;
  if (session) {
    title.textContent = describe();
    document.body.classList.remove("starting");
  }
  if (link === "lost" && session) say("Connection lost. Reconnecting; your work is saved.");
  else if (progress && state !== "idle") {
    farthest = Math.max(farthest, progress.mean_distance);
    const far = `${shown(progress.mean_distance)} px`;
    const left = isFollowing() ? `${far} behind your hand` : `${far} left`;
    const short = fallsShort();
    if (isFollowing()) say(short ? `Following · ${left}: that is out of reach` : `Following · ${left}`);
    else say(`Step ${progress.step} · ${left} · ${short ? "out of reach" : `${shown(progress.steps_per_second)} steps/s`}`);
    if (performance.now() - announced > ANNOUNCE_MS) {
      announced = performance.now();
      announce(left);
    }
  } else if (state !== "idle") say("Starting…");
  else if (waits !== null) say(`Loading ${waits}…`);
  else if (preferred().tool === "region" && !hasRegion()) say("Draw around what you want to move, scale or turn.");
  else if (scrub) say("An earlier step is shown. Pull to go on from here.");
  else if (session?.message) say(session.message);
  else if (canRun()) say("Ready to run.");
  else if (session?.points.some((point) => !point.pin)) say("Pull a handle to give it a target.");
  else {
    const hint = session?.points.length ? "Pinned. Now pull elsewhere." : howToBegin();
    const measuring = work?.measuring?.model === session?.model ? work?.measuring : null;
    say(measuring ? `${hint} ${knowing(measuring.share)}` : hint);
  }
  if (state === "idle") farthest = 0;
  const done = progress && farthest > 0 ? 1 - progress.mean_distance / farthest : 0;
  document.body.dataset["state"] = state;
  meter.style.transform = `scaleX(${state === "idle" ? 0 : done})`;
}

function howToBegin() {
  if (preferred().tool !== "region") return "Press on the picture, pull, let go.";
  return "Pull inside the region to move it, at a corner to scale it, at the knob to turn it.";
}

function describe() {
  const { session, models, windows } = get();
  if (!session) return "";
  const model = models?.models.find((each) => each.name === session.model)?.title ?? session.model;
  const name = session.photo === null ? model : `${session.photo.name} · ${model}`;
  const image = session.start.seed === null ? name : `${model} · seed ${session.start.seed}`;
  return windows > 1 ? `${image} · open in ${windows} windows` : image;
}

/** Sets it going. */
export function initStatus() {
  watch(["session", "progress", "link", "scrub", "welcome", "windows", "models", "work", "wanted"], render);
  onGesture(render);
  onRegion(render);
  button.addEventListener("click", toggleRun);
  goOnButton.addEventListener("click", goOn);
  whenPulled.addEventListener("change", () => {
    prefer({ pulling: /** @type {import("./types.js").Pulling} */ (whenPulled.value) });
  });
  onPreference(({ pulling }) => {
    whenPulled.value = pulling;
    render();
  });
  onMessage("ended", (message) => announce(message.text));
  onMessage("viewers", ({ count }) => {
    const more = count > get().windows;
    set({ windows: count });
    if (more) notify(`This session is open in ${count} windows. What you do in one happens in all.`);
  });
}
