"""Measure how far each part of a head can move on its own in the model `heads`, in percent of the width.

    python -m benchmarks.vocabulary [--images 8]

Each coordinate of z alone is set to -2 and 2 standard deviations. For each part, prints how far its landmarks go
relative to their surroundings (those of benchmarks/varied.py) where the surroundings themselves move by less than half
of that, in percent of the width: the largest of all coordinates, its median and maximum over images.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch

import draglab
from benchmarks.drags import choose_judge, heads_drags, positive
from benchmarks.varied import SURROUNDINGS

PARTS = {
    "brow": (17, 18, 19, 20, 21), "lid": (37, 38), "eye corner": (36,), "upper lip": (50, 51, 52),
    "lower lip": (56, 57, 58), "mouth corner": (48,), "chin": (7, 8, 9), "jaw": (3, 4, 5),
}  # fmt: skip
"""Part -> landmarks, those of the image's left side where there are two."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=positive, default=8)
    args = parser.parse_args(arguments)
    generator = draglab.load_generator("heads")
    judge = choose_judge(None, heads_drags(1))
    assert judge is not None
    width, source = generator.img_resolution, torch.Generator().manual_seed(5)
    farthest: dict[str, list[float]] = {part: [] for part in PARTS}
    for _ in range(args.images):
        z = torch.randn(generator.z_dim, generator=source)
        every = [z]
        for coordinate in range(len(z)):
            for value in (-2.0, 2.0):
                every.append(z.clone())
                every[-1][coordinate] = value
        pictures = []
        with torch.no_grad():
            for w_plus in generator.mapping(torch.stack(every), truncation_psi=0.7):
                image = generator.image(w_plus[None])[0].clamp(-1, 1) * 127.5 + 127.5
                pictures.append(image.permute(1, 2, 0).byte().numpy())
        moved = np.array(judge(pictures))
        moved = (moved[1:] - moved[0]) / width * 100
        for part, landmarks in PARTS.items():
            around = moved[:, list(SURROUNDINGS[part])].mean(1)
            own = np.linalg.norm(moved[:, list(landmarks)].mean(1) - around, axis=1)
            alone = np.linalg.norm(around, axis=1) < own / 2
            farthest[part].append(float(np.nanmax(np.where(alone, own, 0))))
    for part, lengths in farthest.items():
        print(f"{part:14s} median {np.median(lengths):4.1f} %  largest {max(lengths):4.1f} %")


if __name__ == "__main__":
    main()
