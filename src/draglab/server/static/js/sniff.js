/** What a file is by its first bytes, so that each goes where it belongs, and nothing is sent that cannot be opened. */

const OPENS = "open a photo, or a file that draglab has saved.";

/** Over the first bytes, one character each: pictures, and what draglab's server may read if it has the reader. */
const PICTURES =
  /^(\x89PNG\r\n|\xff\xd8\xff|GIF8|RIFF[^]{4}WEBP|BM[^]{12}[\x0c-\x7c]\0\0\0|II\*\0|MM\0\*|P[1-6]\s|[^]{4}ftyp(heic|heix|hevc|heim|heis|mif1|msf1|avif|avis))/;
const FILMS = /^([^]{4}ftyp|\x1a\x45\xdf\xa3|RIFF[^]{4}AVI )/;
const CONTAINER = /^[^]{5}\0\0\0\{/;
const MODELS = /^(PK\x03\x04|\x80[\x02-\x05]|\x93NUMPY|\x89HDF)/;
const INVERTED = "draglab-photo";
/** How much of a container's header is looked through. */
const HEADER = 1 << 20;

/**
 * @typedef {{kind: "edit" | "photo" | "inverted"} | {kind: "other", problem: string}} Found
 *   problem: the rest of a sentence that begins with the file's name
 */

/** @param {Blob} part one character for each byte */
async function textOf(part) {
  return new TextDecoder("latin1").decode(await part.arrayBuffer());
}

/** @param {Blob} file @returns {Promise<Found>} */
export async function kindOf(file) {
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 64).arrayBuffer()));
  if (PICTURES.test(head)) return { kind: "photo" };
  if (FILMS.test(head)) return { kind: "other", problem: `is a video: ${OPENS}` };
  if (head.startsWith("%PDF")) return { kind: "other", problem: `is a PDF document: ${OPENS}` };
  if (CONTAINER.test(head) && (await textOf(file.slice(8, HEADER))).includes(INVERTED)) return { kind: "inverted" };
  if (CONTAINER.test(head) || MODELS.test(head)) {
    const problem =
      "looks like a model. Put it into the models folder (draglab edit --models FOLDER), start draglab again and choose " +
      `it under Start image. Here, ${OPENS}`;
    return { kind: "other", problem };
  }
  return { kind: file.type.startsWith("image/") ? "photo" : "edit" };
}
