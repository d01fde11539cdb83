"""Ten drags whose numbers stay what they are: losses, handles and latents of every step, free and masked.

`python -m tests.dragging.test_pinned` writes pinned.npz anew: do that only when the numbers are meant to change, and
say why in the commit. In float64, so that machines differ by rounding only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import draglab
from draglab import DragEdit, DragSettings
from draglab.generators import Generator, StyleGAN3, StyleGAN3Config
from tests.tiny import tiny_generator

PINNED = Path(__file__).with_name("pinned.npz")
STEPS = 6
BEFORE = {"mask_limit": None, "descent": "adam"}
"""Settings that came after the numbers."""
ONE = ([[12.0, 14.0]], [[18.0, 14.5]])
THREE = ([[12.0, 14.0], [22.0, 20.0], [6.5, 25.0]], [[18.0, 14.0], [22.0, 12.0], [9.0, 22.0]])


def _settings(**changes: Any) -> DragSettings:
    return DragSettings(**{"max_steps": STEPS, "patience": None, "stop_distance": 1e-6, **BEFORE, **changes})


def _mask(height: int = 32, width: int = 32, soft: bool = False) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    inside = np.hypot(columns - 15, rows - 15) < 10
    return np.where(inside, 1.0, 0.25 * (columns % 4 == 0)) if soft else inside


def _stylegan3() -> StyleGAN3:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = StyleGAN3Config(32, margin_size=6, z_dim=16, w_dim=16, channel_base=512, channel_max=16, num_layers=8)
        generator = StyleGAN3(config, name="tiny3")
        generator.synthesis.input.affine.weight.normal_()
        return generator


_PAPER = DragSettings.paper(
    max_steps=STEPS, stop_distance=1e-6, feature_resolution=16, step_size=0.02, step_unit="absolute"
)
_CASES: dict[str, tuple[str, DragEdit, DragSettings]] = {
    "free": ("plain", DragEdit(*ONE), _settings()),
    "several handles": ("plain", DragEdit(*THREE), _settings()),
    "masked": ("plain", DragEdit(*ONE, _mask()), _settings(mask_weight=5.0)),
    "soft mask": ("plain", DragEdit(*THREE, _mask(soft=True)), _settings()),
    "w": ("plain", DragEdit(*ONE), _settings(latent_space="w", regularize_start=0.1, regularize_mean=0.1)),
    "bfloat16": ("plain", DragEdit(*ONE), _settings(precision="bfloat16")),
    "paper": ("plain", DragEdit([[12, 14]], [[18, 14]], _mask()), _PAPER),
    "stylegan3": ("stylegan3", DragEdit(*ONE, _mask()), _settings()),
    "rectangular": ("wide", DragEdit([[6.0, 9.0]], [[10.0, 14.0]], _mask(32, 16)), _settings()),
}
_BATCH = "batch"
NAMES = [*_CASES, _BATCH]


def _generator(name: str) -> Generator:
    if name == "stylegan3":
        return _stylegan3().double()
    return tiny_generator(**({"base_width": 2} if name == "wide" else {})).double()


def _row(step: draglab.DragStep) -> np.ndarray:
    losses = [step.loss, step.motion_loss, step.mask_loss]
    return np.concatenate([losses, step.handles.ravel(), step.w_plus.double().numpy().ravel()])


def numbers_of(name: str) -> np.ndarray:
    """Losses, handles and latent of every step, [steps, n] float64; of all drags of the batch, one after the other."""
    if name != _BATCH:
        model, edit, settings = _CASES[name]
        generator = _generator(model)
        return np.stack([_row(s) for s in draglab.drag_steps(generator, generator.w_plus_from_seed(1), edit, settings)])
    generator = _generator("plain")
    edits = [DragEdit(*ONE), DragEdit([[20.0, 10.0]], [[15.0, 12.0]]), DragEdit([[8.0, 22.0]], [[10.0, 17.0]])]
    latents = torch.cat([generator.w_plus_from_seed(seed) for seed in (1, 2, 3)])
    rows: dict[int, list[np.ndarray]] = {0: [], 1: [], 2: []}
    draglab.drag_many(generator, latents, edits, _settings(), lambda number, step: rows[number].append(_row(step)))
    return np.concatenate([np.stack(rows[number]) for number in range(3)])


@pytest.mark.parametrize("name", NAMES)
def test_drags_give_the_numbers_that_they_gave(name: str) -> None:
    with np.load(PINNED) as pinned:
        wanted = pinned[name]
    # Features in bfloat16 are rounded so coarsely that another order of additions may show.
    rtol, atol = (1e-2, 1e-2) if name == "bfloat16" else (1e-8, 1e-10)
    np.testing.assert_allclose(numbers_of(name), wanted, rtol=rtol, atol=atol)


if __name__ == "__main__":
    torch.manual_seed(0)
    np.savez_compressed(PINNED, **{name: numbers_of(name) for name in NAMES})  # pyright: ignore[reportArgumentType]
