"""Photos of hands: split by person, augmentation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recipes.augment import Augmentation
from recipes.data import batches_of
from recipes.hands.data import Photos, jittered, person_of


def write_photos(folder: Path, people: int) -> Path:
    """A bright finger on grey for each digit of each person, numbered as a camera does; digit d is d * 9 px higher."""
    random = np.random.RandomState(0)
    number = 100
    for person in range(people):
        for digit in range(10):
            if person == 2 and digit == 4:
                continue
            number += 1
            pixels = np.full((100, 100, 3), 100 + 5 * person, np.uint8)
            pixels[95 - 9 * digit :, 40:60] = 220 - random.randint(20)
            (folder / str(digit)).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / str(digit) / f"IMG_{number}.JPG")
    return folder


def test_a_digit_that_does_not_rise_begins_the_next_person() -> None:
    shots = [(1, 0), (2, 1), (3, 9), (5, 0), (6, 3), (7, 3), (8, 4)]
    assert person_of(shots) == [0, 0, 0, 1, 1, 2, 2]


def test_every_tenth_person_is_held_out_and_nobody_is_on_both_sides(tmp_path: Path) -> None:
    folder = write_photos(tmp_path, 11)
    train, held_out = Photos(folder, 32), Photos(folder, 32, held_out=True)
    assert set(held_out.people.tolist()) == {9}
    assert held_out.digits.tolist() == list(range(10))
    assert set(train.people.tolist()) == {*range(9), 10}
    assert len(train) == 99
    # Person 9's background is in none of the training photos.
    corners = train.images[:, 0, 0, 0].int()
    assert (corners - int(held_out.images[0, 0, 0, 0])).abs().min() >= 3


def test_no_photos_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no photos"):
        Photos(tmp_path)


def test_batches_are_the_same_after_a_restart() -> None:
    unbroken, resumed = batches_of(29, 8, 0), batches_of(29, 8, 16)
    first = [next(unbroken) for _ in range(6)]
    assert [batch.tolist() for batch in first[2:4]] == [next(resumed).tolist() for _ in range(2)]
    seen = torch.cat(first[:3])
    assert len(seen.unique()) == 24


def test_jitter_moves_a_little_and_keeps_range() -> None:
    torch.manual_seed(0)
    images = torch.zeros(64, 3, 32, 32)
    images[..., 16, 16] = 1
    moved = jittered(images)
    assert moved.min() >= 0 and moved.max() <= 1
    at = moved[:, 0].flatten(1).argmax(1)
    offset = torch.stack([at % 32 - 16, at // 32 - 16]).float()
    assert 0 < offset.abs().max() <= 3
    assert len(at.unique()) > 4
    assert jittered(images, 0) is images


def test_augmentation_changes_a_photo_and_its_reconstruction_alike() -> None:
    torch.manual_seed(0)
    images = torch.rand(6, 3, 32, 32) * 2 - 1
    change = Augmentation.draw(12)
    both = change(torch.cat([images, images]))
    assert torch.equal(change[:6](images), both[:6])
    assert (both[6:] - both[:6]).abs().mean() > 0.1
    assert torch.allclose(Augmentation.draw(6, strength=0)(images), images, atol=1e-6)


def test_augmentation_moves_whole_pixels_and_cuts_a_hole() -> None:
    torch.manual_seed(1)
    change = Augmentation.draw(16)
    pixels = torch.rand(1, 1, 64, 64).expand(16, 3, 64, 64)
    plain = Augmentation(torch.zeros(16, 1, 1, 1), torch.ones(1), torch.ones(1), change.shift, change.hole, 0.5)
    moved = plain(pixels)
    for image, (x, y) in zip(moved, (change.shift * 64).round().int().tolist(), strict=True):
        # Output pixel (30, 30) shows input pixel (30 + x, 30 + y), unless it lies in the hole.
        assert float(image[0, 30, 30]) in (pytest.approx(float(pixels[0, 0, 30 + y, 30 + x])), 0)
    hidden = (moved == 0).all(1).float().mean((1, 2))
    assert hidden.min() > 0.04
    assert hidden.max() < 0.55
