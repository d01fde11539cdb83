/**
 * A photo with a box over it that a person moves, scales and turns: with mouse and wheel, one or two fingers, or keys.
 */

import { announce } from "../notices.js";
import { axes, corners, fitting, pinched, placeIn } from "./geometry.js";
import { make, svg } from "../dom.js";

/** @typedef {import("../types.js").XY} XY */
/** @typedef {import("../wire_types.js").PhotoFrame} Frame */
/** @typedef {import("../wire_types.js").FoundFace} Face */
/** @typedef {import("./geometry.js").Size} Size */

/** Share of the view's sides that is left free around the photo, for a frame that reaches beyond it. */
const MARGIN = 0.06;
/** How far above its upper edge the knob is that turns a frame, CSS pixels. */
const KNOB = 28;
/** How far a pointer may go, CSS pixels, and still be a click on a face. */
const STILL = 4;
const HELP =
  "Arrow keys move the frame, with Shift by ten times as much. Plus and minus scale it, comma and full stop turn it, 0 puts it back.";

export class FrameBox {
  /**
   * @param {(frame: Frame) => void} changed called when a person has changed the frame
   * @param {(index: number) => void} chosen called when a person has clicked on a face
   */
  constructor(changed, chosen) {
    this.changed = changed;
    this.chosen = chosen;
    /** @type {Face[]} */
    this.faces = [];
    /** Index of the one that is framed. */
    this.face = 0;
    /** @type {{index: number, x: number, y: number} | null} a face that a pointer has come down on, and where in the window */
    this.tap = null;
    /** @type {Size} */
    this.photo = { width: 1, height: 1 };
    /** @type {Frame} */
    this.frame = { x: 0, y: 0, size: 1, angle: 0 };
    this.aspect = 1;
    /** @type {Frame | null} where it was put first */
    this.first = null;
    this.shown = false;
    /** @type {Map<number, XY>} where the pointers that are down are, in the photo */
    this.down = new Map();
    /** @type {{kind: "move" | "scale" | "turn", at: XY, frame: Frame} | null} */
    this.grip = null;
    this.picture = make("img", { alt: "", draggable: "false" });
    this.marks = svg("svg", { "aria-hidden": "true" });
    this.element = make(
      "div",
      {
        class: "frame-box",
        tabindex: 0,
        role: "application",
        "aria-label": "Frame",
        "aria-description": HELP,
      },
      [this.picture, this.marks],
    );
    this.#listen();
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /**
   * Shows a photo.
   *
   * @param {string} address of its picture
   * @param {Size} photo
   */
  show(address, photo) {
    this.photo = photo;
    this.first = null;
    this.faces = [];
    this.shown = false;
    this.picture.src = address;
    this.#draw();
  }

  /** Puts the frame somewhere. @param {Frame} frame @param {number} aspect */
  place(frame, aspect) {
    this.frame = fitting(frame, this.photo);
    this.aspect = aspect;
    this.first ??= this.frame;
    this.shown = true;
    this.#draw();
  }

  /** Marks the faces that are not framed. @param {Face[]} faces @param {number} face index of the one that is */
  mark(faces, face) {
    if (face !== this.face || faces.length !== this.faces.length) this.first = null;
    this.faces = faces;
    this.face = face;
    this.#draw();
  }

  /** @param {Frame} frame by a person's hand */
  #change(frame) {
    this.frame = fitting(frame, this.photo);
    this.#draw();
    this.changed(this.frame);
  }

  /** How the photo lies in the view: CSS pixels for one of its own, and its corner. */
  #fit() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const free = Math.min(width, height) * MARGIN;
    const scale = Math.max(
      Math.min((width - 2 * free) / this.photo.width, (height - 2 * free) / this.photo.height),
      1e-6,
    );
    return { scale, left: (width - this.photo.width * scale) / 2, top: (height - this.photo.height * scale) / 2 };
  }

  #draw() {
    const { scale, left, top } = this.#fit();
    const style = this.picture.style;
    style.transform = `translate(${left}px, ${top}px)`;
    style.width = `${this.photo.width * scale}px`;
    style.height = `${this.photo.height * scale}px`;
    const { clientWidth: width, clientHeight: height } = this.element;
    this.marks.setAttribute("viewBox", `0 0 ${Math.max(width, 1)} ${Math.max(height, 1)}`);
    if (!this.shown) return this.marks.replaceChildren();
    /** @param {XY} place */
    const onView = ([x, y]) => /** @type {XY} */ ([left + (x + 0.5) * scale, top + (y + 0.5) * scale]);
    const box = corners(this.frame, this.aspect).map(onView);
    const outline = `M${box.map((place) => place.join(" ")).join("L")}Z`;
    const turning = this.#knob(scale);
    const edges = /** @type {XY[]} */ ([[0, -1], [0, 1]]).map((place) => onView(placeIn(this.frame, this.aspect, place)));
    const knob = onView(turning);
    const far = (/** @type {XY} */ place) => Math.hypot(place[0] - knob[0], place[1] - knob[1]);
    const edge = /** @type {XY} */ (edges.sort((a, b) => far(a) - far(b))[0]);
    const thirds = [-1 / 3, 1 / 3].flatMap((share) => [
      [onView(placeIn(this.frame, this.aspect, [share, -1])), onView(placeIn(this.frame, this.aspect, [share, 1]))],
      [onView(placeIn(this.frame, this.aspect, [-1, share])), onView(placeIn(this.frame, this.aspect, [1, share]))],
    ]);
    const lines = thirds.map((ends) => `M${ends.map((place) => place.join(" ")).join("L")}`).join("");
    const stem = `M${edge.join(" ")}L${knob.join(" ")}`;
    const inside = { x: left, y: top, width: this.photo.width * scale, height: this.photo.height * scale };
    const veil = { class: "outside", d: `M0 0H${width}V${height}H0Z${outline}`, "fill-rule": "evenodd" };
    this.marks.replaceChildren(
      svg("clipPath", { id: "photo-inside" }, [svg("rect", inside)]),
      svg("path", { ...veil, "clip-path": "url(#photo-inside)" }),
      svg("path", { class: "thirds", d: lines }),
      ...this.#others().map(({ box }) => this.#faceMark(box, onView, scale)),
      svg("path", { class: "region under", d: outline + stem }),
      svg("path", { class: "region", d: outline + stem }),
      ...box.map(([cx, cy]) => svg("circle", { class: "grip", cx, cy, r: 6.5 })),
      svg("circle", { class: "grip turn", cx: knob[0], cy: knob[1], r: 7 }),
    );
    const { x, y, size, angle } = this.frame;
    const turned = Math.round(angle) === 0 ? "" : `, turned ${Math.round(angle)}°`;
    const place = `${Math.round(size)} pixels at ${Math.round(x)}, ${Math.round(y)}${turned}`;
    this.element.setAttribute("aria-label", `Frame: ${place}`);
  }

  /** The faces that are not framed. */
  #others() {
    return this.faces.map(({ box }, index) => ({ box, index })).filter(({ index }) => index !== this.face);
  }

  /** @param {Frame} face @param {(place: XY) => XY} onView @param {number} scale */
  #faceMark(face, onView, scale) {
    const [x, y] = onView([face.x, face.y]);
    const side = face.size * scale;
    const square = { x: x - side / 2, y: y - side / 2, width: side, height: side, rx: side / 6 };
    return svg("rect", { class: "face", ...square, transform: `rotate(${face.angle} ${x} ${y})` });
  }

  /** The face that is not framed at a place; of several the smallest, which lies in front. @param {XY} at */
  #faceAt([x, y]) {
    const here = this.#others().filter(({ box }) => {
      const [right, down] = axes(box);
      const [dx, dy] = [x - box.x, y - box.y];
      return Math.max(Math.abs(dx * right[0] + dy * right[1]), Math.abs(dx * down[0] + dy * down[1])) <= box.size / 2;
    });
    return here.sort((a, b) => a.box.size - b.box.size)[0]?.index ?? null;
  }

  /** Where the knob is, in the photo: above the frame, or where that is out of sight, below or inside. @param {number} scale */
  #knob(scale) {
    const out = (KNOB / scale / this.frame.size) * 2;
    const places = [-1 - out, 1 + out, -1 + out].map((v) => placeIn(this.frame, this.aspect, [0, v]));
    return /** @type {XY} */ (places.find((place) => this.#isSeen(place)) ?? places[2]);
  }

  /** @param {XY} place */
  #isSeen([x, y]) {
    const { scale, left, top } = this.#fit();
    const [across, down] = [left + x * scale, top + y * scale];
    const edge = KNOB / 3;
    return (
      across > edge && down > edge && across < this.element.clientWidth - edge && down < this.element.clientHeight - edge
    );
  }

  /** @param {MouseEvent} event @returns {XY} in the photo */
  #at(event) {
    const { scale, left, top } = this.#fit();
    const view = this.element.getBoundingClientRect();
    return [(event.clientX - view.left - left) / scale - 0.5, (event.clientY - view.top - top) / scale - 0.5];
  }

  /** @param {XY} at @param {number} reach CSS pixels */
  #gripAt(at, reach) {
    const { scale } = this.#fit();
    const near = (/** @type {XY} */ place) => Math.hypot(place[0] - at[0], place[1] - at[1]) * scale <= reach;
    if (near(this.#knob(scale))) return "turn";
    return corners(this.frame, this.aspect).some(near) ? "scale" : "move";
  }

  #listen() {
    const { element } = this;
    element.addEventListener("pointerdown", (event) => {
      if (!this.shown || event.button !== 0) return;
      event.preventDefault();
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      const at = this.#at(event);
      this.down.set(event.pointerId, at);
      const kind = this.#gripAt(at, event.pointerType === "mouse" ? 14 : 26);
      this.grip = this.down.size === 1 ? { kind, at, frame: this.frame } : null;
      const index = this.grip?.kind === "move" ? this.#faceAt(at) : null;
      this.tap = index === null ? null : { index, x: event.clientX, y: event.clientY };
    });
    element.addEventListener("pointermove", (event) => {
      const before = this.down.get(event.pointerId);
      const at = this.#at(event);
      if (!before) {
        const grip = this.shown ? this.#gripAt(at, 14) : "";
        element.dataset["grip"] = grip === "move" && this.#faceAt(at) !== null ? "face" : grip;
        return;
      }
      // Not yet a pull.
      if (this.tap && Math.hypot(event.clientX - this.tap.x, event.clientY - this.tap.y) <= STILL) return;
      this.tap = null;
      const other = [...this.down].find(([id]) => id !== event.pointerId)?.[1];
      if (other) this.#change(pinched(this.frame, [before, other], [at, other]));
      else if (this.grip) this.#pull(this.grip, at);
      this.down.set(event.pointerId, at);
    });
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      element.addEventListener(end, (event) => {
        this.down.delete(event.pointerId);
        // After a pinch the finger that stays does nothing.
        this.grip = null;
        const { tap } = this;
        this.tap = null;
        if (tap && end === "pointerup") this.chosen(tap.index);
      });
    }
    element.addEventListener(
      "wheel",
      (event) => {
        if (!this.shown) return;
        event.preventDefault();
        const amount = event.deltaY || event.deltaX;
        if (event.shiftKey) this.#change({ ...this.frame, angle: this.frame.angle + amount * 0.02 });
        else this.#change({ ...this.frame, size: this.frame.size * Math.exp(amount * 0.001) });
      },
      { passive: false },
    );
    element.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.shown) return;
      const frame = this.#keyed(event.key, event.shiftKey ? 10 : 1);
      if (!frame) return;
      event.preventDefault();
      this.#change(frame);
      announce(this.element.getAttribute("aria-label") ?? "");
    });
  }

  /** @param {{kind: "move" | "scale" | "turn", at: XY, frame: Frame}} grip @param {XY} at */
  #pull({ kind, at: from, frame }, at) {
    if (kind === "move") return this.#change({ ...frame, x: frame.x + at[0] - from[0], y: frame.y + at[1] - from[1] });
    const [was, is] = [from, at].map(([x, y]) => /** @type {XY} */ ([x - frame.x, y - frame.y]));
    if (!was || !is) return;
    if (kind === "scale") {
      this.#change({ ...frame, size: (frame.size * Math.hypot(...is)) / Math.max(Math.hypot(...was), 1e-6) });
    } else {
      const turn = ((Math.atan2(is[1], is[0]) - Math.atan2(was[1], was[0])) * 180) / Math.PI;
      // Upright holds a little, so that it can be found again.
      const angle = frame.angle + turn;
      this.#change({ ...frame, angle: Math.abs(angle) < 1.5 ? 0 : angle });
    }
  }

  /** The frame after a key; null: it is none of the frame's. @param {string} key @param {number} times @returns {Frame | null} */
  #keyed(key, times) {
    const { frame } = this;
    const way = 0.005 * frame.size * times;
    /** @type {Record<string, Frame | null>} */
    const changes = {
      ArrowLeft: { ...frame, x: frame.x - way },
      ArrowRight: { ...frame, x: frame.x + way },
      ArrowUp: { ...frame, y: frame.y - way },
      ArrowDown: { ...frame, y: frame.y + way },
      "+": { ...frame, size: frame.size * 1.02 },
      "=": { ...frame, size: frame.size * 1.02 },
      "-": { ...frame, size: frame.size / 1.02 },
      ",": { ...frame, angle: frame.angle - 1 },
      ".": { ...frame, angle: frame.angle + 1 },
      0: this.first,
    };
    return changes[key] ?? null;
  }
}
