"""Contact sheets of the model's card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from draglab.generators import Generator, to_uint8

COLUMNS = 8
_GAP = 16


@torch.no_grad()
def samples_of(generator: Generator, seeds: list[int], batch: int = 16) -> Tensor:
    """Images [N, 3, H, W] in [-1, 1] of seeds."""
    latents = torch.cat([generator.w_plus_from_seed(seed) for seed in seeds])
    return torch.cat([generator.image(part) for part in latents.split(batch)]).clamp(-1, 1)


@torch.no_grad()
def interpolations(generator: Generator, rows: int = 8, first_seed: int = 101) -> Tensor:
    """[rows x 8, 3, H, W]: each row goes straight in w from one seed to another."""
    made = []
    for row in range(rows):
        first, last = (generator.w_plus_from_seed(first_seed + 2 * row + end) for end in (0, 1))
        steps = torch.linspace(0, 1, COLUMNS)[:, None, None]
        made.append(generator.image(first + (last - first) * steps).clamp(-1, 1))
    return torch.cat(made)


def grid(images: Tensor, columns: int = COLUMNS) -> np.ndarray:
    """Images [N, 3, H, W] -> uint8 picture, row by row; N is a multiple of `columns`."""
    pixels = to_uint8(images)
    rows = pixels.reshape(-1, columns, *pixels.shape[1:])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows])


def side_by_side(*pictures: np.ndarray) -> np.ndarray:
    """Pictures [H, W, 3] from left to right with white between, white below those that are lower."""
    height = max(len(picture) for picture in pictures)
    padded = []
    for picture in pictures:
        below = np.full((height - len(picture), picture.shape[1], 3), 255, np.uint8)
        padded += [np.concatenate([picture, below]), np.full((height, _GAP, 3), 255, np.uint8)]
    return np.concatenate(padded[:-1], axis=1)


def beneath(*pictures: np.ndarray) -> np.ndarray:
    """Pictures of one width [H, W, 3] from top to bottom with white between."""
    gap = np.full((_GAP, pictures[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([part for picture in pictures for part in (picture, gap)][:-1])


def save(picture: np.ndarray, path: Path) -> None:
    """Write it as WebP, a tenth of what PNG takes."""
    Image.fromarray(picture).save(path.with_suffix(".webp"), quality=90, method=6)
