"""Stitching on a small random model: the seam becomes the photo's, the inside stays the edit's."""

from __future__ import annotations

import numpy as np
import pytest

from draglab.generators import to_uint8
from draglab.inversion import InversionSettings, invert, whole_frame
from draglab.inversion.likeness import Likeness
from draglab.inversion.pasting import make_patch
from draglab.inversion.stitching import LOOSE, Stitching, regions
from tests.inversion.pictures import smooth_picture
from tests.tiny import tiny_generator


@pytest.fixture(scope="module")
def photo():
    settings = InversionSettings(projection_steps=5, tuning_steps=25, tuning_step=0.02, enough=0)
    return invert(tiny_generator(img_resolution=64), smooth_picture(90, 90), whole_frame((90, 90), (64, 64)), settings)


@pytest.fixture(scope="module")
def edit(photo):
    return photo.w_plus.lerp(photo.generator.w_plus_from_seed(5), 0.6)


def test_regions_of_an_edit_in_the_middle_and_of_one_at_the_border() -> None:
    share = np.zeros((100, 100), np.float32)
    share[20:80, 25:75] = 1
    seam, inside = regions(share)
    assert not (seam * inside).any()
    assert (inside == 1).sum() == (60 - 6) * (50 - 6)
    assert (inside == np.float32(LOOSE)).sum() == 60 * 50 - (60 - 6) * (50 - 6)
    assert seam.sum() == 66 * 56 - 60 * 50
    seam, inside = regions(np.ones((100, 100), np.float32))
    assert seam[:3].min() == seam[:, -3:].min() == 1
    assert seam[3:-3, 3:-3].max() == 0
    assert inside[13:-13, 13:-13].min() == 1
    assert inside[:12].max() == inside[:, -12:].max() == np.float32(LOOSE)
    assert inside[:3].max() == 0


def test_the_seam_is_learned_and_the_edit_kept(photo, edit) -> None:
    after = to_uint8(photo.generator.image(edit))[0]
    patch = make_patch(photo.pixels, photo.frame, photo.image(), after)
    before = photo.generator.sha256
    likeness = Likeness(photo.generator, patch.crop, photo.frame.size)
    stitching = Stitching(photo.generator, edit, patch, likeness, 40, InversionSettings(tuning_step=0.01))
    seam, inside = (one == 1 for one in regions(patch.share))
    assert seam.any()
    assert inside.any()
    wanted = np.where(inside[..., None], patch.picture, patch.crop)

    def off(region: np.ndarray) -> float:
        return float(np.abs(stitching.picture() - wanted)[region].mean())

    first = off(seam), off(inside)
    losses = [stitching.step() for _ in range(40)]
    assert stitching.done == 40
    assert losses[-1] < 0.6 * losses[0]
    assert off(seam) < 0.6 * first[0]
    assert off(inside) < first[1] + 3
    assert photo.generator.sha256 == before
    assert not any(weight.requires_grad for weight in stitching.generator.parameters())
    assert stitching.share()[0].max() == 0
    assert (stitching.share() <= patch.share).all()


def test_a_stitched_photo(photo, edit) -> None:
    made = []
    whole = photo.stitch(edit, steps=3, progress=lambda done, steps: made.append((done, steps)))
    assert made == [(1, 3), (2, 3), (3, 3)]
    assert whole.shape == photo.pixels.shape
    assert (whole != photo.pixels).any()
    assert (photo.stitch(photo.w_plus, steps=3) == photo.pixels).all()
