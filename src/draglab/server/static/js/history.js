/** The history: a strip of what was done (strip.js), and a slider through the frames of a round. */

import { byId } from "./dom.js";
import { renderStrip, showPictures } from "./strip.js";
import { forgetWays, remember, roundShown } from "./lineage.js";
import { get, set, watch } from "./store.js";
import { send } from "./app.js";
import { settle } from "./actions.js";

/** @typedef {import("./types.js").Session} Session */

const slider = byId("timeline", HTMLInputElement);
const sliderText = byId("timeline-text", HTMLElement);
const goOn = byId("continue", HTMLButtonElement);

/** @param {Session} session */
function renderSlider(session) {
  const round = session.state === "idle" ? roundShown(session) : null;
  const { scrub } = get();
  slider.disabled = round === null;
  goOn.disabled = scrub === null;
  if (!round) {
    slider.max = slider.value = "0";
    sliderText.textContent = "";
    slider.setAttribute("aria-valuetext", "no drag to look through");
    return;
  }
  const last = round.frames;
  slider.max = String(last);
  const frame = scrub?.node === round.id ? scrub.frame : round.kept;
  if (slider.value !== String(frame)) slider.value = String(frame);
  sliderText.textContent = `${frame} / ${last}`;
  slider.setAttribute("aria-valuetext", frame === 0 ? "before the round" : `step ${frame} of ${last}`);
  slider.style.setProperty("--done", `${(100 * frame) / last}%`);
}

slider.addEventListener("input", () => {
  const { session } = get();
  const round = session ? roundShown(session) : null;
  if (!session || !round) return;
  const frame = Number(slider.value);
  const end = frame === round.kept && round.id === session.cursor;
  set({ scrub: end ? null : { node: round.id, frame } });
  if (!end) send({ type: "scrub", node: round.id, frame });
});
goOn.addEventListener("click", () => void settle());

/** Sets it going. */
export function initHistory() {
  let session = "";
  watch(["session", "scrub", "link"], (data) => {
    if (!data.session) return;
    if (data.session.session !== session) forgetWays();
    session = data.session.session;
    remember(data.session);
    renderStrip(data.session);
    showPictures();
    renderSlider(data.session);
  });
}
