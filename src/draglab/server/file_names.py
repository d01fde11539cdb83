"""Names for files that people download, as every file system takes them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from draglab.editor.view import SessionView

MAX_MODEL_LETTERS = 50
"""Of a model's name in a file's; with four bytes for each, as many as a name may have."""


def export_name(view: SessionView, kind: str) -> str:
    """What an export of the state that is shown is called: model, seed, how many drags led to it.

    Args:
        kind: the suffix, without its dot.
    """
    rounds = 0
    nodes = {node.id: node for node in view.nodes}
    node = nodes.get(view.cursor)
    while node is not None and node.kind != "start":
        rounds += node.kind == "round" and node.frames > 0
        node = None if node.parent is None else nodes.get(node.parent)
    seed = view.start.seed
    parts = [safe(view.model) or "draglab", "image" if seed is None else f"seed{seed}"]
    return "-".join([*parts, *([f"round{rounds}"] if rounds else [])]) + f".{kind}"


def safe(text: str) -> str:
    """Letters and digits of any script, - and _; whatever else there is becomes one -, and none at the ends."""
    kept = "".join(char if char.isalnum() or char in "-_" else " " for char in unicodedata.normalize("NFC", text))
    return "-".join(kept.split())[:MAX_MODEL_LETTERS].strip("-")
