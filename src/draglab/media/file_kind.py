"""Recognition of common files by their first bytes, for messages when one is opened as an edit file."""

from __future__ import annotations

import re

HEAD_BYTES = 64
"""Number of bytes that recognition needs."""

_PICTURES = (
    (rb"\x89PNG\r\n", "a PNG picture"),
    (rb"\xff\xd8\xff", "a JPEG picture"),
    (rb"GIF8", "a GIF picture"),
    (rb"RIFF....WEBP", "a WebP picture"),
    (rb"BM.{12}[\x0c-\x7c]\0\0\0", "a BMP picture"),
    (rb"II\*\0|MM\0\*", "a TIFF picture"),
    (rb"....ftyp(heic|heix|mif1|msf1|avif|avis)", "a HEIC or AVIF picture"),
)
_FILMS = rb"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI "
_MODELS = rb".{5}\0\0\0\{|PK\x03\x04|\x80[\x02-\x05]|\x93NUMPY|\x89HDF"
_EDITS_OPEN = "open an edit file (.json) that draglab has saved"


def not_an_edit_file(data: bytes) -> str | None:
    """Say what a file is and what to do with it, as the rest of a sentence that begins with its name.

    Args:
        data: at least the first HEAD_BYTES bytes, or all of it.

    Returns:
        None: the file is of no known kind; it may be an edit file.
    """
    head = data[:HEAD_BYTES]
    for pattern, what in _PICTURES:
        if re.match(pattern, head, re.DOTALL):
            return (
                f"is {what}, not an edit file: a photo must first be brought into a model, with the command "
                f"draglab invert; here, {_EDITS_OPEN}"
            )
    if re.match(_FILMS, head, re.DOTALL):
        return f"is a video, not an edit file: {_EDITS_OPEN}"
    if head.startswith(b"%PDF"):
        return f"is a PDF document, not an edit file: {_EDITS_OPEN}"
    if re.match(_MODELS, head, re.DOTALL):
        return (
            "looks like a model, not an edit file: put models into the models folder (draglab edit --models FOLDER), "
            f"or give them to --model on the command line; here, {_EDITS_OPEN}"
        )
    return None
