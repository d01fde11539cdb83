/** The dialog of models that can be had: the list, what a licence asks, and what to do by hand. */

import { byId, make } from "../dom.js";
import { downloadView } from "./work.js";
import { fillDialog } from "../dialogs.js";
import { get, watch } from "../store.js";
import { mention, send } from "../app.js";

/** @typedef {import("../wire_types.js").ModelOffer} ModelOffer */
/** @typedef {import("../wire_types.js").OfferedLicence} OfferedLicence */

const dialog = byId("models-dialog", HTMLDialogElement);
const search = make("input", {
  type: "search",
  id: "find-model",
  placeholder: "faces, cats, 512…",
  autocomplete: "off",
  oninput: () => renderRows(),
});
const rows = make("ul", { class: "offers" });
const none = make("p", { class: "quiet-text", role: "status" });
const download = downloadView();
/** @type {ModelOffer | null} the model that the dialog asks about; null = the list is shown */
let asked = null;

/** Opens the list. */
export function openModels() {
  // Files may have come into the folder meanwhile.
  mention({ type: "list_models" });
  search.value = "";
  showList();
  dialog.showModal();
}

/** @param {ModelOffer} [back] the model whose button gets the focus */
function showList(back) {
  asked = null;
  fillDialog(dialog, "models-title", "More models", [
    make("p", { class: "quiet-text" }, [
      "Made by others, and each under a licence of its own. They are downloaded from their publishers, once.",
    ]),
    download,
    make("div", { class: "row" }, [make("label", { for: "find-model" }, ["Find"]), search]),
    rows,
    none,
  ]);
  renderRows();
  if (back) byName(back.name)?.focus();
}

/** @param {string} name */
function byName(name) {
  return [...rows.querySelectorAll("button")].find((button) => button.dataset["model"] === name);
}

/** @param {string} key @returns {OfferedLicence | undefined} */
function licenceOf(key) {
  return get().models?.licences.find((licence) => licence.key === key);
}

/** @param {ModelOffer} offer what it is, in one line */
function facts(offer) {
  const size = offer.size === "unknown" ? "size unknown" : offer.size;
  const licence = licenceOf(offer.licence)?.name ?? offer.licence;
  const parts = [offer.shows, `${offer.width} × ${offer.height} px`, size, licence];
  return parts.filter((part) => part !== "").join(" · ");
}

function renderRows() {
  const words = search.value.toLowerCase().split(/\s+/);
  const offers = get().models?.offers ?? [];
  const found = offers.filter((offer) => {
    const text = `${offer.title} ${offer.name} ${facts(offer)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  rows.replaceChildren(...found.map(row));
  none.textContent = found.length > 0 ? "" : offers.length > 0 ? "No model has this in its name." : "All models are here.";
  disable();
}

/** @param {ModelOffer} offer */
function row(offer) {
  const label = offer.by_hand === null ? "Get" : "How to get";
  return make("li", {}, [
    make("div", { class: "offer-text" }, [
      make("strong", {}, [offer.title]),
      make("span", { class: "facts quiet-text" }, [facts(offer)]),
    ]),
    make(
      "button",
      {
        class: "small",
        "data-model": offer.name,
        "data-by-hand": offer.by_hand !== null,
        "aria-label": `${label} ${offer.title}`,
        onclick: () => take(offer),
      },
      [label],
    ),
  ]);
}

/** One download at a time. */
function disable() {
  const running = get().work?.download?.error === null;
  for (const button of rows.querySelectorAll("button")) {
    button.disabled = running && button.dataset["byHand"] === undefined;
  }
}

/** @param {ModelOffer} offer */
function take(offer) {
  const licence = licenceOf(offer.licence);
  if (offer.by_hand !== null) explain(offer, offer.by_hand);
  else if (licence?.accepted) start(offer, false);
  else if (licence) askFor(offer, licence);
}

/** @param {ModelOffer} offer @param {boolean} accepted */
function start(offer, accepted) {
  if (send({ type: "download_model", model: offer.name, accept_licence: accepted })) showList();
}

/** Shows a licence in plain words, and asks. @param {ModelOffer} offer @param {OfferedLicence} licence */
function askFor(offer, licence) {
  const source = licence.url
    ? [make("a", { href: licence.url, target: "_blank", rel: "noopener noreferrer" }, ["Read the licence"])]
    : [];
  show(offer, `Get ${offer.title}?`, [
    make("p", { class: "facts quiet-text" }, [facts(offer)]),
    make("section", { class: "licence", "aria-label": "Licence" }, [
      make("h3", {}, [`Licence: ${licence.name}`]),
      make("p", {}, [licence.consequences]),
      ...source,
    ]),
    make("div", { class: "buttons" }, [
      make("button", { class: "primary", onclick: () => start(offer, true) }, [
        licence.asks ? "I accept: download" : "Download",
      ]),
      make("button", { onclick: () => showList(offer) }, ["Leave it"]),
    ]),
  ]);
}

/** @param {ModelOffer} offer @param {string} how */
function explain(offer, how) {
  show(offer, `How to get ${offer.title}`, [
    make("p", { class: "by-hand" }, [how]),
    make("p", { class: "quiet-text" }, ["Then open this list again: the model is in the menu."]),
    make("div", { class: "buttons" }, [make("button", { onclick: () => showList(offer) }, ["Back to the list"])]),
  ]);
}

/** @param {ModelOffer} offer @param {string} title @param {Node[]} content */
function show(offer, title, content) {
  fillDialog(dialog, "models-title", title, content);
  const heading = dialog.querySelector("h2");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus();
  asked = offer;
}

// Escape leads back to the list first.
dialog.addEventListener("cancel", (event) => {
  if (asked === null) return;
  event.preventDefault();
  showList(asked);
});

watch(["models"], () => {
  if (dialog.open && asked === null) renderRows();
});
watch(["work"], disable);
