/** Binary frames: u32 little-endian n, n bytes of JSON header, an encoded picture. */

/** @typedef {import("./wire_types.js").PictureHeader} PictureHeader */

/**
 * @param {ArrayBuffer} frame
 * @returns {{header: PictureHeader, picture: Blob}}
 */
export function decodePicture(frame) {
  const length = new DataView(frame).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(frame, 4, length)));
  return { header, picture: new Blob([new Uint8Array(frame, 4 + length)], { type: header.mime }) };
}

/**
 * A blob's bytes in base64, without the data URL's head.
 *
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
export function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result).split(",")[1] ?? ""));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}

/**
 * The picture of base64 text.
 *
 * @param {string} text
 * @param {string} mime
 */
export function blobOf(text, mime) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: mime });
}
