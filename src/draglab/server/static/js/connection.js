/**
 * The socket: opens, says hello, comes back by itself when it is lost.
 *
 * A server that was started again has a new token. The page's own address, fetched again, tells it, so that nobody has to
 * reload and nothing drawn is lost.
 */

import { decodePicture } from "./wire.js";

/** @typedef {import("./types.js").Link} Link */
/** @typedef {import("./wire_types.js").ClientMessage} ClientMessage */
/** @typedef {import("./wire_types.js").PictureHeader} PictureHeader */
/** @typedef {import("./wire_types.js").ServerMessage} ServerMessage */
/**
 * @typedef {object} Handlers
 * @property {() => {session: string | null, height: number}} hello what to say first, without type and token
 * @property {(message: ServerMessage) => void} message
 * @property {(header: PictureHeader, picture: Blob) => void} picture
 * @property {(link: Link) => void} link
 */

const FIRST_DELAY = 250;
const LONGEST_DELAY = 4000;
// Nothing is sent into a socket that does not drain: gestures replace each other, and the newest is sent later.
const MOST_BUFFERED = 4 * 1024 * 1024;

/** @param {Document} page */
function tokenOf(page) {
  return page.querySelector('meta[name="draglab-token"]')?.getAttribute("content") ?? "";
}

export class Connection {
  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.handlers = handlers;
    this.token = tokenOf(document);
    /** @type {WebSocket | null} */
    this.socket = null;
    this.delay = FIRST_DELAY;
    this.refused = false;
    this.nextId = 1;
  }

  open() {
    const address = new URL("/ws", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.delay = FIRST_DELAY;
      this.send({ type: "hello", protocol: 1, token: this.token, ...this.handlers.hello() });
    });
    socket.addEventListener("message", (event) => {
      if (this.socket !== socket) return;
      if (typeof event.data === "string") this.#receive(JSON.parse(event.data));
      else {
        const { header, picture } = decodePicture(event.data);
        this.handlers.picture(header, picture);
      }
    });
    socket.addEventListener("close", () => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (this.refused) return;
      this.handlers.link("lost");
      setTimeout(() => void this.#retry(), this.delay);
      this.delay = Math.min(this.delay * 1.6, LONGEST_DELAY);
    });
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    if (message.type === "error" && message.fatal) {
      this.refused = true;
      this.handlers.link("refused");
    } else if (message.type === "welcome") {
      this.handlers.link("open");
    }
    this.handlers.message(message);
  }

  async #retry() {
    try {
      const answer = await fetch(location.pathname + location.search, { cache: "no-store" });
      const token = tokenOf(new DOMParser().parseFromString(await answer.text(), "text/html"));
      if (token) this.token = token;
    } catch {
      // No server yet: the socket fails too, and the next try comes later.
    }
    this.open();
  }

  /**
   * Sends a message, if that is possible now. Nothing is kept here: whoever calls says what becomes of one that was not
   * sent.
   *
   * @param {ClientMessage} message
   * @returns {boolean} whether it was sent
   */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN || this.socket.bufferedAmount > MOST_BUFFERED) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** An id for a message; they grow. */
  takeId() {
    return this.nextId++;
  }
}
