"""States of unfinished inversions on disk, from which they go on after any end of the process."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.errors import DraglabError
from draglab.files import read_bytes, write_atomically
from draglab.inversion.photo_file import pixel_hash, read_photo_file
from draglab.inversion.run import Inversion

SUFFIX = ".resume"
INTERVAL = 15.0
"""Seconds between two states; one of 1024 px takes 0.2 s to write."""
_LIMIT = 2 << 30
_FORMAT = "draglab-inversion"


class ResumeFile:
    """The file beside an inversion's output in which its state is kept.

    Args:
        output: where the result will be.
    """

    def __init__(self, output: Path):
        self.path = output.with_name(output.name + SUFFIX)
        self._kept = float("-inf")  # the first step is kept

    def keep(self, inversion: Inversion) -> None:
        """Write the state if the last one is old.

        Raises:
            DraglabError: the file cannot be written.
        """
        if time.monotonic() - self._kept >= INTERVAL:
            self.write(inversion)

    def write(self, inversion: Inversion) -> None:
        """Write the state, complete or not at all.

        Raises:
            DraglabError: the file cannot be written.
        """
        tensors = {name: _packed(tensor) for name, tensor in inversion.state().items()}
        metadata = {"format": _FORMAT, **inversion.identity()}
        with write_atomically(self.path) as temporary:
            safetensors.torch.save_file(tensors, temporary, metadata)
        self._kept = time.monotonic()

    def restore(self, inversion: Inversion) -> bool:
        """Let an inversion go on from the file; return whether there is one.

        Raises:
            DraglabError: it is damaged, or of another photo, frame, model or settings.
        """
        if not self.path.is_file():
            return False
        data = read_bytes(self.path, "unfinished inversion", _LIMIT)
        wanted = {"format": _FORMAT, **inversion.identity()}
        try:
            found = _metadata(self.path)
            different = [name for name, value in wanted.items() if found.get(name) != value]
            if different:
                raise DraglabError(
                    f"{self.path} is of an inversion with another {different[0]}: repeat the command that was ended, "
                    "or leave --resume out to begin anew"
                )
            inversion.restore(safetensors.torch.load(data))
        except (safetensors.SafetensorError, KeyError, RuntimeError, ValueError, TypeError):
            raise DraglabError(f"{self.path} is damaged: leave --resume out to begin anew") from None
        return True

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)


def is_inverted(path: Path, pixels: NDArray[np.uint8], model_sha256: str) -> bool:
    """Return whether a file is the finished inversion of a photo into a model.

    Args:
        pixels: the photo, uint8 [H, W, 3]. model_sha256: hash of the model.
    """
    try:
        info = read_photo_file(path).info
    except DraglabError:
        return False
    return info.photo_sha256 == pixel_hash(pixels) and info.model_sha256 == model_sha256


def _packed(tensor: Tensor) -> Tensor:
    """Return a copy that shares its memory with no other tensor."""
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)


def _metadata(path: Path) -> dict[str, str]:
    with safetensors.safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})
