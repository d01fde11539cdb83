/** The visible mark on exported pictures and videos: a label "AI" in a corner, which this browser remembers. */

import { get } from "./store.js";
import { make } from "./dom.js";
import { prefer, preferred } from "./preferences.js";

/** Whether exports are to bear it. */
export const markWanted = () => preferred().mark;

/** The switch, for the dialog of exports. */
export function markView() {
  // Where the server marks everything, nobody chooses.
  const always = get().welcome?.marks ?? false;
  const chooser = make("input", {
    type: "checkbox",
    role: "switch",
    id: "visible-mark",
    checked: always || markWanted(),
    disabled: always,
    onchange: () => prefer({ mark: chooser.checked }),
  });
  return make("section", { class: "export-group", "aria-label": "Visible mark" }, [
    make("label", { class: "switch" }, [
      chooser,
      make("span", { class: "track", "aria-hidden": "true" }),
      "Write “AI” into the corner",
    ]),
    make("p", { class: "quiet-text" }, [always ? ALWAYS : HELP]),
  ]);
}

const HELP =
  "For everybody to see. Pictures and videos say in their metadata how they were made, with or without it.";
const ALWAYS = "This server writes it on all pictures and videos.";
