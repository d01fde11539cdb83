"""Putting edits back into photos."""

from __future__ import annotations

import numpy as np
import pytest

from draglab import DraglabError
from draglab.inversion import Frame, cut, paste_back
from draglab.inversion.edited_region import border_fade, edited_share
from tests.inversion.pictures import smooth_picture

FRAME = Frame(150, 110, 128, 20)
SHAPE = (256, 256)


def disc(x: float, y: float, radius: float, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def edited(before: np.ndarray) -> np.ndarray:
    """With a red disc in the middle."""
    after = before.copy()
    after[disc(128, 128, 30)] = (250, 20, 20)
    return after


def test_no_edit_leaves_every_pixel() -> None:
    photo, before = smooth_picture(220, 300), smooth_picture(256, 256, 5)
    assert (paste_back(photo, FRAME, before, before.copy()) == photo).all()


@pytest.mark.parametrize("frame", [FRAME, Frame(150, 110, 600, -50), Frame(3, 4, 90, 0), Frame(150, 110, 200, 0)])
def test_the_edit_comes_where_it_belongs(frame: Frame) -> None:
    photo = smooth_picture(220, 300)
    before = cut(photo, frame, SHAPE)
    pasted = paste_back(photo, frame, before, edited(before))
    rows, columns = np.mgrid[:220, :300]
    in_crop = frame.to_crop(np.stack([columns, rows], -1), SHAPE)
    away = np.linalg.norm(in_crop - 128, axis=-1)
    pixel = 256 / frame.size
    assert np.abs(pasted[away < 28 - 2 * pixel].astype(int) - (250, 20, 20)).max(initial=0) < 30
    assert (pasted[away > 75] == photo[away > 75]).all()
    outside = ((in_crop < -0.5 - pixel) | (in_crop > 255.5 + pixel)).any(-1)
    assert (pasted[outside] == photo[outside]).all()
    assert (pasted != photo).any() == bool((away < 25).any())


def test_the_inversions_error_is_not_pasted() -> None:
    """What the model shows in wrong colours gets the photo's, inside the edit's soft border as well."""
    photo = smooth_picture(220, 300)
    before = (cut(photo, FRAME, SHAPE).astype(int) + (20, -15, 10)).clip(0, 255).astype(np.uint8)
    pasted = paste_back(photo, FRAME, before, edited(before)).astype(int)
    rows, columns = np.mgrid[:220, :300]
    away = np.linalg.norm(FRAME.to_crop(np.stack([columns, rows], -1), SHAPE) - 128, axis=-1)
    ring = (away > 36) & (away < 60)
    assert np.abs(pasted - photo)[ring].mean() < 4


def test_the_share_is_soft_and_fades_at_the_border_of_the_crop() -> None:
    photo = smooth_picture(220, 300)
    before = cut(photo, FRAME, SHAPE)
    everything = edited_share(before, before, 255 - before, 128)
    assert everything.min() > 0.99
    fade = border_fade(256, 256)
    assert fade[0].max() == fade[-1].max() == fade[:, 0].max() == fade[:, -1].max() == 0
    assert fade[30:-30, 30:-30].min() == 1
    share = edited_share(before, before, edited(before), 128)
    assert share[120:136, 120:136].min() > 0.99
    assert np.abs(np.diff(share, axis=0)).max() < 0.15
    assert (np.diff(share[60:128, 128]) >= -1e-3).all()
    pasted = paste_back(photo, Frame(150, 110, 128), before, 255 - before)
    assert (pasted[:46] == photo[:46]).all()
    assert (pasted[46:] != photo[46:]).any()


def test_what_the_model_shows_badly_is_not_taken() -> None:
    """A flag that is a blur in the inversion moves a little with the face: the photo's own pixels stay."""
    photo = smooth_picture(256, 256)
    flag = np.zeros((256, 256), bool)
    flag[20:120, 180:240] = True
    photo[flag] = (np.indices((256, 256)).sum(0) // 8 % 2 * 200)[flag][:, None]
    before = photo.copy()
    before[flag] = photo[flag].mean(0)
    after = edited(before)
    after[flag] = (after[flag].astype(int) + 25).clip(0, 255)
    share = edited_share(photo, before, after, 256)
    assert share[128, 128] > 0.99
    assert share[30:110, 190:230].max() == 0
    assert edited_share(before, before, after, 256)[30:110, 190:230].min() > 0.99


def test_small_parts_at_the_border_are_background() -> None:
    before = smooth_picture(256, 256)
    after = edited(before)
    after[:60, :40] = 255 - after[:60, :40]
    after[120:160, 30:60] = 255 - after[120:160, 30:60]
    share = edited_share(before, before, after, 256)
    assert share[:50, :30].max() == 0
    assert share[130:150, 40:50].min() > 0.99


def test_pictures_of_two_sizes() -> None:
    photo = smooth_picture(220, 300)
    with pytest.raises(DraglabError, match="differ in size"):
        paste_back(photo, FRAME, smooth_picture(256, 256), smooth_picture(128, 128))
