/** The zoom buttons, and the size that pictures are asked for. */

import { byId } from "../dom.js";
import { get, watch } from "../store.js";
import { setShownHeight } from "../app.js";
import { viewport } from "./viewport.js";

const STEP = 1.25;
const value = byId("zoom-value", HTMLButtonElement);

/** @param {number} factor */
export function zoomBy(factor) {
  viewport.zoomAt(factor, [viewport.stage.width / 2, viewport.stage.height / 2]);
}

export const zoomIn = () => zoomBy(STEP);
export const zoomOut = () => zoomBy(1 / STEP);

byId("zoom-in", HTMLButtonElement).addEventListener("click", zoomIn);
byId("zoom-out", HTMLButtonElement).addEventListener("click", zoomOut);
byId("zoom-fit", HTMLButtonElement).addEventListener("click", () => viewport.fit());
value.addEventListener("click", () => viewport.actualSize());

function askForSize() {
  const image = get().session?.image;
  if (!image) return;
  // Never more than the image has; in steps, so that a wheel does not ask anew for every notch.
  const shown = Math.min(viewport.zoom * devicePixelRatio, 1) * image.height;
  setShownHeight(Math.min(Math.ceil(shown / 64) * 64, image.height));
}

viewport.onChange(() => {
  const text = `${Math.round(viewport.zoom * devicePixelRatio * 100)} %`;
  if (value.textContent !== text) {
    value.textContent = text;
    value.setAttribute("aria-label", `${text}: show at 100 %`);
  }
  askForSize();
});
watch(["session"], askForSize);
