"""Conversion of model files to draglab's own format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from draglab.checkpoints.loader import ModelFile, inspect_file, open_model
from draglab.checkpoints.native import save_generator


def convert_model(
    source: str | Path, target: str | Path, half: bool = False, card: Mapping[str, object] | None = None
) -> ModelFile:
    """Write any model file that draglab opens as safetensors.

    Args:
        source: a file or folder, as for :func:`open_model`. target: the file to write, complete or not at all.
        half: store the weights in half precision.
        card: facts about the model beyond those in the file, JSON values.

    Returns:
        The facts about `source`.

    Raises:
        DraglabError: the model cannot be opened, or the file cannot be written.
    """
    found = inspect_file(source)
    facts = {key: value for key, value in found.facts.items() if isinstance(value, str | int | float | bool)}
    generator = open_model(source)
    whole = {"converted from": found.format, **facts, **(card or {})}
    save_generator(generator, target, torch.float16 if half else torch.float32, whole)
    return found
