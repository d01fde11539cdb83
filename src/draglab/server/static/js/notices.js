/** Notices in the corner, and what screen readers are told. */

import { byId, icon, make } from "./dom.js";

const SHOWN_MS = 7000;

/**
 * Tells screen readers, without showing anything.
 *
 * @param {string} text
 */
export function announce(text) {
  byId("polite", HTMLElement).textContent = text;
}

/**
 * Shows a notice; what is returned takes it away. Errors stay a little longer and are read out at once.
 *
 * @param {string} text
 * @param {"plain" | "error"} [kind]
 * @param {{label: string, act: () => void, stays?: boolean}} [action]
 */
export function notify(text, kind = "plain", action) {
  const place = byId("notices", HTMLElement);
  for (const shown of [...place.children]) if (shown.querySelector("p")?.textContent === text) shown.remove();
  const notice = make("div", { class: `notice ${kind}` }, [
    ...(kind === "error" ? [icon("warning")] : []),
    make("p", {}, [text]),
  ]);
  const dismiss = () => notice.remove();
  if (action) {
    const act = () => {
      dismiss();
      action.act();
    };
    notice.append(make("button", { class: "small", onclick: act }, [action.label]));
  }
  notice.append(make("button", { class: "quiet small", "aria-label": "Dismiss", onclick: dismiss }, [icon("close")]));
  place.append(notice);
  byId(kind === "error" ? "assertive" : "polite", HTMLElement).textContent = text;
  if (!action?.stays) setTimeout(dismiss, kind === "error" ? 2 * SHOWN_MS : SHOWN_MS);
  return dismiss;
}
