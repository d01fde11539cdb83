/**
 * Pictures from the server, decoded off the main thread. Of each slot the newest wins; a picture that was overtaken while it
 * was decoded is dropped. Live pictures are acknowledged once they were drawn: the server then sends the next.
 */

import { mention, onPicture } from "./app.js";
import { get } from "./store.js";
import { runs } from "./lineage.js";

/** @typedef {import("./wire_types.js").PictureHeader} PictureHeader */
/** @typedef {"now" | "original" | "scrub"} Slot */

/** @type {Record<Slot, {bitmap: ImageBitmap | null, asked: number, decoded: number, header: PictureHeader | null}>} */
const slots = {
  now: { bitmap: null, asked: 0, decoded: 0, header: null },
  original: { bitmap: null, asked: 0, decoded: 0, header: null },
  scrub: { bitmap: null, asked: 0, decoded: 0, header: null },
};
/** @type {Map<number, string>} object URLs by seed */
const seeds = new Map();
/** @type {(() => void)[]} */
const redraws = [];
/** @type {(() => void)[]} */
const listeners = [];
/** @type {number | null} */
let unseen = null;

/** @param {Slot} slot */
export function bitmapOf(slot) {
  return slots[slot].bitmap;
}

/** The frame that the scrub slot holds. */
export function scrubbed() {
  const header = slots.scrub.header;
  return header ? { node: header.node, frame: header.frame } : null;
}

/**
 * Where a small picture of an entry of the history is. Under one address it is always the same, so the browser keeps it.
 *
 * @param {number} id of the entry
 */
export function thumbnailOf(id) {
  const { session } = get();
  const node = session?.nodes.find((each) => each.id === id);
  // What runs has another picture with each step.
  if (!session || !node || runs(node)) return undefined;
  return `/thumbnails/${session.session}/${node.picture}`;
}

/** @param {number} seed */
export function seedPictureOf(seed) {
  return seeds.get(seed);
}

/** @param {() => void} react called when a picture of the stage changed */
export function onStagePicture(react) {
  redraws.push(react);
}

/** @param {() => void} react called when a seed's picture came */
export function onSmallPicture(react) {
  listeners.push(react);
}

/** Pictures of seeds depend on model and truncation. */
export function forgetSeedPictures() {
  for (const url of seeds.values()) URL.revokeObjectURL(url);
  seeds.clear();
}

/** Another session: nothing of the old one is shown. */
export function forgetPictures() {
  for (const slot of Object.values(slots)) {
    slot.bitmap?.close();
    Object.assign(slot, { bitmap: null, header: null });
  }
}

/** To be called after drawing: tells the server that the newest live picture was seen. */
export function drawn() {
  if (unseen !== null) mention({ type: "seen", stamp: unseen });
  unseen = null;
}

/**
 * @param {Map<number, string>} urls
 * @param {number | null} key
 * @param {Blob} picture
 */
function keep(urls, key, picture) {
  if (key === null) return;
  const old = urls.get(key);
  urls.set(key, URL.createObjectURL(picture));
  for (const react of listeners) react();
  // Elements that show the old one have just been given the new one.
  if (old) URL.revokeObjectURL(old);
}

/**
 * @param {Slot} name
 * @param {PictureHeader} header
 * @param {Blob} picture
 */
async function show(name, header, picture) {
  const slot = slots[name];
  const order = ++slot.asked;
  const bitmap = await createImageBitmap(picture).catch(() => null);
  if (header.kind === "live") unseen = Math.max(unseen ?? 0, header.stamp);
  if (bitmap === null || order < slot.decoded) {
    bitmap?.close();
  } else {
    slot.bitmap?.close();
    Object.assign(slot, { bitmap, header, decoded: order });
  }
  // Also where it was dropped: what is not acknowledged would hold up the next.
  for (const redraw of redraws) redraw();
}

onPicture((header, picture) => {
  if (header.kind === "photo" || header.kind === "before" || header.kind === "after") return;
  if (header.kind === "seed") keep(seeds, header.seed, picture);
  else void show(header.kind === "scrub" || header.kind === "original" ? header.kind : "now", header, picture);
});
