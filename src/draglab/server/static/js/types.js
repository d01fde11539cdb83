/**
 * Shapes of the page's own state. Those of what goes over the wire are in wire_types.js. Types only: nothing runs here.
 *
 * Points are [x, y] in pixels of the image, (0, 0) is the centre of the top-left one (docs/conventions.md).
 */

/** @typedef {import("./wire_types.js").State} State */

/** @typedef {[number, number]} XY */
/** A handle. Ids are numbers, as pages choose them. @typedef {import("./wire_types.js").Point & {id: number}} Point */
/** The session that is shown. @typedef {Omit<State, "type" | "points"> & {points: Point[]}} Session */
/** places, goals, ends: its handles, its targets and how far it is expected to come, by id of the point. @typedef {import("./wire_types.js").Progress & Record<"places" | "goals" | "ends", Map<number, XY>>} Progress */
/** Of a point, by whose id it is kept. @typedef {Omit<import("./wire_types.js").HandleQuality, "id" | "type">} Quality */
/** @typedef {"connecting" | "open" | "lost" | "refused"} Link */
/** @typedef {"drag" | "region" | "brush" | "eraser" | "fill" | "pan"} ToolName */
/** @typedef {"movable" | "frozen"} MaskView */
/** @typedef {"follow" | "release" | "wait"} Pulling */

/**
 * What the panels show. Comes from the server and from nowhere else, but for `link`, `scrub`, `qualities` and
 * `wanted`.
 *
 * @typedef {object} Data
 * @property {Link} link
 * @property {import("./wire_types.js").Welcome | null} welcome
 * @property {Session | null} session
 * @property {Progress | null} progress of the round that runs
 * @property {{node: number, frame: number} | null} scrub the frame that is looked at, null = the cursor
 * @property {Record<number, Quality>} qualities by id of the point
 * @property {number | null} selected id of a point
 * @property {number} windows in which the session is shown, this one among them
 * @property {import("./wire_types.js").ModelList | null} models and those that can be downloaded
 * @property {import("./wire_types.js").ModelWork | null} work that is done for models: loading, measuring, a download
 * @property {import("./wire_types.js").PhotoView[]} photos that are being brought into models
 * @property {string | null} wanted model that was asked for and is not shown yet
 */

export {};
