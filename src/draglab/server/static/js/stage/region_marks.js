/** The region and its box with corners and knob, and the line that is being drawn around one: SVG over the picture. */

import { lassoShown, regionShown } from "../tools/region.js";
import { preferred } from "../preferences.js";
import { svg } from "../dom.js";
import { viewport } from "./viewport.js";

/** @typedef {import("../types.js").XY} XY */

const GRIP = 6;

/** @returns {SVGElement[]} */
export function regionMarks() {
  if (preferred().tool !== "region") return [];
  const lasso = lassoShown();
  if (lasso) return twice(path(lasso, false), "lasso");
  const region = regionShown();
  if (!region) return [];
  const [kx, ky] = viewport.toScreen(region.knob);
  return [
    ...twice(path(region.outline, true), "lasso"),
    ...twice(path(region.corners, true) + path([region.stem, region.knob], false), "box"),
    ...region.corners.map((corner) => {
      const [x, y] = viewport.toScreen(corner);
      return svg("rect", { class: "grip", x: x - GRIP, y: y - GRIP, width: 2 * GRIP, height: 2 * GRIP, rx: 2 });
    }),
    svg("circle", { class: "grip turn", cx: kx, cy: ky, r: GRIP + 1 }),
  ];
}

/** @param {XY[]} places @param {boolean} closed */
function path(places, closed) {
  const points = places.map((place) => viewport.toScreen(place).map((value) => value.toFixed(1)).join(" "));
  return `M${points.join("L")}${closed ? "Z" : ""}`;
}

/** @param {string} d @param {string} kind */
function twice(d, kind) {
  return [svg("path", { class: `region under ${kind}`, d }), svg("path", { class: `region ${kind}`, d })];
}
