/** On narrow screens the panel is a sheet that comes up from below. */

import { byId } from "../dom.js";

const panel = byId("panel", HTMLElement);
const toggle = byId("panel-toggle", HTMLButtonElement);

/** @param {boolean} open */
function show(open) {
  panel.classList.toggle("open", open);
  toggle.setAttribute("aria-expanded", String(open));
}

/** @returns {boolean} whether it was open */
export function closeSheet() {
  const open = panel.classList.contains("open");
  if (open) {
    show(false);
    toggle.focus();
  }
  return open;
}

toggle.addEventListener("click", () => show(!panel.classList.contains("open")));
byId("panel-close", HTMLButtonElement).addEventListener("click", () => closeSheet());
