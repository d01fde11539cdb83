/** Draws picture, comparison and mask on the stage's canvas, in device pixels, at most once per frame of the screen. */

import { bitmapOf, drawn, onStagePicture, scrubbed } from "../pictures.js";
import { byId } from "../dom.js";
import { comparison, onComparison } from "../compare.js";
import { get, watch } from "../store.js";
import { maskLayer } from "../mask/layer.js";
import { onHeld, veil } from "./held.js";
import { onPreference, preferred } from "../preferences.js";
import { viewport } from "./viewport.js";

const canvas = byId("picture", HTMLCanvasElement);
const paper = byId("paper", HTMLElement);
const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: true }));
let scheduled = false;

/** Draws soon. */
export function redraw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    paint();
    drawn();
  });
}

/** What is shown: a frame that is looked at, once its picture is there, or the newest. */
function shownBitmap() {
  const wish = get().scrub;
  const there = scrubbed();
  // While the next frame is on its way, the one before stays: the slider must not flash back to the end.
  if (wish && there && wish.node === there.node) return bitmapOf("scrub");
  return bitmapOf("now");
}

/** The mask's tint steps back when it is not what the person works on. */
function maskStrength() {
  if (["brush", "eraser", "fill"].includes(preferred().tool)) return 1;
  return get().session?.state === "idle" ? 0.6 : 0.3;
}

function paint() {
  const { width, height } = viewport.stage;
  const ratio = devicePixelRatio;
  const [pixelsWide, pixelsHigh] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixelsWide || canvas.height !== pixelsHigh) {
    canvas.width = pixelsWide;
    canvas.height = pixelsHigh;
  } else {
    context.clearRect(0, 0, pixelsWide, pixelsHigh);
  }
  const image = get().session?.image;
  const bitmap = shownBitmap();
  if (!image || !bitmap) {
    paper.hidden = true;
    return;
  }
  const left = Math.round(viewport.corner[0] * ratio);
  const top = Math.round(viewport.corner[1] * ratio);
  const wide = Math.round(image.width * viewport.zoom * ratio);
  const high = Math.round(image.height * viewport.zoom * ratio);
  paper.hidden = false;
  paper.style.transform = `translate(${left / ratio}px, ${top / ratio}px)`;
  paper.style.width = `${wide / ratio}px`;
  paper.style.height = `${high / ratio}px`;

  context.imageSmoothingEnabled = !viewport.crisp;
  context.imageSmoothingQuality = "high";
  const { mode, at } = comparison();
  const original = bitmapOf("original");
  context.drawImage(mode === "held" && original ? original : bitmap, left, top, wide, high);
  if (mode === "split" && original) {
    context.save();
    context.beginPath();
    context.rect(left, top, Math.round(wide * at), high);
    context.clip();
    context.drawImage(original, left, top, wide, high);
    context.restore();
  }
  const held = veil();
  if (held) {
    context.imageSmoothingEnabled = true;
    context.globalAlpha = held.opacity;
    context.drawImage(held.canvas, left, top, wide, high);
    context.globalAlpha = 1;
  }
  const overlay = preferred().showMask && mode === "off" && !get().scrub ? maskLayer.overlay() : null;
  if (overlay) {
    context.globalAlpha = maskStrength();
    context.drawImage(overlay, left, top, wide, high);
    context.globalAlpha = 1;
  }
}

viewport.onChange(redraw);
onStagePicture(redraw);
onComparison(redraw);
onPreference(redraw);
maskLayer.onChange(redraw);
onHeld(redraw);
watch(["session", "scrub"], ({ session }) => {
  if (session) viewport.setImage(session.image.width, session.image.height);
  redraw();
});
