"""Weights of pixels and of scenes, and that the losses heed them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="the head renderer needs numba")
pytest.importorskip("scipy", reason="the head renderer needs scipy")

from recipes.generators import reconstruction_loss
from recipes.heads.attributes import NAMES, attributes_of_all
from recipes.heads.emphasis import attention, emphasised
from recipes.heads.scene import Z_DIM
from recipes.squeezenet import perceptual_distance

EYES, MOUTH = [(22.0, 25.0), (42.0, 25.0)], (32.0, 45.0)


def landmarks(size: int) -> torch.Tensor:
    """Eyes and mouth of a picture of 64 px, enlarged to `size`; all else in a corner."""
    points = torch.full((1, 68, 2), 2.0)
    points[:, 36:42], points[:, 42:48] = torch.tensor(EYES[0]), torch.tensor(EYES[1])
    points[:, 48:] = torch.tensor(MOUTH)
    return (points + 0.5) * size / 64 - 0.5


def test_eyes_and_mouth_weigh_most() -> None:
    weights = attention(landmarks(64), 64, 64)
    assert weights.shape == (1, 1, 64, 64) and float(weights.mean()) == pytest.approx(1)
    elsewhere = float(weights[0, 0, 2, 2])
    for (x, y), times in ((EYES[0], 31), (EYES[1], 31), (MOUTH, 9)):
        assert float(weights[0, 0, int(y), int(x)]) / elsewhere == pytest.approx(times, rel=0.02)


def test_weights_do_not_depend_on_the_size_of_the_renders() -> None:
    torch.testing.assert_close(attention(landmarks(256), 256, 32), attention(landmarks(64), 64, 32))


def test_scenes_with_closing_lids_come_four_times() -> None:
    z = torch.from_numpy(np.random.RandomState(0).randn(200, Z_DIM).astype(np.float32))
    closing = attributes_of_all(z)[:, NAMES.index("blink")] > 0.2
    counts = torch.bincount(emphasised(z), minlength=len(z))
    assert 0 < int(closing.sum()) < 60
    assert counts.tolist() == torch.where(closing, 4, 1).tolist()


def test_losses_heed_the_weights() -> None:
    references = torch.zeros(1, 3, 32, 32)
    images = references.clone()
    images[..., 4:8, 4:8] = 0.5
    weights = torch.zeros(1, 1, 32, 32)
    weights[..., 16:] = 2
    assert float(reconstruction_loss(images, references, weights)) == 0
    torch.testing.assert_close(
        reconstruction_loss(images, references, weights.flip(3)), 2 * reconstruction_loss(images, references)
    )
    names = ("conv1", "fire2", "fire3", "fire4")
    found, wanted = ({name: x.expand(1, 4, 8, 8).clone() for name in names} for x in torch.ones(2, 1, 1, 1, 1))
    for name in names:
        found[name][..., 1, 1] = torch.tensor([3.0, 0, 0, 0])
    assert float(perceptual_distance(found, wanted, weights)) == 0
    torch.testing.assert_close(
        perceptual_distance(found, wanted, weights.flip(3)), 2 * perceptual_distance(found, wanted)
    )
