"""Export of many documents into one file: their images and edit files."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from draglab.editor.branch import edit_file_of
from draglab.editor.document import Document
from draglab.editor.pictures import render, shot_of
from draglab.errors import DraglabError
from draglab.files import check_writable, write_atomically
from draglab.media.edit_file import encode_edit_file
from draglab.media.images import encode_image
from draglab.media.provenance.origin import edited_by


def export_many(documents: Sequence[Document], path: Path, mark: bool = False) -> Iterator[float]:
    """Write a ZIP with the current image of each document, as PNG, and its edit file, in pieces: iterate to the end.

    Files are named by the seeds, as in `seed7.png` and `seed7.json`. The call itself checks the documents and fixes
    what is written.

    Args:
        mark: whether the images bear the visible mark; where DRAGLAB_MARK is on, they do.

    Yields:
        the share that is done, from 0 to 1.

    Raises:
        DraglabError: there are none, they are not of one model, one shows a photo or has no drag, or the file cannot be
            written.
    """
    if not documents:
        raise DraglabError("there is nothing to export: keep something first")
    check_writable(path)
    nodes = [document.history.node for document in documents]
    starts = [document.history.start_of(node) for document, node in zip(documents, nodes, strict=True)]
    if len({start.model for start in starts}) > 1 or any(start.photo is not None for start in starts):
        raise DraglabError("only images of one model, and no photos, can be exported together: export them one by one")
    edits = [edit_file_of(document) for document in documents]
    shots = [shot_of(document, node) for document, node in zip(documents, nodes, strict=True)]
    names = _different(["image" if start.seed is None else f"seed{start.seed}" for start in starts])

    def pieces() -> Iterator[float]:
        with write_atomically(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for index, (name, edit, shot) in enumerate(zip(names, edits, shots, strict=True)):
                pixels = render(shot.generator, shot.w_plus)
                archive.writestr(f"{name}.png", encode_image(pixels, edited_by(edit).with_mark(mark)))
                archive.writestr(f"{name}.json", encode_edit_file(edit))
                yield (index + 1) / len(names)

    return pieces()


def _different(names: Sequence[str]) -> list[str]:
    """Number names that come again: "seed7", "seed7-2"."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return found
