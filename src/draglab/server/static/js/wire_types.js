/**
 * What goes over the wire, protocol version 1. Written by web/make_types.py from draglab/server/messages.py,
 * which says more of each: change that. Types only: nothing runs here.
 */

/**
 * The first message. session: what to show, None = nothing yet. height: of the shown image, device pixels.
 *
 * @typedef {object} Hello
 * @property {number | null} [id]
 * @property {"hello"} type
 * @property {number} protocol
 * @property {string} token
 * @property {string | null} [session]
 * @property {number} [height]
 */

/**
 * Flow control: live pictures up to this stamp have been drawn.
 *
 * @typedef {object} Seen
 * @property {number | null} [id]
 * @property {"seen"} type
 * @property {number} stamp
 */

/**
 * Begin a session. start: None = the first image of the default model.
 *
 * @typedef {object} NewSession
 * @property {number | null} [id]
 * @property {"new_session"} type
 * @property {Start | null} [start]
 */

/**
 * Go on with a session of Welcome.sessions.
 *
 * @typedef {object} OpenSession
 * @property {number | null} [id]
 * @property {"open_session"} type
 * @property {string} session
 */

/**
 * Ask for the sessions of this person. Answered by Sessions.
 *
 * @typedef {object} ListSessions
 * @property {number | null} [id]
 * @property {"list_sessions"} type
 */

/**
 * Call a session something; "" = by its model again.
 *
 * @typedef {object} RenameSession
 * @property {number | null} [id]
 * @property {"rename_session"} type
 * @property {string} session
 * @property {string} name
 */

/**
 * Delete a session for good. It must not be open in another tab.
 *
 * @typedef {object} ForgetSession
 * @property {number | null} [id]
 * @property {"forget_session"} type
 * @property {string} session
 */

/**
 * How high the image is shown, in device pixels: pictures come at about that size.
 *
 * @typedef {object} SetView
 * @property {number | null} [id]
 * @property {"set_view"} type
 * @property {number} height
 */

/**
 * Another image.
 *
 * @typedef {object} SetStart
 * @property {number | null} [id]
 * @property {"set_start"} type
 * @property {Start} start
 */

/**
 * One more point. One of the same id is replaced, so that it can be said again when the answer got lost.
 *
 * @typedef {object} AddPoint
 * @property {number | null} [id]
 * @property {"add_point"} type
 * @property {PointInput} point
 */

/**
 * Change something of one point; None = as it is. no_target: take its target away. pin: hold it where it is.
 *
 * @typedef {object} MovePoint
 * @property {number | null} [id]
 * @property {"move_point"} type
 * @property {number} point
 * @property {[number, number] | null} [handle]
 * @property {[number, number] | null} [target]
 * @property {boolean} [no_target]
 * @property {boolean | null} [pin]
 * @property {boolean} [done]
 */

/**
 * Take points away; None = all. Those that are gone already are no error.
 *
 * @typedef {object} RemovePoints
 * @property {number | null} [id]
 * @property {"remove_points"} type
 * @property {Array<number> | null} [points]
 */

/**
 * All points at once, for programs: what another client has changed meanwhile is lost.
 *
 * @typedef {object} SetPoints
 * @property {number | null} [id]
 * @property {"set_points"} type
 * @property {Array<PointInput>} points
 * @property {boolean} done
 */

/**
 * The movable region. png: base64, the image's size, white = movable; None = no mask. feather: pixels.
 *
 * @typedef {object} SetMask
 * @property {number | null} [id]
 * @property {"set_mask"} type
 * @property {string | null} png
 * @property {number} [feather]
 */

/**
 * What needs nothing but its name.
 *
 * @typedef {object} Act
 * @property {number | null} [id]
 * @property {"run" | "stop" | "pause" | "go_on" | "undo" | "redo" | "suggest_mask"} type
 */

/**
 * Ask whether a point can be tracked. Answered by HandleQuality.
 *
 * @typedef {object} CheckHandle
 * @property {number | null} [id]
 * @property {"check_handle"} type
 * @property {number} x
 * @property {number} y
 */

/**
 * Change settings by name (Welcome.settings).
 *
 * @typedef {object} SetSettings
 * @property {number | null} [id]
 * @property {"set_settings"} type
 * @property {Record<string, boolean | number | string | null>} settings
 */

/**
 * Settings back to their defaults; None = all.
 *
 * @typedef {object} ResetSettings
 * @property {number | null} [id]
 * @property {"reset_settings"} type
 * @property {Array<string> | null} [names]
 */

/**
 * Show any entry of the history.
 *
 * @typedef {object} Goto
 * @property {number | null} [id]
 * @property {"goto"} type
 * @property {number} node
 */

/**
 * Show a frame of a round; changes nothing. Answered by a picture "scrub"; the newest wish wins.
 *
 * @typedef {object} Scrub
 * @property {number | null} [id]
 * @property {"scrub"} type
 * @property {number} node
 * @property {number} frame
 */

/**
 * Go on from a frame of a round: a branch of the history.
 *
 * @typedef {object} ContinueFrom
 * @property {number | null} [id]
 * @property {"continue_from"} type
 * @property {number} node
 * @property {number} frame
 */

/**
 * Small pictures of seeds. Answered by pictures "seed" as they get ready; the newest request replaces the last.
 *
 * @typedef {object} Seeds
 * @property {number | null} [id]
 * @property {"seeds"} type
 * @property {Array<number>} seeds
 * @property {number} [truncation_psi]
 * @property {number} height
 */

/**
 * Make a file. Answered by ExportReady. scope: the image, this round, the whole branch.
 *
 * @typedef {object} Export
 * @property {number | null} [id]
 * @property {"export"} type
 * @property {"png" | "jpg" | "webp" | "mp4" | "gif" | "json" | "npz" | "safetensors"} kind
 * @property {"image" | "round" | "history"} [scope]
 */

/**
 * Ask for a command line or a Python program that makes this edit again. Answered by Text.
 *
 * @typedef {object} Describe
 * @property {number | null} [id]
 * @property {"describe"} type
 * @property {"command" | "python"} as
 */

/**
 * Answers Hello.
 *
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {number} protocol
 * @property {string} version
 * @property {Array<ModelInfo>} models
 * @property {Array<SessionInfo>} sessions
 * @property {Array<PanelSetting>} settings
 * @property {Limits} limits
 * @property {string | null} session
 */

/**
 * The session as it is now, which is all that the page shows of it besides pictures and the mask's.
 *
 * @typedef {object} State
 * @property {"state"} type
 * @property {number} acknowledged
 * @property {string} session
 * @property {string} name
 * @property {string} model
 * @property {ImageSize} image
 * @property {number} num_ws
 * @property {number} c_dim
 * @property {StartView} start
 * @property {number} original
 * @property {number} cursor
 * @property {"idle" | "running"} state
 * @property {Array<Point>} points
 * @property {MaskView | null} mask
 * @property {Record<string, boolean | number | string | null>} settings
 * @property {Array<string>} changed
 * @property {Array<NodeView>} nodes
 * @property {boolean} can_undo
 * @property {boolean} can_redo
 * @property {boolean} can_go_on
 * @property {number} remaining
 * @property {string} message
 */

/**
 * After each step of a round. handles, distances: of each point that has a target, in the order of the points.
 *
 * @typedef {object} Progress
 * @property {"progress"} type
 * @property {number} node
 * @property {number} step
 * @property {Array<[number, number]>} handles
 * @property {Array<number>} distances
 * @property {number} mean_distance
 * @property {number} loss
 * @property {number} steps_per_second
 * @property {number} stamp
 */

/**
 * A round is over. reason: arrived, stalled, max_steps, stopped, diverged, interrupted, recorded.
 *
 * @typedef {object} Ended
 * @property {"ended"} type
 * @property {number} node
 * @property {string} reason
 * @property {string} text
 */

/**
 * Answers ListSessions; as in Welcome.
 *
 * @typedef {object} Sessions
 * @property {"sessions"} type
 * @property {number | null} id
 * @property {Array<SessionInfo>} sessions
 */

/**
 * How many windows show the session, this one among them; when that changes. What is done in one, all show.
 *
 * @typedef {object} Viewers
 * @property {"viewers"} type
 * @property {number} count
 */

/**
 * The mask that holds now, or a suggestion. png: base64, white = movable; None = everything may move.
 *
 * @typedef {object} Mask
 * @property {"mask"} type
 * @property {number | null} id
 * @property {string | null} png
 * @property {number} feather
 * @property {boolean} suggested
 */

/**
 * Answers CheckHandle. nearest: the nearest place that can be tracked, or None.
 *
 * @typedef {object} HandleQuality
 * @property {"handle_quality"} type
 * @property {number | null} id
 * @property {number} x
 * @property {number} y
 * @property {boolean} distinctive
 * @property {[number, number] | null} nearest
 * @property {number} score
 */

/**
 * Answers Export. url: can be fetched once, for a while. bytes: its size.
 *
 * @typedef {object} ExportReady
 * @property {"export_ready"} type
 * @property {number | null} id
 * @property {string} url
 * @property {string} name
 * @property {number} bytes
 */

/**
 * Answers Describe. needs_edit_file: the text reads edit.json, which is the export of kind "json".
 *
 * @typedef {object} Text
 * @property {"text"} type
 * @property {number | null} id
 * @property {string} text
 * @property {boolean} needs_edit_file
 */

/**
 * What could not be done: one sentence that says what to do. fatal: the socket is closed after it.
 *
 * @typedef {object} Error
 * @property {"error"} type
 * @property {number | null} id
 * @property {string} message
 * @property {boolean} fatal
 */

/**
 * Of a picture.
 *
 * @typedef {object} PictureHeader
 * @property {"live" | "current" | "original" | "scrub" | "seed"} kind
 * @property {number} stamp
 * @property {number | null} node
 * @property {number | null} frame
 * @property {number | null} seed
 * @property {number} width
 * @property {number} height
 * @property {string} mime
 */

/**
 * Where an edit starts. model: a name of Welcome.models; None = the default one.
 *
 * @typedef {object} Start
 * @property {string | null} [model]
 * @property {number} [seed]
 * @property {number} [truncation_psi]
 * @property {number | null} [class_index]
 * @property {Mix | null} [mix]
 */

/**
 * A handle, and its target once there is one. id: the client's, unique among the points.
 *
 * @typedef {object} PointInput
 * @property {number} id
 * @property {[number, number]} handle
 * @property {[number, number] | null} [target]
 * @property {boolean} [pin]
 */

/**
 * A model as the editor's menu and programs see it: by name, never by path.
 *
 * @typedef {object} ModelInfo
 * @property {string} name
 * @property {string} title
 * @property {number} width
 * @property {number} height
 * @property {number} c_dim
 * @property {number} num_ws
 * @property {Array<number>} first_seeds
 */

/**
 * Summary of a session, for lists.
 *
 * @typedef {object} SessionInfo
 * @property {string} id
 * @property {string} name
 * @property {string} model
 * @property {number} updated
 * @property {number} rounds
 * @property {number} bytes
 * @property {number | null} picture
 */

/**
 * A setting as the panel shows it.
 *
 * @typedef {object} PanelSetting
 * @property {string} name
 * @property {string} title
 * @property {string} help
 * @property {"number" | "integer" | "choice" | "switch"} kind
 * @property {boolean | number | string | null} default
 * @property {number | null} minimum
 * @property {number | null} maximum
 * @property {number | null} step
 * @property {Array<string>} choices
 * @property {boolean} advanced
 */

/**
 * Limits of the server; docs/server.md says what happens beyond each.
 *
 * @typedef {object} Limits
 * @property {number} message_bytes
 * @property {number} upload_bytes
 * @property {number} uploads
 * @property {number} values
 * @property {number} rounds
 * @property {number} points
 * @property {number} settings
 * @property {number} mask_pixels
 * @property {number} edit_mask_pixels
 * @property {number} picture_height
 * @property {number} seeds
 * @property {number} connections
 * @property {number} waiting
 * @property {number} waiting_per_address
 * @property {number} header_seconds
 * @property {number} body_seconds
 * @property {number} send_seconds
 * @property {number} clients
 * @property {number} clients_per_person
 * @property {number} sessions_per_client
 * @property {number} sessions
 * @property {number} journals
 * @property {number} pending
 * @property {number} unsent
 * @property {number} frame_rate
 * @property {number} live_pictures
 * @property {number} hello_seconds
 * @property {number} exports
 * @property {number} export_seconds
 * @property {number} generators
 * @property {number} drags
 * @property {number} drags_per_person
 * @property {number} drags_kept
 * @property {number} drag_steps
 */

/**
 * Size of an image in pixels.
 *
 * @typedef {object} ImageSize
 * @property {number} width
 * @property {number} height
 */

/**
 * Fields of StartSpec; of a start by values, the values are left out.
 *
 * @typedef {object} StartView
 * @property {string} model
 * @property {number | null} seed
 * @property {number} truncation_psi
 * @property {number | null} truncation_cutoff
 * @property {number | null} class_index
 * @property {Array<number> | null} class_vector
 * @property {StyleMix | null} mix
 */

/**
 * A handle and its target.
 *
 * @typedef {object} Point
 * @property {number | string} id
 * @property {[number, number]} handle
 * @property {[number, number] | null} target
 * @property {boolean} pin
 * @property {boolean} resting
 */

/**
 * Reference to a mask by its id; feather: softness of its edges, pixels.
 *
 * @typedef {object} MaskView
 * @property {number} id
 * @property {number} feather
 */

/**
 * A line of the history.
 *
 * @typedef {object} NodeView
 * @property {number} id
 * @property {number | null} parent
 * @property {"start" | "round" | "points" | "mask" | "continue"} kind
 * @property {number} frames
 * @property {number} kept
 * @property {"arrived" | "stalled" | "max_steps" | "stopped" | "diverged" | "interrupted" | "recorded" | null} end
 * @property {number} picture
 * @property {string} label
 */

/**
 * Style mixing: layers from `first_layer` on come from another seed.
 *
 * @typedef {object} Mix
 * @property {number} seed
 * @property {number} first_layer
 */

/**
 * The appearance of another seed: its w_plus from layer `first_layer` on (counted from 0).
 *
 * @typedef {object} StyleMix
 * @property {number} seed
 * @property {number} first_layer
 */

/** @typedef {Hello | Seen | NewSession | OpenSession | ListSessions | RenameSession | ForgetSession | SetView | SetStart | AddPoint | MovePoint | RemovePoints | SetPoints | SetMask | Act | CheckHandle | SetSettings | ResetSettings | Goto | Scrub | ContinueFrom | Seeds | Export | Describe} ClientMessage */

/** @typedef {Welcome | State | Progress | Ended | Sessions | Viewers | Mask | HandleQuality | ExportReady | Text | Error} ServerMessage */

export {};
