/**
 * Shapes of what goes over the wire (protocol version 1; `draglab/server/messages.py` is its other side) and of the page's
 * own state. Types only: nothing runs here.
 *
 * Points are [x, y] in pixels of the image, (0, 0) is the centre of the top-left one (docs/conventions.md).
 */

/** @typedef {[number, number]} XY */
/**
 * A handle. pin: it holds its place while others are pulled. resting: a round that is over has dragged it and nobody has
 * pulled it since: others are pulled without it.
 *
 * @typedef {{id: number, handle: XY, target: XY | null, pin: boolean, resting: boolean}} Point
 */
/** @typedef {{seed: number, first_layer: number}} Mix */
/** @typedef {{model: string, seed: number | null, truncation_psi: number, class_index: number | null, mix: Mix | null}} Start */
/** @typedef {"start" | "round" | "points" | "mask" | "continue"} NodeKind */
/** @typedef {{id: number, parent: number | null, kind: NodeKind, frames: number, kept: number, end: string | null, picture: number, label: string}} HistoryNode */
/** @typedef {number | string | boolean | null} SettingValue */
/**
 * @typedef {object} Setting
 * @property {string} name
 * @property {string} title
 * @property {string} help
 * @property {SettingValue} default
 * @property {"number" | "integer" | "choice" | "switch"} kind
 * @property {number | null} minimum
 * @property {number | null} maximum
 * @property {number | null} step
 * @property {SettingValue[] | null} choices
 * @property {boolean} advanced
 */
/** @typedef {{name: string, title: string, c_dim: number, num_ws: number, first_seeds: number[]}} Model */
/** @typedef {{id: string, name: string, model: string, updated: number, rounds: number, picture: number | null}} SessionSummary */
/**
 * @typedef {object} Welcome
 * @property {number} protocol
 * @property {string} version
 * @property {Model[]} models
 * @property {SessionSummary[]} sessions
 * @property {Setting[]} settings
 * @property {Record<string, number>} limits
 * @property {string | null} [session]
 */
/**
 * @typedef {object} Session
 * @property {string} session
 * @property {string} name
 * @property {number} acknowledged id of the newest message of this page that it takes in
 * @property {string} model
 * @property {{width: number, height: number}} image
 * @property {Start} start
 * @property {number} cursor
 * @property {"idle" | "running" | "stopping"} state
 * @property {Point[]} points
 * @property {{id: number | string | null, feather: number} | null} mask
 * @property {Record<string, SettingValue>} settings
 * @property {HistoryNode[]} nodes
 * @property {boolean} can_undo
 * @property {boolean} can_redo
 * @property {boolean} can_go_on
 * @property {string | null} message
 */
/**
 * @typedef {object} Progress
 * @property {number} node
 * @property {number} step
 * @property {XY[]} handles
 * @property {Map<number, XY>} places the same by id of the point
 * @property {number[]} distances
 * @property {number} mean_distance
 * @property {number} loss
 * @property {number} steps_per_second
 * @property {number} stamp
 */
/** @typedef {{id: number, distinctive: boolean, nearest: XY | null, x?: number, y?: number}} Quality */
/** @typedef {"live" | "current" | "original" | "scrub" | "seed" | "thumbnail"} PictureKind */
/**
 * @typedef {object} PictureHeader
 * @property {PictureKind} kind
 * @property {number | null} [stamp]
 * @property {number | null} [node]
 * @property {number | null} [frame]
 * @property {number | null} [seed]
 * @property {number} width
 * @property {number} height
 * @property {string} mime
 */
/** @typedef {"connecting" | "open" | "lost" | "refused"} Link */
/** @typedef {"drag" | "brush" | "eraser" | "fill" | "pan"} ToolName */
/** @typedef {"movable" | "frozen"} MaskView */

/**
 * What the panels show. Comes from the server and from nowhere else, but for `link`, `scrub` and `qualities`.
 *
 * @typedef {object} Data
 * @property {Link} link
 * @property {Welcome | null} welcome
 * @property {Session | null} session
 * @property {Progress | null} progress of the round that runs
 * @property {{node: number, frame: number} | null} scrub the frame that is looked at, null = the cursor
 * @property {Record<number, Quality>} qualities by id of the point
 * @property {number | null} selected id of a point
 * @property {number} windows in which the session is shown, this one among them
 */

export {};
