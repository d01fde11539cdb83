/** Settings of the drag, made from what the server says about each. */

import * as app from "../app.js";
import { byId, fill, icon, make, named, shown } from "../dom.js";
import { get, watch } from "../store.js";
import { scaleOf } from "./scale.js";

/** @typedef {import("../wire_types.js").PanelSetting} PanelSetting */
/** @typedef {import("../wire_types.js").PanelSetting["default"]} SettingValue */
/** @typedef {{setting: PanelSetting, show: (value: SettingValue) => void, reset: HTMLButtonElement}} Row */

/** @type {Row[]} */
let rows = [];
const panel = byId("settings-panel", HTMLElement);
const resetAll = make("button", { class: "small", onclick: () => putBack() }, [
  icon("reset"),
  "Reset all",
]);

/** Builds the panel once the server has said what there is. */
export function initSettings() {
  watch(["welcome"], ({ welcome }) => {
    if (!welcome) return;
    rows = [];
    const elements = welcome.settings.map((setting) => ({ setting, element: makeRow(setting) }));
    /** @param {PanelSetting["panel"]} place */
    const of = (place) => elements.filter(({ setting }) => setting.panel === place).map(({ element }) => element);
    const more = of("more");
    byId("handle-settings", HTMLElement).replaceChildren(...of("handles"));
    panel.replaceChildren(
      ...of("main"),
      ...(more.length > 0 ? [make("details", { class: "more" }, [make("summary", {}, ["More"]), ...more])] : []),
      make("div", { class: "buttons" }, [resetAll]),
    );
    render();
  });
  watch(["session"], render);
}

/** @param {string} title with the technical term in parentheses */
function titled(title) {
  const [, words, term] = /^(.*) \((.*)\)$/.exec(title) ?? [];
  return words && term ? named(words, term) : [title];
}

/** @param {string} name @param {SettingValue} value */
function change(name, value) {
  const settings = { [name]: value };
  void app.make({ type: "set_settings", settings }, (session) => ({
    ...session,
    settings: { ...session.settings, ...settings },
    changed: [...session.changed, name],
  }));
}

/** @param {string[] | null} [names] null = all */
function putBack(names = null) {
  // The model may have defaults of its own, which the server knows.
  void app.make({ type: "reset_settings", names }, (session) => ({
    ...session,
    changed: session.changed.filter((name) => names !== null && !names.includes(name)),
  }));
}

/** @param {PanelSetting} setting */
function makeRow(setting) {
  const id = `setting-${setting.name}`;
  const { field, parts, show } = makeField(setting, id);
  field.setAttribute("aria-describedby", `${id}-help`);
  const reset = make(
    "button",
    {
      class: "quiet small",
      "aria-label": `Reset ${setting.title}`,
      onclick: () => putBack([setting.name]),
    },
    [icon("reset")],
  );
  rows.push({ setting, show, reset });
  return make("div", { class: "setting" }, [
    make("div", { class: "row" }, [make("label", { for: id }, titled(setting.title)), ...parts, reset]),
    make("p", { class: "quiet-text", id: `${id}-help` }, [setting.help]),
  ]);
}

/**
 * @param {PanelSetting} setting
 * @param {string} id
 * @returns {{field: HTMLElement, parts: Node[], show: (value: SettingValue) => void}}
 */
function makeField(setting, id) {
  const { name, kind, minimum, maximum, step, choices, ends } = setting;
  if (kind === "switch") {
    const field = make("input", { id, type: "checkbox", role: "switch", onchange: () => change(name, field.checked) });
    const box = make("span", { class: "switch" }, [field, make("span", { class: "track", "aria-hidden": "true" })]);
    return { field, parts: [box], show: (value) => (field.checked = value === true) };
  }
  if (kind === "choice") {
    const options = choices.map((value, index) => make("option", { value: index }, [value]));
    const field = make("select", { id, onchange: () => change(name, choices[Number(field.value)] ?? null) }, options);
    const show = (/** @type {SettingValue} */ value) => fill(field, choices.findIndex((each) => each === value));
    return { field, parts: [field], show };
  }
  if (ends) return makeBalance(setting, ends, id);
  const read = () => {
    if (field.value === "") return null;
    const value = Math.min(Math.max(Number(field.value), minimum ?? -Infinity), maximum ?? Infinity);
    return kind === "integer" ? Math.round(value) : value;
  };
  const onchange = () => {
    const value = read();
    if (value !== null || setting.default === null) change(name, value);
    else render();
  };
  const slides = minimum !== null && maximum !== null && setting.default !== null && setting.panel !== "more";
  const text = make("output", { class: "number", for: id });
  const field = make("input", {
    id,
    type: slides ? "range" : "number",
    min: minimum,
    max: maximum,
    step: step ?? "any",
    placeholder: "automatic",
    oninput: () => (text.textContent = field.value),
    onchange,
  });
  const show = (/** @type {SettingValue} */ value) => {
    fill(field, typeof value === "number" ? shown(value, 5) : null);
    text.textContent = typeof value === "number" ? shown(value, 3) : "";
  };
  return { field, parts: slides ? [field, text] : [field], show };
}

/**
 * A slider between two extremes, which are named instead of a number: from the highest value to the lowest.
 *
 * @param {PanelSetting} setting
 * @param {[string, string]} ends
 * @param {string} id
 */
function makeBalance(setting, ends, id) {
  const scale = scaleOf(setting);
  const field = make("input", {
    id,
    type: "range",
    min: 0,
    max: 1,
    step: 0.01,
    oninput: () => say(Number(field.value)),
    onchange: () => change(setting.name, Number(scale.value(Number(field.value)).toPrecision(2))),
  });
  /** @param {number} share */
  const say = (share) => {
    const words = share < 0.05 ? ends[0] : share > 0.95 ? ends[1] : `${Math.round(100 * share)} %`;
    field.setAttribute("aria-valuetext", words);
  };
  const show = (/** @type {SettingValue} */ value) => {
    const share = typeof value === "number" ? scale.share(value) : 0.5;
    fill(field, shown(share, 2));
    say(share);
  };
  const named = ends.map((end) => make("span", { class: "end", "aria-hidden": "true" }, [end]));
  return { field, parts: [make("div", { class: "balance" }, [field, ...named])], show };
}

function render() {
  const { session } = get();
  if (!session) return;
  for (const { setting, show, reset } of rows) {
    show(session.settings[setting.name] ?? null);
    reset.disabled = !session.changed.includes(setting.name);
  }
  resetAll.disabled = session.changed.length === 0;
}
