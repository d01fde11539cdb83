"""A model in which a drag has a meaning: its features are spots, and latents say where they are."""

from __future__ import annotations

import numpy as np
import torch

from draglab.dragging import DragSettings
from draglab.generators import Generator
from draglab.generators.statistics import measure_statistics
from tests.extending.toy_architecture import Spots, SpotsConfig

FAST = DragSettings(descent="gauss-newton", max_steps=12, feature_resolution=64)


def make_spots() -> Generator:
    """Make the model, with statistics."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        generator = Spots(SpotsConfig(64), "spots")
    generator.statistics = measure_statistics(generator)
    return generator


def spot_of(generator: Generator, w_plus: torch.Tensor) -> np.ndarray:
    """Place of the first spot, in pixels."""
    place = torch.einsum("nw,saw->nsa", w_plus[:, 0], generator.synthesis.place).tanh() / 2 + 0.5
    return (place[0, 0] * generator.img_resolution - 0.5).numpy()
