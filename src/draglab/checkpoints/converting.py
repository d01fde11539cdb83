"""Conversion of model files to draglab's own format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from draglab.checkpoints.loader import ModelFile, inspect_file, open_model
from draglab.checkpoints.native import save_generator
from draglab.checkpoints.statistics import add_statistics


def convert_model(
    source: str | Path,
    target: str | Path,
    half: bool = False,
    card: Mapping[str, object] | None = None,
    progress: Callable[[float], None] | None = None,
) -> ModelFile:
    """Write any model file that draglab opens as safetensors, with the statistics of its latents.

    Measuring these takes most of the time, about 20 s at 1024 px on a CPU core, unless they are known.

    Args:
        source: a file or folder, as for :func:`open_model`. target: the file to write, complete or not at all.
        half: store the weights in half precision.
        card: facts about the model beyond those in the file, JSON values.
        progress: called with the share of the statistics that is measured; it may raise an exception to stop.

    Returns:
        The facts about `source`.

    Raises:
        DraglabError: the model cannot be opened, or the file cannot be written.
    """
    found = inspect_file(source)
    # Settings of drags belong to the model; how its weights were stored in this file does not.
    facts = {
        key: value
        for key, value in found.facts.items()
        if key != "stored as" and (key == "drag_settings" or isinstance(value, str | int | float | bool))
    }
    generator = open_model(source)
    add_statistics(generator, progress)
    whole = {"converted from": found.format, **facts, **(card or {})}
    save_generator(generator, target, torch.float16 if half else torch.float32, whole)
    return found
