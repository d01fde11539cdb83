/**
 * Frames of photos: squares, or boxes of a model's shape, that can be turned. Places are [x, y] in pixels of the photo,
 * (0, 0) is the centre of the top-left one; `aspect` is a box's width by its height, which is `size`.
 */

/** @typedef {import("../types.js").XY} XY */
/** @typedef {import("../wire_types.js").PhotoFrame} Frame */
/** @typedef {{width: number, height: number}} Size */

const SMALLEST = 16;
/** Largest side of a frame by the photo's longer side: the rest would be made up. */
const LARGEST = 2;

/** The directions to a frame's right and bottom. @param {Frame} frame @returns {[XY, XY]} */
export function axes({ angle }) {
  const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  return [
    [cos, sin],
    [-sin, cos],
  ];
}

/**
 * A place in the photo, given in halves of a frame's sides: [1, 1] is its bottom right corner.
 *
 * @param {Frame} frame
 * @param {number} aspect
 * @param {XY} place
 * @returns {XY}
 */
export function placeIn(frame, aspect, [u, v]) {
  const [right, down] = axes(frame);
  const [across, along] = [(u * frame.size * aspect) / 2, (v * frame.size) / 2];
  return [frame.x + right[0] * across + down[0] * along, frame.y + right[1] * across + down[1] * along];
}

/** The corners, clockwise from the top left. @param {Frame} frame @param {number} aspect */
export function corners(frame, aspect) {
  const places = /** @type {XY[]} */ ([[-1, -1], [1, -1], [1, 1], [-1, 1]]);
  return places.map((place) => placeIn(frame, aspect, place));
}

/** The nearest frame that fits a photo. @param {Frame} frame @param {Size} photo @returns {Frame} */
export function fitting({ x, y, size, angle }, { width, height }) {
  const most = LARGEST * Math.max(width, height);
  return {
    x: Math.min(Math.max(x, 0), width - 1),
    y: Math.min(Math.max(y, 0), height - 1),
    size: Math.min(Math.max(size, Math.min(SMALLEST, most)), most),
    angle: ((((angle + 180) % 360) + 360) % 360) - 180,
  };
}

/**
 * A frame after a pinch: what lay under two fingers still does.
 *
 * @param {Frame} frame
 * @param {[XY, XY]} before where the fingers were
 * @param {[XY, XY]} after where they are
 * @returns {Frame}
 */
export function pinched(frame, before, after) {
  /** @param {[XY, XY]} ends @returns {XY} */
  const way = ([a, b]) => [b[0] - a[0], b[1] - a[1]];
  /** @param {[XY, XY]} ends @returns {XY} */
  const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [was, is] = [way(before), way(after)];
  const factor = Math.hypot(is[0], is[1]) / Math.max(Math.hypot(was[0], was[1]), 1e-6);
  const turn = ((Math.atan2(is[1], is[0]) - Math.atan2(was[1], was[0])) * 180) / Math.PI;
  const [from, to] = [middle(before), middle(after)];
  return {
    x: frame.x + to[0] - from[0],
    y: frame.y + to[1] - from[1],
    size: frame.size * factor,
    angle: frame.angle + turn,
  };
}

/**
 * Draws what a frame cuts out of a photo onto a canvas, whole.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasImageSource} picture of the whole photo, maybe smaller than it
 * @param {number} scale pixels of the picture for one of the photo
 * @param {Frame} frame
 * @param {number} aspect
 */
export function drawCrop(canvas, picture, scale, frame, aspect) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { width, height } = canvas;
  const [left, top] = placeIn(frame, aspect, [-1, -1]);
  const [right, down] = axes(frame);
  // From pixels of the picture to those of the canvas.
  const zoom = height / (frame.size * scale);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.setTransform(
    right[0] * zoom,
    down[0] * zoom,
    right[1] * zoom,
    down[1] * zoom,
    -(right[0] * (left + 0.5) + right[1] * (top + 0.5)) * scale * zoom,
    -(down[0] * (left + 0.5) + down[1] * (top + 0.5)) * scale * zoom,
  );
  context.drawImage(picture, 0, 0);
}
