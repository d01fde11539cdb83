/** The start image: model, seeds to browse, truncation, class, and the look of another seed. */

import { byId, fill, icon, make, named, shown } from "../dom.js";
import { chooseWith, wantModel } from "../models/models.js";
import { downloadView, measuringView } from "../models/work.js";
import { openModels } from "../models/dialog.js";
import { forgetSeedPictures, onSmallPicture, seedPictureOf } from "../pictures.js";
import { get, watch } from "../store.js";
import { leaveRound } from "../actions.js";
import { mention, send } from "../app.js";
import { reportView } from "../photos/report.js";
import { workView } from "../photos/work.js";

/** @typedef {import("../wire_types.js").StartView} StartView */

const PAGE = 12;
const LARGEST_SEED = 2 ** 32 - 1;
const SEED_HEIGHT = 128;

const model = make("select", {
  id: "model",
  onchange: () => choose(model.value),
});
const more = make("button", { id: "more-models", class: "quiet small", "aria-haspopup": "dialog", onclick: openModels }, [
  icon("plus"),
  "More models",
]);
const seed = make("input", {
  id: "seed",
  type: "number",
  min: 0,
  max: LARGEST_SEED,
  step: 1,
  inputmode: "numeric",
  onchange: () => (seed.value === "" ? render() : void change({ seed: whole(seed.value, LARGEST_SEED) })),
});
const random = make("button", { "aria-label": "Random seed", "data-tip": "Random  R", onclick: () => randomSeed() }, [
  icon("dice"),
]);
const truncation = make("input", {
  id: "truncation",
  type: "range",
  min: 0,
  max: 1.2,
  step: 0.05,
  oninput: () => (truncationText.textContent = shown(Number(truncation.value), 2)),
  onchange: () => change({ truncation_psi: Number(truncation.value) }),
});
const truncationText = make("output", { for: "truncation", class: "number" });
const truncationRow = make("div", { class: "row" }, [
  make(
    "label",
    { for: "truncation", title: "Lower is more ordinary, higher is more varied" },
    named("Variety", "truncation psi"),
  ),
  truncation,
  truncationText,
]);
const classIndex = make("input", {
  id: "class-index",
  type: "number",
  min: 0,
  step: 1,
  placeholder: "–",
  onchange: () =>
    classIndex.value === ""
      ? render()
      : void change({ class_index: whole(classIndex.value, (currentModel()?.c_dim || 1) - 1) }),
});
const classRow = make("div", { class: "row" }, [make("label", { for: "class-index" }, named("Kind", "class")), classIndex]);
const grid = make("div", { class: "seeds", role: "group", "aria-label": "Start images by seed" });
const earlier = make("button", { class: "quiet small", "aria-label": "Previous seeds", onclick: () => turn(-1) }, [
  icon("left"),
]);
const later = make("button", { class: "quiet small", "aria-label": "Next seeds", onclick: () => turn(1) }, [
  icon("right"),
]);
const range = make("p", { class: "number quiet-text" });
const mixOn = make("input", { type: "checkbox", id: "mix", role: "switch", onchange: () => changeMix() });
const mixSwitch = make("label", { class: "switch" }, [
  mixOn,
  make("span", { class: "track", "aria-hidden": "true" }),
  make("span", {}, named("Look of another image", "style mixing")),
]);
const mixSeed = make("input", {
  id: "mix-seed",
  type: "number",
  min: 0,
  max: LARGEST_SEED,
  step: 1,
  value: 1,
  onchange: () => changeMix(),
});
const mixLayer = make("input", {
  id: "mix-layer",
  type: "range",
  min: 1,
  max: 13,
  step: 1,
  onchange: () => changeMix(),
});
const mixRows = make("div", { class: "sub" }, [
  make("div", { class: "row" }, [
    make("label", { for: "mix-seed" }, named("From image", "seed")),
    mixSeed,
    make(
      "button",
      {
        "aria-label": "Look of a random seed",
        onclick: () => {
          mixSeed.value = String(anySeed());
          changeMix();
        },
      },
      [icon("dice")],
    ),
  ]),
  make("div", { class: "row" }, [make("label", { for: "mix-layer" }, named("Colours only … shape too", "layers")), mixLayer]),
]);
/** The first seed that is shown, in whole pages; CHOSEN: the images that are good to begin with. */
let first = 0;
const CHOSEN = -PAGE;
let wanted = "";
/** Whether pictures of the seeds that are shown were asked for over this connection. */
let asked = false;
let lastImage = "";
/** Names of the models in the menu. */
let offered = "";

/** Builds the panel. */
export function initStart() {
  byId("start-panel", HTMLElement).append(
    workView(),
    reportView(),
    make("div", { class: "row" }, [make("label", { for: "model" }, ["Model"]), model]),
    more,
    downloadView(),
    measuringView(),
    make("div", { class: "row" }, [make("label", { for: "seed" }, named("Image", "seed")), seed, random]),
    grid,
    make("div", { class: "pager" }, [earlier, range, later]),
    truncationRow,
    classRow,
    mixSwitch,
    mixRows,
  );
  onSmallPicture(showPictures);
  chooseWith((name) => void choose(name));
  watch(["session", "models", "wanted"], render);
  watch(["link"], ({ link }) => (asked &&= link === "open"));
}
const anySeed = () => Math.floor(Math.random() * 100000);
const whole = (/** @type {string} */ text, /** @type {number} */ most) =>
  Math.min(Math.max(Math.trunc(Number(text)) || 0, 0), most);

export function randomSeed() {
  void change({ seed: anySeed() });
}

/** @param {number} pages */
function turn(pages) {
  first = Math.min(Math.max(first + pages * PAGE, chosen().length > 0 ? CHOSEN : 0), LARGEST_SEED - PAGE);
  render();
}

/** Starts from a good image of another model. @param {string} name */
function choose(name) {
  wantModel(name);
  return change({ model: name, seed: modelOf(name)?.first_seeds[0] ?? 0, class_index: null, mix: null });
}

/** @param {import("../wire_types.js").Start} changes */
async function change(changes) {
  const session = get().session;
  if (!session) return;
  await leaveRound();
  const { model: name, seed: number, truncation_psi, class_index, mix } = session.start;
  const start = { model: name, seed: number ?? 0, truncation_psi, class_index, mix, ...changes };
  // A model of classes has no image without one: the first, until the person says which.
  if (modelOf(start.model)?.c_dim) start.class_index ??= 0;
  // Fields show how things are, not what could not be done.
  if (send({ type: "set_start", start })) return;
  wantModel(null);
  render();
}

function changeMix() {
  const layers = currentModel()?.num_ws ?? 14;
  // The slider goes from few layers to many; the message says where they begin.
  const mix = { seed: whole(mixSeed.value, LARGEST_SEED), first_layer: layers - Number(mixLayer.value) };
  void change({ mix: mixOn.checked ? mix : null });
}

/** @param {string | null | undefined} name */
function modelOf(name) {
  return get().models?.models.find((each) => each.name === name);
}

const currentModel = () => modelOf(get().session?.start.model);

function render() {
  const { session, models } = get();
  if (!session || !models) return;
  const { start } = session;
  const names = models.models.map((each) => each.name).join();
  if (names !== offered) {
    offered = names;
    model.replaceChildren(...models.models.map((each) => make("option", { value: each.name }, [each.title])));
  }
  fill(model, get().wanted ?? start.model);
  more.hidden = !models.offers.length;
  fill(seed, start.seed);
  fill(truncation, start.truncation_psi);
  truncationText.textContent = shown(start.truncation_psi, 2);
  const now = currentModel();
  classRow.hidden = !now?.c_dim;
  if (now?.c_dim) classIndex.max = String(now.c_dim - 1);
  fill(classIndex, start.class_index);
  const layers = now?.num_ws ?? 14;
  mixLayer.max = String(layers - 1);
  // A photo has neither; another image can still be chosen.
  truncationRow.hidden = mixSwitch.hidden = session.photo !== null;
  mixOn.checked = start.mix !== null;
  mixRows.hidden = start.mix === null;
  if (start.mix) {
    fill(mixSeed, start.mix.seed);
    fill(mixLayer, layers - start.mix.first_layer);
  } else if (document.activeElement !== mixLayer) {
    mixLayer.value = String(Math.max(Math.round(layers / 2), 1));
  }
  renderSeeds(start);
}

const chosen = () => currentModel()?.first_seeds ?? [];

/** The seeds of the page that is shown. */
function seedsShown() {
  return first === CHOSEN ? chosen() : Array.from({ length: PAGE }, (_, index) => first + index);
}

/** @param {StartView} start */
function renderSeeds(start) {
  const image = `${start.model} ${start.seed}`;
  if (start.seed !== null && image !== lastImage) {
    lastImage = image;
    if (!seedsShown().includes(start.seed))
      first = chosen().includes(start.seed) ? CHOSEN : Math.min(start.seed - (start.seed % PAGE), LARGEST_SEED - PAGE);
  }
  if (chosen().length === 0) first = Math.max(first, 0);
  const look = JSON.stringify([start.model, start.truncation_psi, start.class_index]);
  const key = `${look} ${first}`;
  if (key !== wanted) {
    if (!wanted.startsWith(`${look} `)) forgetSeedPictures();
    wanted = key;
    const seeds = seedsShown();
    grid.replaceChildren(...seeds.map(seedButton));
    range.textContent = first === CHOSEN ? "Suggested" : `${first} – ${first + PAGE - 1}`;
    earlier.disabled = first === (chosen().length > 0 ? CHOSEN : 0);
    asked = false;
    showPictures();
  }
  if (!asked) {
    const seeds = seedsShown().filter((each) => !seedPictureOf(each));
    const { truncation_psi } = start;
    asked = seeds.length === 0 || mention({ type: "seeds", seeds, truncation_psi, height: SEED_HEIGHT });
  }
  for (const button of grid.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset["seed"]) === start.seed));
  }
}

/** @param {number} value */
function seedButton(value) {
  return make(
    "button",
    { class: "seed", "data-seed": value, "aria-label": `Seed ${value}`, onclick: () => change({ seed: value }) },
    [make("span", { class: "number" }, [String(value)])],
  );
}

function showPictures() {
  for (const button of grid.querySelectorAll("button")) {
    const url = seedPictureOf(Number(button.dataset["seed"]));
    const picture = button.querySelector("img");
    if (!url || picture?.getAttribute("src") === url) continue;
    if (picture) picture.src = url;
    else button.prepend(make("img", { src: url, alt: "", draggable: "false" }));
  }
}
