/** What this browser remembers of a person's way of working; never part of an edit. */

/** @typedef {import("./types.js").ToolName} ToolName */
/** @typedef {import("./types.js").MaskView} MaskView */
/** @typedef {import("./types.js").Pulling} Pulling */
/**
 * @typedef {object} Preferences
 * @property {Pulling} pulling what happens when somebody pulls: the picture follows the hand, or a drag starts when it lets
 *   go, or only with the button
 * @property {boolean} showMask
 * @property {boolean} showPoints
 * @property {boolean} showHeld whether the picture is dimmed where a drag would keep it
 * @property {boolean} mark whether exported pictures and videos bear the visible mark
 * @property {MaskView} maskView what the brush paints
 * @property {number} brush diameter in image pixels of a 512-pixel image
 * @property {ToolName} tool
 */

const KEY = "draglab.preferences";

/** @type {Preferences} */
let preferences = {
  pulling: "follow",
  showMask: true,
  showPoints: true,
  showHeld: true,
  mark: false,
  maskView: "movable",
  brush: 48,
  tool: "drag",
};

/** @type {readonly Pulling[]} */
const WAYS = ["follow", "release", "wait"];

/** @type {((preferences: Preferences) => void)[]} */
const listeners = [];

try {
  const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  // A page that opens with a brush in hand surprises: the tool is not kept.
  for (const name of /** @type {const} */ (["maskView", "brush", "showHeld", "mark"])) {
    if (typeof kept[name] === typeof preferences[name]) preferences = { ...preferences, [name]: kept[name] };
  }
  if (WAYS.includes(kept.pulling)) preferences = { ...preferences, pulling: kept.pulling };
} catch {
  // Storage that is blocked or damaged: the defaults do.
}

/** @returns {Readonly<Preferences>} */
export function preferred() {
  return preferences;
}

/** @param {Partial<Preferences>} changes */
export function prefer(changes) {
  preferences = { ...preferences, ...changes };
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Not kept for the next visit, which is all that is lost.
  }
  for (const react of listeners) react(preferences);
}

/**
 * Calls `react` now and after every change.
 *
 * @param {(preferences: Preferences) => void} react
 */
export function onPreference(react) {
  listeners.push(react);
  react(preferences);
}
