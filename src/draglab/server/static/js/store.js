/** The state that panels and drawing read: one object, replaced key by key. */

/** @typedef {import("./types.js").Data} Data */

/** @type {Data} */
let data = {
  link: "connecting",
  welcome: null,
  session: null,
  progress: null,
  scrub: null,
  qualities: {},
  selected: null,
  windows: 1,
  models: null,
  work: null,
  wanted: null,
  photos: [],
};

/** @type {{keys: (keyof Data)[], react: (data: Data) => void}[]} */
const listeners = [];

/** @returns {Readonly<Data>} */
export function get() {
  return data;
}

/** @param {Partial<Data>} changes */
export function set(changes) {
  const before = data;
  data = { ...data, ...changes };
  for (const { keys, react } of listeners) {
    if (keys.some((key) => before[key] !== data[key])) react(data);
  }
}

/**
 * Calls `react` now and whenever one of `keys` changes.
 *
 * @param {(keyof Data)[]} keys
 * @param {(data: Data) => void} react
 */
export function watch(keys, react) {
  listeners.push({ keys, react });
  react(data);
}
