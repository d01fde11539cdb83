/**
 * Starts the page.
 *
 * What comes from the server is in `store`, put there by `app` (messages) and `pictures`; `preferences` is what this
 * browser remembers. What a hand is doing is in `stage/gesture` and `tools/`. `stage/` draws, `panels/`, `history`,
 * `status` and the dialogs show the store, and everybody who changes something sends a message, mostly through `actions`.
 */

import "./stage/crosshair.js";
import "./stage/painter.js";
import "./stage/pointer.js";
import "./stage/zoom.js";
import "./keys.js";
import { connection } from "./app.js";
import { initHandles } from "./panels/handles.js";
import { initNamed } from "./panels/named.js";
import { initHeld } from "./stage/held.js";
import { initHint } from "./panels/hint.js";
import { initHistory } from "./history.js";
import { initMask } from "./panels/mask.js";
import { initModels } from "./models/models.js";
import { initOpen } from "./open.js";
import { initSettings } from "./panels/settings.js";
import { initStart } from "./panels/start.js";
import { initStatus } from "./status.js";
import { initTransfer } from "./transfer/drawer.js";
import { initUndo } from "./undo.js";

initStatus();
// Before the start image, so that the history's thumbnails are asked for before the seeds'.
initHistory();
initModels();
initStart();
initHandles();
initNamed();
initHeld();
initHint();
initMask();
initSettings();
initOpen();
initTransfer();
initUndo();

connection.open();
