"""Photos of hands: reading, splitting by person, mild augmentation, batches."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from recipes.data import shrink, to_float

HOLD_OUT_EVERY = 10
ROTATION, SCALE, SHIFT = 6.0, 0.05, 0.04


def person_of(shots: list[tuple[int, int]]) -> list[int]:
    """Index of the person in each photo, from (file number, digit) in the order of the numbers.

    Everybody signed the digits 0 to 9 in turn, so a digit that does not rise begins the next person.
    """
    people, person, last = [], -1, 10
    for _, digit in shots:
        person += digit <= last
        people.append(person)
        last = digit
    return people


class Photos:
    """The photos of one side of the split, in memory.

    Attributes:
        images: [N, 3, S, S] uint8, in the order of the file numbers. digits, people: [N] int64.
    """

    def __init__(self, folder: str | Path, size: int = 128, held_out: bool = False, limit: int | None = None):
        """`folder` holds 0/ to 9/ with *.JPG; every tenth person is held out."""
        paths = [path for path in Path(folder).glob("[0-9]/*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
        if not paths:
            raise SystemExit(f"no photos in {folder}: it should hold folders 0 to 9 of JPG files")
        shots = sorted((int(re.sub(r"\D", "", path.stem)), int(path.parent.name), path) for path in paths)
        people = person_of([(number, digit) for number, digit, _ in shots])
        chosen = [
            (digit, person, path)
            for (_, digit, path), person in zip(shots, people, strict=True)
            if (person % HOLD_OUT_EVERY == HOLD_OUT_EVERY - 1) == held_out
        ][:limit]
        pixels = np.stack([read_photo(path, size) for *_, path in chosen])
        # The bytes stay in HWC order, which is what channels_last batches want.
        self.images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        self.digits = torch.tensor([digit for digit, *_ in chosen])
        self.people = torch.tensor([person for _, person, _ in chosen])

    def __len__(self) -> int:
        return len(self.images)

    def floats(self, indices: Tensor | slice, resolution: int) -> Tensor:
        """Photos [N, 3, r, r] in [-1, 1]."""
        return shrink(to_float(self.images[indices]), resolution).contiguous(memory_format=torch.channels_last)


def read_photo(path: Path, size: int) -> np.ndarray:
    """One photo [size, size, 3] uint8, resampled by Lanczos."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS))


def jittered(images: Tensor, strength: float = 1.0) -> Tensor:
    """Images [N, C, H, W], each turned, scaled and moved at random; edges are mirrored.

    At strength 1 by up to 6 degrees, 5 % and 4 % of the width: few photos, many people whose hands lie elsewhere.
    """
    if strength == 0:
        return images
    count = len(images)
    angle, zoom, x, y = (torch.rand(4, count) * 2 - 1) * strength
    angle, zoom = angle * np.deg2rad(ROTATION), 1 + zoom * SCALE
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = zoom * angle.cos(), -zoom * angle.sin()
    theta[:, 1, 0], theta[:, 1, 1] = zoom * angle.sin(), zoom * angle.cos()
    theta[:, 0, 2], theta[:, 1, 2] = 2 * SHIFT * x, 2 * SHIFT * y
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)
