/** The mask in hand: what the person paints, its tinted picture for the stage, and the way to the server and back. */

import { base64, blobOf } from "../wire.js";
import { copied, filled, inverted, isAll, softened } from "./bitmap.js";
import { get, watch } from "../store.js";
import { notify } from "../notices.js";
import { make, onMessage } from "../app.js";
import { isPending } from "../changes.js";
import { onPreference, preferred } from "../preferences.js";

/** @typedef {import("./bitmap.js").Bitmap} Bitmap */

// Tints of the two views, as blue, green, red: teal may move, magenta must stay. Faces and landscapes rarely have either.
const TINTS = { movable: 0xbed600, frozen: 0x962ce9 };
const STRENGTH = 0.4;

class MaskLayer {
  constructor() {
    /** @type {Bitmap | null} null: everything may move */
    this.mask = null;
    this.feather = 0;
    this.painting = false;
    /** @type {HTMLCanvasElement | null} */
    this.canvas = null;
    this.stale = true;
    /** @type {(() => void)[]} */
    this.listeners = [];
    onMessage("mask", (message) => void this.#receive(message));
    onPreference(() => this.changed());
    watch(["session"], ({ session }) => {
      const size = this.mask;
      if (session && size && (size.width !== session.image.width || size.height !== session.image.height)) {
        this.mask = null;
        this.changed();
      }
    });
  }

  /** @param {() => void} react */
  onChange(react) {
    this.listeners.push(react);
  }

  changed() {
    this.stale = true;
    this.listeners.forEach((react) => react());
  }

  /** The mask to paint on; without one, all of the image is what the present view does not paint. */
  forPainting() {
    const size = get().session?.image ?? { width: 1, height: 1 };
    this.mask = this.mask
      ? copied(this.mask)
      : filled(size.width, size.height, preferred().maskView === "movable" ? 0 : 1);
    return this.mask;
  }

  /** Sends the mask as one step of the history. */
  async commit() {
    if (this.mask && (isAll(this.mask, 1) || isAll(this.mask, 0))) {
      // Nothing frozen is no mask; nothing movable is a person who erased everything to start again.
      this.mask = null;
    }
    this.changed();
    const png = this.mask ? await encode(this.mask) : null;
    void make({ type: "set_mask", png, feather: this.feather }, (session) => ({ ...session, can_undo: true }));
  }

  /** @param {number} feather image pixels */
  setFeather(feather) {
    this.feather = feather;
    this.changed();
  }

  invert() {
    if (!this.mask) return;
    this.mask = inverted(this.mask);
    void this.commit();
  }

  clear() {
    if (!this.mask) return;
    this.mask = null;
    void this.commit();
  }

  /** The tinted picture at the image's resolution, or null. */
  overlay() {
    if (!this.mask) return null;
    if (this.stale || !this.canvas) this.canvas = tinted(this.mask, this.painting ? 0 : this.feather, this.canvas);
    this.stale = false;
    return this.canvas;
  }

  /** Whether what the person has painted is newer than anything that the server has said. */
  #overtakes() {
    return this.painting || isPending("set_mask");
  }

  /** @param {import("../wire_types.js").Mask} message */
  async #receive(message) {
    if (this.#overtakes()) return;
    const mask = message.png === null ? null : await decode(message.png);
    if (this.#overtakes()) return;
    if (message.suggested) {
      if (mask === null) return notify("There is nothing to suggest yet: place a handle first.");
      this.mask = mask;
      return void this.commit();
    }
    this.mask = mask;
    this.feather = message.feather;
    this.changed();
  }
}

/**
 * @param {Bitmap} mask
 * @param {number} feather
 * @param {HTMLCanvasElement | null} reuse
 */
function tinted(mask, feather, reuse) {
  const { width, height, data } = mask;
  const view = preferred().maskView;
  const picture = new ImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  const colour = TINTS[view];
  const soft = feather > 0 ? softened(mask, feather) : null;
  for (let index = 0; index < data.length; index++) {
    const movable = soft ? /** @type {number} */ (soft[index]) : /** @type {number} */ (data[index]);
    const share = view === "movable" ? movable : 1 - movable;
    if (share > 0) pixels[index] = colour | (Math.round(255 * STRENGTH * share) << 24);
  }
  const canvas = reuse ?? document.createElement("canvas");
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(picture, 0, 0);
  return canvas;
}

/** @param {Bitmap} mask @returns {Promise<string>} base64 of a PNG, white = movable */
async function encode({ width, height, data }) {
  const picture = new ImageData(width, height);
  const pixels = new Uint32Array(picture.data.buffer);
  data.forEach((value, index) => (pixels[index] = value ? 0xffffffff : 0xff000000));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(picture, 0, 0);
  const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ resolve) =>
    canvas.toBlob(resolve, "image/png"),
  );
  return blob ? base64(blob) : "";
}

/** @param {string} text @returns {Promise<Bitmap>} */
async function decode(text) {
  const picture = await createImageBitmap(blobOf(text, "image/png"));
  const { width, height } = picture;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height);
  for (let index = 0; index < data.length; index++)
    data[index] = /** @type {number} */ (pixels[4 * index]) >= 128 ? 1 : 0;
  return { width, height, data };
}

export const maskLayer = new MaskLayer();
