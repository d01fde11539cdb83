/** How a slider between two extremes goes through the values of a setting. */

/** @typedef {import("../wire_types.js").PanelSetting} PanelSetting */

/**
 * A power of the slider's place, 0 at the highest value and 1 at the lowest, with the setting's `middle` in the middle.
 *
 * @param {PanelSetting} setting
 */
export function scaleOf({ minimum, maximum, middle }) {
  const low = minimum ?? 0;
  const range = (maximum ?? 1) - low;
  const power = middle === null ? 1 : Math.log((middle - low) / range) / Math.log(0.5);
  return {
    /** @param {number} share */
    value: (share) => low + range * (1 - share) ** power,
    /** @param {number} value */
    share: (value) => 1 - Math.min(Math.max((value - low) / range, 0), 1) ** (1 / power),
  };
}
