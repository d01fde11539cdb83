"""Names of downloaded files, valid on every file system."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from draglab.editor.view import SessionView

MAX_MODEL_LETTERS = 50
"""Letters of a model's name that are used: with four bytes each, the file's name is still short enough."""


def export_name(view: SessionView, kind: str, scope: str = "image") -> str:
    """Return the name of an export of the shown state, made of the model, the seed and the number of drags.

    That of a photo is made of the photo's name.

    Args:
        kind: suffix, without the dot. scope: see draglab.editor.export.Scope.
    """
    if view.photo is not None and (kind == "draglab" or scope == "photo"):
        return f"{view.photo.name}{'-edited' if scope == 'photo' else ''}.{kind}"
    rounds = 0
    nodes = {node.id: node for node in view.nodes}
    node = nodes.get(view.cursor)
    while node is not None and node.kind != "start":
        rounds += node.kind == "round" and node.frames > 0
        node = None if node.parent is None else nodes.get(node.parent)
    seed = view.start.seed
    parts = [safe(view.model) or "draglab", "image" if seed is None else f"seed{seed}"]
    if view.photo is not None:
        parts = [view.photo.name]
    return "-".join([*parts, *([f"round{rounds}"] if rounds else [])]) + f".{kind}"


def safe(text: str) -> str:
    """Reduce a text to letters and digits of any script, - and _; anything else between them becomes one -."""
    kept = "".join(char if char.isalnum() or char in "-_" else " " for char in unicodedata.normalize("NFC", text))
    return "-".join(kept.split())[:MAX_MODEL_LETTERS].strip("-")
