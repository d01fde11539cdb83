"""What the measures of every recipe share: figures from features, sheets, the card.

Features are the mean over space of fire9 of SqueezeNet 1.0, [512]; a Fréchet distance in them is not FID. Where a
discriminator saw features of the same network, a low distance says less than one in features it never saw.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from draglab.checkpoints import read_header
from draglab.generators import Generator
from draglab.perception import frechet_distance
from recipes import pictures
from recipes.data import shrink, to_float
from recipes.measures import nearest, path_length, precision_recall
from recipes.squeezenet import SqueezeNet, perceptual_distance, pooled

FIRST_SEED = 2_000_000
NEIGHBOURS = 16
CARD_TILE = 128
"""Largest width in pixels of a picture on the card's sheet."""


def measures_of(
    generator: Generator, squeezenet: SqueezeNet, train: Tensor, held_out: Tensor, count: int, pairs: int
) -> dict[str, float]:
    """Figures that need features only.

    Args:
        train, held_out: features [N, 512] and [M, 512] of real pictures.
        count: how many samples are made, and how many of the training pictures they are compared with; "frechet" and
            its floor, that of as many training pictures, so compare equal counts.
        pairs: of images for the path length.
    """
    made = pooled(squeezenet, pictures.samples_of(generator, list(range(FIRST_SEED, FIRST_SEED + count))))
    some, few = train[:count], made[: len(held_out)]
    precision, recall = precision_recall(some, made)
    floor_precision, floor_recall = precision_recall(some, held_out)
    held_precision, held_recall = precision_recall(held_out, few)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return perceptual_distance(squeezenet(a, "fire4"), squeezenet(b, "fire4"))

    return {
        "frechet": frechet_distance(made, held_out),
        "frechet_floor": frechet_distance(some, held_out),
        "frechet_train": frechet_distance(made, some),
        "precision": precision,
        "recall": recall,
        "real_precision": floor_precision,
        "real_recall": floor_recall,
        "held_out_precision": held_precision,
        "held_out_recall": held_recall,
        "nearest_of_samples": float(nearest(few, train)[0].median()),
        "nearest_of_held_out": float(nearest(held_out, train)[0].median()),
        "path_length": path_length(generator, distance, pairs),
    }


def write_pictures(
    generator: Generator, squeezenet: SqueezeNet, images: Tensor, features: Tensor, out: Path, name: str, kind: str
) -> None:
    """NAME.webp (64 seeds and 8 rows of interpolations), NAME_beside_KIND.webp (64 seeds, 64 training pictures) and
    NAME_neighbours.webp (16 samples above their three nearest training pictures).

    Args:
        images: training pictures [N, 3, H, W] uint8, of the generator's size. features: theirs, [N, 512].
    """
    seeds = pictures.samples_of(generator, list(range(1, 65)))
    # The card's sheet is shipped, so it is small; the others are for looking closely.
    tile = min(CARD_TILE, generator.img_resolution)
    shown = (pictures.grid(shrink(each, tile)) for each in (seeds, pictures.interpolations(generator)))
    pictures.save(pictures.beneath(*shown), out / f"{name}.webp")
    chosen = torch.linspace(0, len(images) - 1, 64).long()
    beside = (pictures.grid(each) for each in (seeds, to_float(images[chosen])))
    pictures.save(pictures.side_by_side(*beside), out / f"{name}_beside_{kind}.webp")
    few = seeds[:NEIGHBOURS]
    _, indices = nearest(pooled(squeezenet, few), features, 3)
    rows = []
    for start in range(0, NEIGHBOURS, pictures.COLUMNS):
        part = slice(start, start + pictures.COLUMNS)
        rows.append(
            torch.cat([few[part], *(to_float(images[indices[part, rank]]) for rank in range(indices.shape[1]))])
        )
    pictures.save(pictures.beneath(*(pictures.grid(row) for row in rows)), out / f"{name}_neighbours.webp")


def file_facts(model: Path) -> dict[str, str]:
    """What a card says of the file itself."""
    header = read_header(model)
    return {
        "parameters": f"{header.parameters / 1e6:.1f}",
        "megabytes": f"{model.stat().st_size / 1e6:.1f}",
        "shown": f"{header.card['images_shown']:,}",
        "last_stage": f"{header.card['images_shown_by_stage'][-1]:,}",
    }


def write_card(template: Path, out: Path, name: str, measures: dict[str, Any], facts: dict[str, str]) -> None:
    """NAME.md, the template with its figures (distances in whole numbers, shares in per cent), and measures.json."""
    shown = {key: f"{value:,.0f}" for key, value in measures.items() if isinstance(value, float)}
    for key, value in measures.items():
        if key.endswith(("precision", "recall")):
            shown[key] = f"{100 * value:.0f} %"
    (out / f"{name}.md").write_text(template.read_text().format(**(shown | facts)))
    (out / "measures.json").write_text(json.dumps(measures, indent=2) + "\n")
    print(json.dumps({key: round(value, 4) for key, value in measures.items() if isinstance(value, float)}))
