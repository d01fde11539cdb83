/** What a file is by its first bytes, so that nothing is sent that cannot be opened. */

const EDITS_OPEN = "open an edit file (.json) that draglab has saved.";

/** @type {[RegExp, string][]} over the first bytes, one character each */
const PICTURES = [
  [/^\x89PNG\r\n/, "a PNG picture"],
  [/^\xff\xd8\xff/, "a JPEG picture"],
  [/^GIF8/, "a GIF picture"],
  [/^RIFF[^]{4}WEBP/, "a WebP picture"],
  [/^BM[^]{12}[\x0c-\x7c]\0\0\0/, "a BMP picture"],
  [/^(II\*\0|MM\0\*)/, "a TIFF picture"],
  [/^[^]{4}ftyp(heic|heix|mif1|msf1|avif|avis)/, "a HEIC or AVIF picture"],
];
const FILMS = /^([^]{4}ftyp|\x1a\x45\xdf\xa3|RIFF[^]{4}AVI )/;
const MODELS = /^([^]{5}\0\0\0\{|PK\x03\x04|\x80[\x02-\x05]|\x93NUMPY|\x89HDF)/;

/**
 * What a file is that is no edit file, as the rest of a sentence that begins with its name; null: it may be one.
 *
 * @param {Blob} file
 */
export async function notAnEditFile(file) {
  const bytes = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const head = String.fromCharCode(...bytes);
  const picture = PICTURES.find(([pattern]) => pattern.test(head));
  if (picture) {
    return `is ${picture[1]}. draglab edits images that a model makes, so pictures and photos cannot be opened: ${EDITS_OPEN}`;
  }
  if (FILMS.test(head)) return `is a video: ${EDITS_OPEN}`;
  if (head.startsWith("%PDF")) return `is a PDF document: ${EDITS_OPEN}`;
  if (MODELS.test(head)) {
    return (
      "looks like a model. Put it into the models folder (draglab edit --models FOLDER), start draglab again and choose " +
      `it under Start image. Here, ${EDITS_OPEN}`
    );
  }
  return null;
}
