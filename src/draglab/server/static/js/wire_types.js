/**
 * What goes over the wire, protocol version 1. Written by web/make_types.py from draglab/server/messages.py,
 * which says more of each: change that. Types only: nothing runs here.
 */

/**
 * The first message. session: the session to show, or None. height: height of the shown image, device pixels.
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
 * Flow control: the client has drawn the live pictures up to this stamp.
 *
 * @typedef {object} Seen
 * @property {number | null} [id]
 * @property {"seen"} type
 * @property {number} stamp
 */

/**
 * Create a session. start: None = the first image of the default model.
 *
 * @typedef {object} NewSession
 * @property {number | null} [id]
 * @property {"new_session"} type
 * @property {Start | null} [start]
 */

/**
 * Open a session of Welcome.sessions.
 *
 * @typedef {object} OpenSession
 * @property {number | null} [id]
 * @property {"open_session"} type
 * @property {string} session
 */

/**
 * List the sessions of this person. Answered by Sessions.
 *
 * @typedef {object} ListSessions
 * @property {number | null} [id]
 * @property {"list_sessions"} type
 */

/**
 * Name a session; "" = no name.
 *
 * @typedef {object} RenameSession
 * @property {number | null} [id]
 * @property {"rename_session"} type
 * @property {string} session
 * @property {string} name
 */

/**
 * Delete a session permanently. It must not be open in another tab.
 *
 * @typedef {object} ForgetSession
 * @property {number | null} [id]
 * @property {"forget_session"} type
 * @property {string} session
 */

/**
 * Set the height in which the image is shown, device pixels; pictures are sent in about this size.
 *
 * @typedef {object} SetView
 * @property {number | null} [id]
 * @property {"set_view"} type
 * @property {number} height
 */

/**
 * Start from another image.
 *
 * @typedef {object} SetStart
 * @property {number | null} [id]
 * @property {"set_start"} type
 * @property {Start} start
 */

/**
 * Add a point, or replace the one with the same id, so that the message can be repeated if its answer was lost.
 *
 * @typedef {object} AddPoint
 * @property {number | null} [id]
 * @property {"add_point"} type
 * @property {PointInput} point
 */

/**
 * Change one point; None = unchanged.
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
 * Where points are being pulled to; the image follows, a step for each message or more, and waits when it is there.
 *
 * @typedef {object} Pull
 * @property {number | null} [id]
 * @property {"pull"} type
 * @property {Array<PointInput>} points
 * @property {number} gesture
 * @property {boolean} [done]
 */

/**
 * Remove points; None = all. Unknown points are ignored.
 *
 * @typedef {object} RemovePoints
 * @property {number | null} [id]
 * @property {"remove_points"} type
 * @property {Array<number> | null} [points]
 */

/**
 * Set all points, for programs: changes that another client has made meanwhile are lost.
 *
 * @typedef {object} SetPoints
 * @property {number | null} [id]
 * @property {"set_points"} type
 * @property {Array<PointInput>} points
 * @property {boolean} done
 */

/**
 * Set the movable region. png: base64, of the image's size, white = movable; None = no mask. feather: pixels.
 *
 * @typedef {object} SetMask
 * @property {number | null} [id]
 * @property {"set_mask"} type
 * @property {string | null} png
 * @property {number} [feather]
 */

/**
 * A command without arguments.
 *
 * @typedef {object} Act
 * @property {number | null} [id]
 * @property {"run" | "stop" | "pause" | "go_on" | "undo" | "redo" | "take_back" | "suggest_mask"} type
 */

/**
 * Check whether a point can be tracked. Answered by HandleQuality.
 *
 * @typedef {object} CheckHandle
 * @property {number | null} [id]
 * @property {"check_handle"} type
 * @property {number} x
 * @property {number} y
 */

/**
 * Ask what a drag of these handles would hold. Answered by Locality.
 *
 * @typedef {object} CheckLocality
 * @property {number | null} [id]
 * @property {"check_locality"} type
 * @property {Array<Way>} ways
 */

/**
 * Ask for points inside a polygon, well spread over what can be tracked there. Answered by Region.
 *
 * @typedef {object} RegionPoints
 * @property {number | null} [id]
 * @property {"region_points"} type
 * @property {Array<[number, number]>} polygon
 * @property {number} count
 */

/**
 * Ask which named edits there are for the session's model. Answered by NamedEdits.
 *
 * @typedef {object} ListNamedEdits
 * @property {number | null} [id]
 * @property {"list_named_edits"} type
 */

/**
 * Ask for the handles and targets of a named edit on the shown image; points stay as they are. Answered by Ways.
 *
 * @typedef {object} PlaceNamedEdit
 * @property {number | null} [id]
 * @property {"place_named_edit"} type
 * @property {string} name
 * @property {number} [strength]
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
 * Reset settings to their defaults; None = all.
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
 * Show a frame of a round. Answered by a picture "scrub"; a new request replaces one that waits.
 *
 * @typedef {object} Scrub
 * @property {number | null} [id]
 * @property {"scrub"} type
 * @property {number} node
 * @property {number} frame
 */

/**
 * Begin a new branch of the history at a frame of a round.
 *
 * @typedef {object} ContinueFrom
 * @property {number | null} [id]
 * @property {"continue_from"} type
 * @property {number} node
 * @property {number} frame
 */

/**
 * Show small pictures of seeds. Answered by pictures "seed", one by one; a new request replaces the last one.
 *
 * @typedef {object} Seeds
 * @property {number | null} [id]
 * @property {"seeds"} type
 * @property {Array<number>} seeds
 * @property {number} [truncation_psi]
 * @property {number} height
 */

/**
 * Export a file. Answered by ExportReady.
 *
 * @typedef {object} Export
 * @property {number | null} [id]
 * @property {"export"} type
 * @property {"png" | "jpg" | "webp" | "mp4" | "gif" | "json" | "npz" | "safetensors" | "draglab"} kind
 * @property {"image" | "round" | "history" | "photo"} [scope]
 * @property {boolean} [stitch]
 * @property {boolean} [mark]
 */

/**
 * End an export, whose answer then is an Error. export: the id of its Export.
 *
 * @typedef {object} CancelExport
 * @property {number | null} [id]
 * @property {"cancel_export"} type
 * @property {number} export
 */

/**
 * Describe this edit as a command line or a Python program that repeats it. Answered by Text.
 *
 * @typedef {object} Describe
 * @property {number | null} [id]
 * @property {"describe"} type
 * @property {"command" | "python"} as
 */

/**
 * List the models; the folder is looked through again, too. Answered by ModelList, and again if there is news.
 *
 * @typedef {object} ListModels
 * @property {number | null} [id]
 * @property {"list_models"} type
 */

/**
 * Download a model of ModelList.offers. accept_licence: True = the person has accepted its licence.
 *
 * @typedef {object} DownloadModel
 * @property {number | null} [id]
 * @property {"download_model"} type
 * @property {string} model
 * @property {boolean} [accept_licence]
 */

/**
 * Stop the download that this person has started, or put its failure away.
 *
 * @typedef {object} StopDownload
 * @property {number | null} [id]
 * @property {"stop_download"} type
 */

/**
 * Stop the measuring of a model; refused on a server with several persons.
 *
 * @typedef {object} StopMeasuring
 * @property {number | null} [id]
 * @property {"stop_measuring"} type
 * @property {string} model
 */

/**
 * Look for the faces in a photo, for a model. Answered by FoundFrame.
 *
 * @typedef {object} FindFrame
 * @property {number | null} [id]
 * @property {"find_frame"} type
 * @property {string} photo
 * @property {string} model
 */

/**
 * Bring a photo into a model, in the background. Answered by PhotoBegun; PhotoWork says how far it is.
 *
 * @typedef {object} InvertPhoto
 * @property {number | null} [id]
 * @property {"invert_photo"} type
 * @property {string} photo
 * @property {string} model
 * @property {PhotoFrame} frame
 * @property {"fast" | "default" | "best"} [effort]
 */

/**
 * A command about a photo of PhotoWork.
 *
 * @typedef {object} PhotoAct
 * @property {number | null} [id]
 * @property {"resume_photo" | "stop_photo" | "cancel_photo"} type
 * @property {string} photo
 */

/**
 * Do the edit of the shown image to other seeds of its model. Answered by TransferBegun.
 *
 * @typedef {object} TransferTo
 * @property {number | null} [id]
 * @property {"transfer_to"} type
 * @property {Array<number>} seeds
 * @property {number} height
 * @property {boolean} [more]
 */

/**
 * End the transfer after the current step. Results stay, unless close is True.
 *
 * @typedef {object} StopTransfer
 * @property {number | null} [id]
 * @property {"stop_transfer"} type
 * @property {boolean} [close]
 */

/**
 * Make a session of a result, which makes its rounds again. Answered by TransferKept.
 *
 * @typedef {object} KeepTransferred
 * @property {number | null} [id]
 * @property {"keep_transferred"} type
 * @property {number} seed
 */

/**
 * Export images and edit files of sessions of one model, as a ZIP. Answered by ExportReady. mark: see Export.
 *
 * @typedef {object} ExportSessions
 * @property {number | null} [id]
 * @property {"export_sessions"} type
 * @property {Array<string>} sessions
 * @property {boolean} [mark]
 */

/**
 * Answer to Hello.
 *
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {number} protocol
 * @property {string} version
 * @property {ModelList} models
 * @property {ModelWork} work
 * @property {PhotoWork} photos
 * @property {Array<SessionInfo>} sessions
 * @property {Array<PanelSetting>} settings
 * @property {Limits} limits
 * @property {boolean} marks
 * @property {string | null} session
 */

/**
 * The current state of the session: everything that the page shows, except for pictures and the mask.
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
 * @property {PhotoStart | null} photo
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
 * Progress after a step of a round. points: ids of the points that have a target; handles, targets, distances: of
 *
 * @typedef {object} Progress
 * @property {"progress"} type
 * @property {number} node
 * @property {number} step
 * @property {Array<number | string>} points
 * @property {Array<[number, number]>} handles
 * @property {Array<[number, number]>} targets
 * @property {Array<[number, number]> | null} reachable
 * @property {Array<number>} distances
 * @property {number} mean_distance
 * @property {number} loss
 * @property {number} steps_per_second
 * @property {number} stamp
 */

/**
 * The end of a round. reason: see draglab.editor.round_runner.EndReason.
 *
 * @typedef {object} Ended
 * @property {"ended"} type
 * @property {number} node
 * @property {string} reason
 * @property {string} text
 */

/**
 * Answer to ListSessions. sessions: as in Welcome.
 *
 * @typedef {object} Sessions
 * @property {"sessions"} type
 * @property {number | null} id
 * @property {Array<SessionInfo>} sessions
 */

/**
 * Number of windows that show the session, including this one; sent when it changes. All show the same state.
 *
 * @typedef {object} Viewers
 * @property {"viewers"} type
 * @property {number} count
 */

/**
 * The current mask, or a suggested one. png: base64, white = movable; None = everything may move.
 *
 * @typedef {object} Mask
 * @property {"mask"} type
 * @property {number | null} id
 * @property {string | null} png
 * @property {number} feather
 * @property {boolean} suggested
 */

/**
 * Answer to CheckHandle. nearest: the nearest place that can be tracked, or None.
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
 * Answer to CheckLocality. held: how much each cell of the image is to stay, from 0 to 1, row by row.
 *
 * @typedef {object} Locality
 * @property {"locality"} type
 * @property {number | null} id
 * @property {Array<Array<number>> | null} held
 */

/**
 * Answer to RegionPoints.
 *
 * @typedef {object} Region
 * @property {"region"} type
 * @property {number | null} id
 * @property {Array<[number, number]>} points
 */

/**
 * Answer to ListNamedEdits. edits: none if there is no detector of the model's faces, or it shows none.
 *
 * @typedef {object} NamedEdits
 * @property {"named_edits"} type
 * @property {number | null} id
 * @property {Array<NamedEditTitle>} edits
 */

/**
 * Answer to PlaceNamedEdit. ways: of each handle, pins included.
 *
 * @typedef {object} Ways
 * @property {"ways"} type
 * @property {number | null} id
 * @property {Array<Way>} ways
 */

/**
 * Answer to Export. url: valid for one download within a time limit. bytes: size of the file.
 *
 * @typedef {object} ExportReady
 * @property {"export_ready"} type
 * @property {number | null} id
 * @property {string} url
 * @property {string} name
 * @property {number} bytes
 */

/**
 * How far an export is. export: the id of its Export. share: from 0 to 1.
 *
 * @typedef {object} ExportProgress
 * @property {"export_progress"} type
 * @property {number | null} export
 * @property {number} share
 */

/**
 * Answer to Describe. needs_edit_file: the text expects edit.json, the export of kind "json".
 *
 * @typedef {object} Text
 * @property {"text"} type
 * @property {number | null} id
 * @property {string} text
 * @property {boolean} needs_edit_file
 */

/**
 * An error. message: one sentence that says what to do. fatal: True = the socket is closed after it.
 *
 * @typedef {object} Error
 * @property {"error"} type
 * @property {number | null} id
 * @property {string} message
 * @property {boolean} fatal
 */

/**
 * The models; part of Welcome, and sent when they change.
 *
 * @typedef {object} ModelList
 * @property {"model_list"} type
 * @property {Array<ModelInfo>} models
 * @property {Array<ModelOffer>} offers
 * @property {Array<OfferedLicence>} licences
 * @property {boolean} shared
 */

/**
 * What is being done for models; part of Welcome, and sent when it changes.
 *
 * @typedef {object} ModelWork
 * @property {"model_work"} type
 * @property {Array<string>} loading
 * @property {Measuring | null} measuring
 * @property {Download | null} download
 */

/**
 * Answer to FindFrame. faces: those that were found, the largest first. frame: that of the first, or where there
 *
 * @typedef {object} FoundFrame
 * @property {"found_frame"} type
 * @property {number | null} id
 * @property {string} photo
 * @property {string} model
 * @property {Array<FoundFace>} faces
 * @property {PhotoFrame} frame
 * @property {number} aspect
 * @property {string} text
 */

/**
 * Answer to InvertPhoto and resume_photo.
 *
 * @typedef {object} PhotoBegun
 * @property {"photo_begun"} type
 * @property {number | null} id
 * @property {string} photo
 */

/**
 * The photos of this person that are being brought into models; part of Welcome, and sent when it changes.
 *
 * @typedef {object} PhotoWork
 * @property {"photo_work"} type
 * @property {Array<PhotoView>} photos
 */

/**
 * Answer to TransferTo.
 *
 * @typedef {object} TransferBegun
 * @property {"transfer_begun"} type
 * @property {number | null} id
 */

/**
 * How far the transfer to a seed is. text: why it was skipped or has failed; else "".
 *
 * @typedef {object} TransferSeed
 * @property {"transfer_seed"} type
 * @property {number} seed
 * @property {"working" | "done" | "skipped" | "failed"} state
 * @property {string} text
 */

/**
 * Answer to KeepTransferred. session: the new session, in which the rounds are being made.
 *
 * @typedef {object} TransferKept
 * @property {"transfer_kept"} type
 * @property {number | null} id
 * @property {number} seed
 * @property {string} session
 */

/**
 * Header of a picture.
 *
 * @typedef {object} PictureHeader
 * @property {"live" | "current" | "original" | "scrub" | "seed" | "photo" | "before" | "after"} kind
 * @property {number} stamp
 * @property {number | null} node
 * @property {number | null} frame
 * @property {number | null} seed
 * @property {string | null} photo
 * @property {number} width
 * @property {number} height
 * @property {string} mime
 */

/**
 * The image from which an edit starts. model: a name of Welcome.models; None = the default model.
 *
 * @typedef {object} Start
 * @property {string | null} [model]
 * @property {number} [seed]
 * @property {number} [truncation_psi]
 * @property {number | null} [class_index]
 * @property {Mix | null} [mix]
 */

/**
 * A handle, with a target or None. id: chosen by the client, unique among the points.
 *
 * @typedef {object} PointInput
 * @property {number} id
 * @property {[number, number]} handle
 * @property {[number, number] | null} [target]
 * @property {boolean} [pin]
 */

/**
 * The way of a handle to its target; a pin has none: its target is its handle.
 *
 * @typedef {object} Way
 * @property {[number, number]} handle
 * @property {[number, number]} target
 */

/**
 * The square of a photo that a model is to show. x, y: centre, size: side, pixels of the photo; angle: degrees
 *
 * @typedef {object} PhotoFrame
 * @property {number} x
 * @property {number} y
 * @property {number} size
 * @property {number} angle
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
 * @property {number | null} middle
 * @property {[string, string] | null} ends
 * @property {"handles" | "main" | "more"} panel
 */

/**
 * Limits of the server; docs/server.md says what happens beyond each.
 *
 * @typedef {object} Limits
 * @property {number} message_bytes
 * @property {number} upload_bytes
 * @property {number} photo_bytes
 * @property {number} photo_file_bytes
 * @property {number} photo_pixels
 * @property {number} photos_per_person
 * @property {number} photos
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
 * @property {number} stitched
 * @property {number} transfer_seeds
 * @property {number} transfer_results
 * @property {number} generators
 * @property {number} drags
 * @property {number} drags_per_person
 * @property {number} drags_waiting
 * @property {number} drags_waiting_per_person
 * @property {number} drags_kept
 * @property {number} drags_kept_per_person
 * @property {number} drag_days
 * @property {number} drag_bytes
 * @property {number} drag_bytes_per_person
 * @property {number} drag_steps
 * @property {number} drag_edit_bytes
 * @property {number} drag_uploads
 * @property {number} photo_jobs
 * @property {number} photo_jobs_waiting
 * @property {number} photo_jobs_waiting_per_person
 * @property {number} photos_kept_per_person
 * @property {number} photos_kept_bytes
 * @property {number} event_streams
 * @property {number} event_streams_per_person
 * @property {number} drain_seconds
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
 * A photo from which an edit starts.
 *
 * @typedef {object} PhotoStart
 * @property {string} file
 * @property {string} name
 * @property {"png" | "jpg" | "webp"} kind
 * @property {number} width
 * @property {number} height
 * @property {string} figures
 * @property {string} verdict
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
 * @property {"arrived" | "stalled" | "out_of_reach" | "max_steps" | "stopped" | "diverged" | "interrupted" | "recorded" | null} end
 * @property {number} picture
 * @property {string} label
 */

/**
 * A named edit. title: for a button.
 *
 * @typedef {object} NamedEditTitle
 * @property {string} name
 * @property {string} title
 */

/**
 * Facts about a model, for the editor's menu and for programs, which know it by name, never by path.
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
 * A public model that is not here.
 *
 * @typedef {object} ModelOffer
 * @property {string} name
 * @property {string} title
 * @property {string} shows
 * @property {number} width
 * @property {number} height
 * @property {string} size
 * @property {string} licence
 * @property {string | null} by_hand
 */

/**
 * A licence of offered models.
 *
 * @typedef {object} OfferedLicence
 * @property {string} key
 * @property {string} name
 * @property {string} consequences
 * @property {string | null} url
 * @property {boolean} asks
 * @property {boolean} accepted
 */

/**
 * The measuring of a model's statistics, which drags by Gauss-Newton steps need. model: see key_of. share: done,
 *
 * @typedef {object} Measuring
 * @property {string} model
 * @property {number} share
 */

/**
 * The download that goes on, or has failed.
 *
 * @typedef {object} Download
 * @property {string} model
 * @property {string} title
 * @property {number} done
 * @property {number | null} total
 * @property {boolean} stopping
 * @property {string | null} error
 * @property {boolean} mine
 */

/**
 * A face in a photo. frame: what the model is to show of it. box: a square about the face itself.
 *
 * @typedef {object} FoundFace
 * @property {PhotoFrame} frame
 * @property {PhotoFrame} box
 */

/**
 * A photo that is being brought into a model.
 *
 * @typedef {object} PhotoView
 * @property {string} photo
 * @property {string} name
 * @property {string} model
 * @property {"unfinished" | "waiting" | "projection" | "tuning" | "stopping" | "finishing" | "done" | "failed"} state
 * @property {PhotoFrame} frame
 * @property {number} width
 * @property {number} step
 * @property {number} total
 * @property {number | null} lpips
 * @property {number | null} seconds_left
 * @property {string} error
 * @property {string | null} session
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

/** @typedef {Hello | Seen | NewSession | OpenSession | ListSessions | RenameSession | ForgetSession | SetView | SetStart | AddPoint | MovePoint | Pull | RemovePoints | SetPoints | SetMask | Act | CheckHandle | CheckLocality | RegionPoints | ListNamedEdits | PlaceNamedEdit | SetSettings | ResetSettings | Goto | Scrub | ContinueFrom | Seeds | Export | CancelExport | Describe | ListModels | DownloadModel | StopDownload | StopMeasuring | FindFrame | InvertPhoto | PhotoAct | TransferTo | StopTransfer | KeepTransferred | ExportSessions} ClientMessage */

/** @typedef {Welcome | State | Progress | Ended | Sessions | Viewers | Mask | HandleQuality | Locality | Region | NamedEdits | Ways | ExportReady | ExportProgress | Text | Error | ModelList | ModelWork | FoundFrame | PhotoBegun | PhotoWork | TransferBegun | TransferSeed | TransferKept} ServerMessage */

export {};
