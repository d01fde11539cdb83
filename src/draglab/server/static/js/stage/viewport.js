/**
 * Where the image lies on the stage. Screen coordinates are CSS pixels from the stage's top left corner, image coordinates
 * are those of docs/conventions.md: (0, 0) is the centre of the first pixel, so the image spans -0.5 to W - 0.5.
 */

/** @typedef {import("../types.js").XY} XY */

const MARGIN = 20;
const LARGEST = 64;

export class Viewport {
  constructor() {
    /** @type {{width: number, height: number}} */
    this.stage = { width: 1, height: 1 };
    /** @type {{width: number, height: number}} */
    this.image = { width: 1, height: 1 };
    /** CSS pixels for one image pixel. */
    this.zoom = 1;
    /** @type {XY} the image's top left corner on the screen */
    this.corner = [0, 0];
    /** Whether the view follows the stage's size. */
    this.fitted = true;
    /** @type {(() => void)[]} */
    this.listeners = [];
  }

  /** @param {() => void} react */
  onChange(react) {
    this.listeners.push(react);
  }

  /** @param {XY} point @returns {XY} */
  toScreen([x, y]) {
    return [this.corner[0] + (x + 0.5) * this.zoom, this.corner[1] + (y + 0.5) * this.zoom];
  }

  /** @param {XY} point @returns {XY} */
  toImage([x, y]) {
    return [(x - this.corner[0]) / this.zoom - 0.5, (y - this.corner[1]) / this.zoom - 0.5];
  }

  /** @param {XY} point @returns {XY} the nearest point inside the image */
  clamp([x, y]) {
    const { width, height } = this.image;
    return [Math.min(Math.max(x, 0), width - 1), Math.min(Math.max(y, 0), height - 1)];
  }

  /** @param {XY} point whether this image point is on the image */
  contains([x, y]) {
    return x >= -0.5 && y >= -0.5 && x <= this.image.width - 0.5 && y <= this.image.height - 0.5;
  }

  /** The zoom at which the whole image is seen. */
  fitZoom() {
    const margin = Math.min(MARGIN, 0.04 * Math.min(this.stage.width, this.stage.height));
    const width = (this.stage.width - 2 * margin) / this.image.width;
    return Math.max(Math.min(width, (this.stage.height - 2 * margin) / this.image.height), 0.01);
  }

  fit() {
    this.fitted = true;
    this.zoom = this.fitZoom();
    this.#centre();
  }

  /** One image pixel for one device pixel. */
  actualSize() {
    this.zoomAt(1 / devicePixelRatio / this.zoom, [this.stage.width / 2, this.stage.height / 2]);
  }

  /**
   * Zooms by a factor; what is at `at` stays there.
   *
   * @param {number} factor
   * @param {XY} at screen
   */
  zoomAt(factor, at) {
    const smallest = Math.min(this.fitZoom() / 2, 1 / devicePixelRatio);
    const zoom = Math.min(Math.max(this.zoom * factor, smallest), LARGEST);
    const point = this.toImage(at);
    this.fitted = false;
    this.zoom = zoom;
    this.corner = [at[0] - (point[0] + 0.5) * zoom, at[1] - (point[1] + 0.5) * zoom];
    this.#keepInSight();
  }

  /** @param {number} dx CSS pixels @param {number} dy */
  panBy(dx, dy) {
    this.fitted = false;
    this.corner = [this.corner[0] + dx, this.corner[1] + dy];
    this.#keepInSight();
  }

  /** @param {number} width @param {number} height */
  resizeStage(width, height) {
    const [dx, dy] = [(width - this.stage.width) / 2, (height - this.stage.height) / 2];
    this.stage = { width, height };
    if (this.fitted) this.fit();
    else this.panBy(dx, dy);
  }

  /** @param {number} width @param {number} height */
  setImage(width, height) {
    if (this.image.width === width && this.image.height === height) return;
    this.image = { width, height };
    this.fit();
  }

  /** Pixels are shown as squares: only where a person zoomed in to see them, since small images are magnified to fit. */
  get crisp() {
    return this.zoom * devicePixelRatio > 2 && this.zoom > 1.5 * this.fitZoom();
  }

  #centre() {
    const { width, height } = this.image;
    this.corner = [(this.stage.width - width * this.zoom) / 2, (this.stage.height - height * this.zoom) / 2];
    this.listeners.forEach((react) => react());
  }

  #keepInSight() {
    const sight = 48;
    const [width, height] = [this.image.width * this.zoom, this.image.height * this.zoom];
    this.corner = [
      Math.min(Math.max(this.corner[0], sight - width), this.stage.width - sight),
      Math.min(Math.max(this.corner[1], sight - height), this.stage.height - sight),
    ];
    this.listeners.forEach((react) => react());
  }
}

export const viewport = new Viewport();
