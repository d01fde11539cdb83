/** Photos and the files of inverted ones, on their way to the server. */

import { connection } from "../app.js";
import { endReading, showFraming, showReading } from "./dialog.js";
import { get } from "../store.js";
import { notify } from "../notices.js";

/**
 * Sends a file; what comes back, or null where it was refused, which has been said then.
 *
 * @param {string} address
 * @param {File} file
 * @param {"upload_bytes" | "photo_bytes" | "photo_file_bytes"} limit
 */
export async function sendFile(address, file, limit) {
  const most = get().welcome?.limits[limit] ?? Infinity;
  if (file.size > most) {
    notify(`${file.name} is too large: at most ${Math.round(most / 2 ** 20)} MB are taken.`, "error");
    return null;
  }
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { Authorization: `Bearer ${connection.token}`, "Content-Type": file.type || "application/octet-stream" },
      body: file,
    });
    const result = await answer.json();
    if (answer.ok) return result;
    notify(`${file.name} cannot be opened: ${result.error}`, "error");
  } catch {
    notify(`${file.name} could not be sent: no connection to draglab. Try again.`, "error");
  }
  return null;
}

/** Counts photos, of which the newest is shown. */
let newest = 0;

/** @param {File} file a picture: its frame is asked for */
export async function openPhoto(file) {
  const number = ++newest;
  showReading(file.name);
  const query = new URLSearchParams({ name: file.name, model: get().session?.model ?? "" });
  const draft = await sendFile(`/upload/photo?${query}`, file, "photo_bytes");
  // Another one was opened in the meantime: the server has dropped this one.
  if (number !== newest) return;
  if (draft) showFraming(draft);
  else endReading();
}

/** @param {File} file of an inverted photo @returns {Promise<string | null>} the session that shows it */
export async function openInverted(file) {
  const query = new URLSearchParams({ name: file.name });
  const answer = await sendFile(`/upload/inverted?${query}`, file, "photo_file_bytes");
  return answer?.session ?? null;
}
