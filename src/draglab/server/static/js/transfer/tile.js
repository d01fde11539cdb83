/** The result for one seed: its picture, which shows how it was before while it is held, and what can be done with it. */

import { icon, make } from "../dom.js";

/** lost: done, but the server knows it no more. @typedef {"waiting" | "working" | "done" | "skipped" | "failed" | "lost"} TileState */

/** @type {Record<TileState, string>} */
const WORDS = {
  waiting: "waits",
  working: "is being made",
  done: "done. Hold to see how it was before",
  skipped: "skipped",
  failed: "failed",
  lost: "lost with the connection: begin again",
};

export class Tile {
  /**
   * @param {number} seed
   * @param {{keep: (tile: Tile) => void, open: (tile: Tile) => void}} acts
   */
  constructor(seed, acts) {
    this.seed = seed;
    /** @type {TileState} */
    this.state = "waiting";
    /** @type {string | null} the session that was made of it */
    this.session = null;
    /** Whether a session is being asked for. */
    this.keeping = false;
    this.text = "";
    /** @type {Record<"before" | "after", HTMLImageElement>} */
    this.images = { before: image("before"), after: image("after") };
    this.reason = make("span", { class: "reason", hidden: true });
    this.picture = make("button", { class: "transfer-picture" }, [
      this.images.before,
      this.images.after,
      make("span", { class: "number", "aria-hidden": "true" }, [String(seed)]),
      make("span", { class: "was", "aria-hidden": "true" }, ["Before"]),
      this.reason,
    ]);
    this.keep = make("button", { class: "small keep", "aria-pressed": "false", onclick: () => acts.keep(this) });
    this.open = make("button", { class: "small", "aria-label": `Open seed ${seed} in the editor`, onclick: () => acts.open(this) }, [
      "Open",
    ]);
    this.element = make("li", { class: "transfer-tile", "data-seed": seed }, [
      this.picture,
      make("div", { class: "tile-buttons" }, [this.keep, this.open]),
    ]);
    this.#hold();
    this.render();
  }

  /** @param {TileState} state @param {string} [text] why it is so */
  show(state, text = "") {
    this.state = state;
    this.text = text;
    this.render();
  }

  render() {
    const { seed, state, text, picture, keep, open, reason } = this;
    this.element.dataset["state"] = state;
    this.element.setAttribute("aria-busy", String(state === "working"));
    const told = state === "skipped" ? `Skipped: ${text}` : state === "failed" ? `Failed: ${text}` : state === "lost" ? "Lost" : "";
    reason.hidden = told === "";
    reason.textContent = told;
    picture.title = told;
    picture.setAttribute("aria-label", `Seed ${seed}: ${text ? told : WORDS[state]}`);
    const kept = this.session !== null;
    keep.setAttribute("aria-pressed", String(kept));
    keep.setAttribute("aria-label", `Keep seed ${seed}`);
    keep.replaceChildren(kept ? "Kept" : "Keep");
    // Not while it is being kept: the focus would be lost.
    keep.disabled = !(state === "done" || kept);
    open.disabled = keep.disabled;
  }

  /** @param {"before" | "after"} kind @param {Blob} picture */
  setPicture(kind, picture) {
    const shown = this.images[kind];
    const old = shown.src;
    shown.src = URL.createObjectURL(picture);
    shown.hidden = false;
    if (old) URL.revokeObjectURL(old);
  }

  /** Gives the memory of the pictures back. */
  release() {
    for (const { src } of Object.values(this.images)) if (src) URL.revokeObjectURL(src);
    this.element.remove();
  }

  /** Takes the tile into the order of Tab, or out of it. @param {boolean} on */
  reachable(on) {
    for (const button of this.buttons()) button.tabIndex = on ? 0 : -1;
  }

  buttons() {
    return [this.picture, this.keep, this.open];
  }

  #hold() {
    const { picture } = this;
    const hold = (/** @type {boolean} */ on) => picture.classList.toggle("held", on);
    picture.addEventListener("pointerdown", (event) => {
      if (event.button === 0) hold(true);
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave", "blur"]) {
      picture.addEventListener(end, () => hold(false));
    }
    // A long press is no wish for a menu.
    picture.addEventListener("contextmenu", (event) => event.preventDefault());
    picture.addEventListener("keydown", (event) => {
      const space = event.key === " " && document.body.classList.contains("keys");
      if (space || event.key === "Enter") hold(true);
    });
    picture.addEventListener("keyup", () => hold(false));
  }
}

/** @param {string} kind */
function image(kind) {
  return make("img", { class: kind, alt: "", draggable: "false", hidden: true });
}

/**
 * The end of the row: where further seeds are asked for.
 *
 * @param {number} count
 * @param {() => void} more
 * @param {(seed: number) => void} choose
 */
export function moreTile(count, more, choose) {
  const field = make("input", {
    type: "number",
    id: "transfer-from",
    min: 0,
    max: 2 ** 32 - 1,
    step: 1,
    inputmode: "numeric",
    onchange: () => choose(Number(field.value)),
  });
  const button = make("button", { id: "transfer-more", class: "small", onclick: more }, [icon("plus"), `${count} more`]);
  const element = make("li", { class: "transfer-tile more" }, [
    make("label", { for: "transfer-from" }, ["From seed"]),
    field,
    button,
  ]);
  return { element, field, button };
}
