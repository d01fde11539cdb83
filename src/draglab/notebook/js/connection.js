/**
 * The connection of a page in a notebook: messages go over the notebook's channel, in place of the server's socket.
 *
 * Python takes messages only between cells. So few are under way at a time, and of what waits here a newer place of the
 * hand takes an older one's place: whenever Python comes to it, it hears of the newest.
 */

import { decodePicture } from "../../server/static/js/wire.js";
import { notify } from "../../server/static/js/notices.js";

/** @typedef {import("../../server/static/js/wire_types.js").ClientMessage} ClientMessage */
/** @typedef {import("../../server/static/js/wire_types.js").ServerMessage} ServerMessage */
/** @typedef {import("../../server/static/js/connection.js").Handlers} Handlers */
/** What comes: a message, a picture, or how many messages Python has taken. @typedef {{text?: string, picture?: ArrayBuffer, taken?: number}} Parcel */

const MOST_UNDER_WAY = 4;
const BUSY_MS = 1000;
const AGAIN_MS = 6000;
const BUSY =
  "Python is busy with a cell: what you do here happens when that has ended. If the kernel was restarted, run this cell again.";

/**
 * Whether a message makes an older one that still waits needless.
 *
 * @param {ClientMessage} newer
 * @param {ClientMessage} older
 */
export function replaces(newer, older) {
  if (newer.type === "pull" && older.type === "pull") return newer.gesture === older.gesture && !older.done;
  if (newer.type === "move_point" && older.type === "move_point") {
    return newer.point === older.point && older.done === false;
  }
  return newer.type === older.type && (newer.type === "seen" || newer.type === "set_view");
}

export class Connection {
  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    /** @type {MessagePort} */
    this.port = /** @type {any} */ (window).draglabPort;
    this.nextId = 1;
    this.underWay = 0;
    /** @type {ClientMessage[]} */
    this.waiting = [];
    this.busy = 0;
    /** @type {(() => void) | null} */
    this.dismiss = null;
  }

  open() {
    this.port.onmessage = ({ data }) => this.#receive(data);
    this.send({ type: "hello", protocol: 1, token: "", ...this.handlers.hello() });
  }

  /** @param {Parcel} parcel */
  #receive({ text, picture, taken }) {
    if (picture) {
      const decoded = decodePicture(picture);
      this.handlers.picture(decoded.header, decoded.picture);
    } else if (text !== undefined) {
      /** @type {ServerMessage} */
      const message = JSON.parse(text);
      if (message.type === "welcome") this.handlers.link("open");
      this.handlers.message(message);
    }
    if (taken) {
      this.underWay -= taken;
      this.dismiss?.();
      this.dismiss = null;
      this.#flush();
      this.#watch();
    }
  }

  /** Tells the person where Python does not take what was sent. */
  #watch() {
    clearTimeout(this.busy);
    if (this.underWay > 0) this.busy = setTimeout(() => this.#tell(), BUSY_MS);
  }

  /** Again before the notice goes by itself: it stays as long as Python is busy. */
  #tell() {
    this.dismiss = notify(BUSY);
    this.busy = setTimeout(() => this.#tell(), AGAIN_MS);
  }

  #flush() {
    while (this.underWay < MOST_UNDER_WAY) {
      const message = this.waiting.shift();
      if (!message) return;
      this.port.postMessage(JSON.stringify(message));
      if (this.underWay++ === 0) this.#watch();
    }
  }

  /**
   * Sends a message, as soon as that is possible.
   *
   * @param {ClientMessage} message
   * @returns {boolean} whether it was, or will be, sent
   */
  send(message) {
    const last = this.waiting.at(-1);
    if (last && replaces(message, last)) this.waiting.pop();
    this.waiting.push(message);
    this.#flush();
    return true;
  }

  /** An id for a message; they grow. */
  takeId() {
    return this.nextId++;
  }
}
