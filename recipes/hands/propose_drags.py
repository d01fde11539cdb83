"""Find finger tips in samples, to pick drags from by eye.

    python -m recipes.hands.propose_drags --model hands.safetensors --seeds 1-48 --out SHEET.png

Writes a sheet of enlarged samples with numbered tips, and prints their pixels. What became of the picks is drags.json.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from draglab.checkpoints import read_generator
from draglab.generators import to_uint8
from recipes.pictures import samples_of

ENLARGED, COLUMNS = 3, 6


def hand_mask(pixels: np.ndarray) -> np.ndarray:
    """[H, W] bool: the largest region that is warmer, redder than blue, than the background of [H, W, 3] uint8."""
    warmth = ndimage.gaussian_filter(pixels[..., 0].astype(float) - pixels[..., 2], 0.7)
    histogram, edges = np.histogram(warmth, 64)
    # Otsu: the threshold that separates the two means most.
    middle = (edges[1:] + edges[:-1]) / 2
    below, total = np.cumsum(histogram), np.cumsum(histogram * middle)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = below * above * (total / below - (total[-1] - total) / above) ** 2
    mask = warmth > middle[int(np.nanargmax(apart[:-1]))]
    labels, count = _regions(mask)
    if count == 0:
        return mask
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    return np.asarray(ndimage.binary_fill_holes(largest))


def finger_tips(mask: np.ndarray) -> list[tuple[float, float]]:
    """Tips (x, y) in pixels, from left to right: ends of the hand that stand out from the palm.

    The palm's centre is deepest inside the hand. A tip is further from it, along the hand's own pixels, than all of the
    hand around, by at least 1.5 palm radii, and above the wrist.
    """
    depth = ndimage.distance_transform_edt(mask)
    assert isinstance(depth, np.ndarray)
    center = np.unravel_index(int(depth.argmax()), depth.shape)
    radius = float(depth.max())
    if radius < 4:
        return []
    distance = _inside_distance(mask, (int(center[0]), int(center[1])))
    around = ndimage.maximum_filter(distance, size=max(5, round(0.7 * radius)) | 1)
    peaks = mask & (distance == around) & (distance > 1.5 * radius)
    peaks[round(center[0] + 0.6 * radius) :] = False
    # A blunt tip may have several equally far pixels.
    labels, count = _regions(np.asarray(ndimage.binary_dilation(peaks, iterations=3)))
    tips = []
    for y, x in ndimage.center_of_mass(peaks, labels, list(range(1, count + 1))):
        # From the very edge a little towards the palm, so that the handle lies on the nail and not on the background.
        direction = np.array([center[1] - x, center[0] - y])
        inwards = 3 * direction / max(1.0, float(np.linalg.norm(direction)))
        tips.append((float(x + inwards[0]), float(y + inwards[1])))
    return sorted(tips)


def _regions(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Connected regions: numbered from 1 on [H, W], and how many there are."""
    found: Any = ndimage.label(mask)
    return found


def _inside_distance(mask: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """Length of the shortest way within the mask from `start` (row, column), in pixels; 0 outside."""
    distance = np.where(mask, np.inf, np.nan)
    distance[start] = 0.0
    offsets = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    padded = np.pad(distance, 1, constant_values=np.nan)
    inner = padded[1:-1, 1:-1]
    while True:
        ways = [np.roll(padded, (dy, dx), (0, 1))[1:-1, 1:-1] + np.hypot(dy, dx) for dy, dx in offsets]
        shorter = np.fmin.reduce([inner, *ways])
        shorter[~mask] = np.nan
        if np.array_equal(shorter, inner, equal_nan=True):
            break
        inner[...] = shorter
    return np.where(np.isfinite(inner), inner, 0.0)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--seeds", default="1-48", help="first-last")
    parser.add_argument("--out", type=Path, required=True, help="PNG")
    args = parser.parse_args()
    first, last = (int(part) for part in args.seeds.split("-"))
    seeds = list(range(first, last + 1))
    tiles = []
    for seed, pixels in zip(seeds, to_uint8(samples_of(read_generator(args.model), seeds)), strict=True):
        tips = finger_tips(hand_mask(pixels))
        side = ENLARGED * pixels.shape[1]
        tile = Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)
        draw = ImageDraw.Draw(tile)
        draw.text((4, 4), str(seed), fill=(0, 0, 0))
        for number, (x, y) in enumerate(tips):
            u, v = ENLARGED * (x + 0.5), ENLARGED * (y + 0.5)
            draw.ellipse((u - 4, v - 4, u + 4, v + 4), outline=(255, 0, 0), width=2)
            draw.text((u + 5, v - 12), str(number), fill=(200, 0, 0))
        tiles.append(np.asarray(tile))
        print(seed, [(round(x, 1), round(y, 1)) for x, y in tips])
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[start : start + COLUMNS], axis=1) for start in range(0, len(tiles), COLUMNS)]
    Image.fromarray(np.concatenate(rows)).save(args.out)


if __name__ == "__main__":
    main()
