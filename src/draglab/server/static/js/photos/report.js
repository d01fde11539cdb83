/** How near a photo's inversion is, in the panel: a sentence, figures, and where it differs. */

import { watch } from "../store.js";
import { make } from "../dom.js";

/** The report; hidden where the session shows no photo. */
export function reportView() {
  const name = make("h3", {});
  const verdict = make("p", {});
  const figures = make("p", { class: "quiet-text number" });
  const map = make("img", { class: "heat-map", alt: "Where the image differs from the photo: dark is alike", hidden: true });
  const legend = make("p", { class: "quiet-text", hidden: true }, ["Dark: alike. Bright: another picture."]);
  const toggle = make("button", { class: "small", "aria-expanded": "false" }, ["Show where it differs"]);
  const view = make("section", { class: "report", "aria-label": "Photo" }, [name, verdict, figures, toggle, map, legend]);
  let session = "";
  const showMap = (/** @type {boolean} */ on) => {
    map.hidden = legend.hidden = !on;
    if (on) map.src = `/heat-maps/${session}`;
    toggle.setAttribute("aria-expanded", String(on));
    toggle.textContent = on ? "Hide where it differs" : "Show where it differs";
  };
  toggle.addEventListener("click", () => showMap(map.hidden));
  watch(["session"], ({ session: now }) => {
    const photo = now?.photo ?? null;
    view.hidden = photo === null;
    if (now && now.session !== session) {
      session = now.session;
      showMap(false);
    }
    if (photo === null) return;
    name.textContent = `Photo ${photo.name}`;
    verdict.textContent = photo.verdict;
    figures.textContent = photo.figures;
  });
  return view;
}
