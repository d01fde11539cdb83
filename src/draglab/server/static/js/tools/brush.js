/** Brush, eraser and fill: they paint the mask. One stroke is one step of the history. */

import { flood, stroke } from "../mask/bitmap.js";
import { get } from "../store.js";
import { leaveRound } from "../actions.js";
import { maskLayer } from "../mask/layer.js";
import { prefer, preferred } from "../preferences.js";
import { viewport } from "../stage/viewport.js";

/** @typedef {import("../types.js").XY} XY */
/** @typedef {import("./drag.js").Input} Input */

/** Radius of the brush in image pixels. It is kept for an image of 512 pixels, so that it suits images of any size. */
export function brushRadius() {
  return (preferred().brush / 2) * (Math.max(viewport.image.width, viewport.image.height) / 512);
}

/** @param {number} factor */
export function resizeBrush(factor) {
  prefer({ brush: Math.min(Math.max(Math.round(preferred().brush * factor), 4), 256) });
}

/** @param {boolean} adds the brush adds to what the present view shows, the eraser takes away from it */
function valueOf(adds) {
  const movable = preferred().maskView === "movable";
  return /** @type {0 | 1} */ (Number(adds === movable));
}

/** @param {boolean} adds */
function painter(adds) {
  /** @type {XY | null} */
  let last = null;
  let widest = 1;
  return {
    strokes: true,
    /** @param {XY} at @param {Input} input */
    press(at, input) {
      if (!get().session || get().link !== "open") return;
      void leaveRound();
      if (!preferred().showMask) prefer({ showMask: true });
      maskLayer.painting = true;
      widest = input.pressure > 0 ? 0.4 + 1.2 * input.pressure : 1;
      last = at;
      stroke(maskLayer.forPainting(), at, at, brushRadius() * widest, valueOf(adds));
      maskLayer.changed();
    },
    /** @param {XY} at @param {Input} input */
    move(at, input) {
      if (!last || !maskLayer.mask) return;
      widest = input.pressure > 0 ? 0.4 + 1.2 * input.pressure : 1;
      stroke(maskLayer.mask, last, at, brushRadius() * widest, valueOf(adds));
      last = at;
      maskLayer.changed();
    },
    async release() {
      if (!last) return;
      last = null;
      maskLayer.painting = false;
      await leaveRound();
      await maskLayer.commit();
    },
    cancel() {
      // What was painted stays: a stroke that ends in a palm on the glass is still a stroke.
      void this.release();
    },
  };
}

export const brushTool = painter(true);
export const eraserTool = painter(false);

export const fillTool = {
  strokes: false,
  /** @param {XY} at */
  press(at) {
    if (!get().session || get().link !== "open" || !viewport.contains(at)) return;
    if (!preferred().showMask) prefer({ showMask: true });
    flood(maskLayer.forPainting(), viewport.clamp(at), valueOf(true));
    void leaveRound().then(() => maskLayer.commit());
  },
  move() {},
  release() {},
  cancel() {},
};
