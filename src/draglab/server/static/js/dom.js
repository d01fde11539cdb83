/** Small helpers around the DOM. Styles are classes and CSSOM only: the page's CSP forbids inline ones. */

// Before the listeners here.
import "./keyed.js";

/**
 * The element with this id.
 *
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`#${id} is missing or is no ${type.name}`);
  return element;
}

/**
 * Makes an element: properties that start with "on" are listeners, the rest attributes; true = present, false and null =
 * absent.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | ((event: Event) => void)>} [attributes]
 * @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * An SVG element with attributes.
 *
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {Node[]} [children]
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, children = []) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * A picture of the sprite, hidden from screen readers: its button carries the name.
 *
 * @param {string} name
 */
export function icon(name) {
  const use = svg("use", { href: `/static/icons.svg#${name}` });
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, [use]);
}

/**
 * What a control is called: an artist's words, and the technical term behind them.
 *
 * @param {string} words
 * @param {string} term
 */
export function named(words, term) {
  return [`${words} `, make("span", { class: "term" }, [`(${term})`])];
}

/** @param {KeyboardEvent} event true where keys belong to the control that has the focus */
export function isTyping(event) {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
  // A menu is chosen from by letters, but has nothing of its own to undo.
  if (target instanceof HTMLSelectElement) return !event.ctrlKey && !event.metaKey;
  return target instanceof HTMLTextAreaElement || target.isContentEditable;
}

/** @type {WeakSet<EventTarget>} fields with something typed in them that has not been taken yet */
const typedIn = new WeakSet();

// While events come down to a field, so before what the field itself does with them.
document.addEventListener("input", ({ target }) => target && typedIn.add(target), true);
for (const over of ["change", "focusout"]) {
  document.addEventListener(over, ({ target }) => target && typedIn.delete(target), true);
}

/**
 * Sets a field's value unless the person is typing in it.
 *
 * @param {HTMLInputElement | HTMLSelectElement} field
 * @param {string | number | null} value
 */
export function fill(field, value) {
  const text = value === null ? "" : String(value);
  if (!typedIn.has(field) && field.value !== text) field.value = text;
}

/**
 * A number as people write it: at most `digits` after the point.
 *
 * @param {number} value
 * @param {number} [digits]
 */
export function shown(value, digits = 1) {
  return String(Number(value.toFixed(digits)));
}
