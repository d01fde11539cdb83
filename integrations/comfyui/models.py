"""The models that the nodes offer, and the one that is in memory."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.checkpoints import list_models, load_generator
from draglab.checkpoints.statistics import add_statistics
from draglab.generators import Generator, to_uint8

FILE_TIP = (
    "The path of a model file of your own, StyleGAN2 or StyleGAN3: .pkl, .pt, .safetensors. It takes the place of the "
    "model above; empty = not used."
)
DEFAULT = "heads"


def model_names() -> list[str]:
    """List the names of the bundled models; others are named by `model_file`."""
    return [entry.name for entry in list_models()]


@lru_cache(maxsize=1)
def open_generator(name_or_path: str) -> Generator:
    """Load a model, and keep the last one in memory.

    Raises:
        DraglabError: there is no such model, or it cannot be used.
    """
    generator = load_generator(name_or_path)
    # Measured once for a model that has none, and kept; with them, drags take a few steps.
    add_statistics(generator)
    return generator


def picture_of(generator: Generator, w_plus: Tensor) -> NDArray[np.uint8]:
    """Compute the picture of a latent [1, num_ws, w_dim], uint8 [H, W, 3]."""
    with torch.no_grad():
        return to_uint8(generator.image(w_plus))[0]
