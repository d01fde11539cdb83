/**
 * Sliders, numbers and menus that are changed by arrow keys say so once for a row of presses, not for each: "change" comes
 * after a pause, when the field is left, or with the next key that is none of those. So a row of presses is one entry of
 * the history.
 */

const PAUSE_MS = 900;
const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"];
/** @type {HTMLInputElement | HTMLSelectElement | null} the field whose change is held back */
let held = null;
/** @type {number | undefined} */
let timer;
/** Whether what happens comes from such a key. */
let keyed = false;

/** @param {EventTarget | null} target @returns {target is HTMLInputElement | HTMLSelectElement} */
function isStepped(target) {
  return (
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && ["range", "number"].includes(target.type))
  );
}

/** Says what was held back. */
function release() {
  clearTimeout(timer);
  const field = held;
  if (!field) return;
  held = null;
  keyed = false;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

// All of them while events come down to a field: before the field, and before who else looks at it.
document.addEventListener(
  "keydown",
  (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    keyed = plain && isStepped(event.target) && KEYS.includes(event.key);
    if (!keyed && event.key !== "Shift") release();
  },
  true,
);
document.addEventListener(
  "pointerdown",
  () => {
    release();
    keyed = false;
  },
  true,
);
document.addEventListener("focusout", release, true);
document.addEventListener(
  "change",
  (event) => {
    if (!keyed || !isStepped(event.target)) return;
    event.stopImmediatePropagation();
    held = event.target;
    clearTimeout(timer);
    timer = setTimeout(release, PAUSE_MS);
  },
  true,
);
