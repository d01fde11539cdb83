"""Measure a model file of `hands` against held-out photos, and write its card.

    python -m recipes.hands.measure --model hands.safetensors --photos DIR --squeezenet FILE --out DIR

Writes measures.json, hands.md (the card with the figures filled in), hands.png (64 seeds and 8 rows of interpolations),
beside_photos.png (64 seeds, 64 training photos) and neighbours.png (16 samples above their nearest training photos).

Features are the mean over space of fire9 of SqueezeNet 1.0, [512]; a Fréchet distance in them is not FID.
The discriminator saw features of the same network, so a low distance says less than one in features it never saw.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from draglab.checkpoints import read_generator, read_header
from draglab.generators import StyleGAN2
from recipes import pictures
from recipes.hands.data import Photos
from recipes.hands.networks import pooled
from recipes.heads.data import to_float
from recipes.measures import frechet_distance, nearest, path_length, precision_recall
from recipes.squeezenet import SqueezeNet, perceptual_distance

CARD = Path(__file__).with_name("card.md")
FIRST_SEED = 1_000_000
NEIGHBOURS = 16


def measures_of(
    generator: StyleGAN2, squeezenet: SqueezeNet, train: Tensor, held_out: Tensor, pairs: int
) -> dict[str, float]:
    """All figures; `train` and `held_out` are features [N, 512] and [M, 512] of photos.

    As many samples are made as there are training photos, so that "frechet" and its floor compare equal counts.
    """
    seeds = list(range(FIRST_SEED, FIRST_SEED + len(train)))
    made = pooled(squeezenet, pictures.samples_of(generator, seeds))
    few = made[: len(held_out)]
    precision, recall = precision_recall(train, made)
    floor_precision, floor_recall = precision_recall(train, held_out)
    held_precision, held_recall = precision_recall(held_out, few)

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return perceptual_distance(squeezenet(a, "fire4"), squeezenet(b, "fire4"))

    to_train = nearest(few, train)[0]
    return {
        "frechet": frechet_distance(made, held_out),
        "frechet_floor": frechet_distance(train, held_out),
        "frechet_train": frechet_distance(made, train),
        "precision": precision,
        "recall": recall,
        "photos_precision": floor_precision,
        "photos_recall": floor_recall,
        "held_out_precision": held_precision,
        "held_out_recall": held_recall,
        "nearest_of_samples": float(to_train.median()),
        "nearest_of_held_out": float(nearest(held_out, train)[0].median()),
        "path_length": path_length(generator, distance, pairs),
    }


def card_text(measures: dict[str, float], facts: dict[str, str]) -> str:
    """card.md with its figures; those of distances in whole numbers, shares in per cent."""
    shown = {name: f"{value:,.0f}" for name, value in measures.items()}
    for name, value in measures.items():
        if name.endswith(("precision", "recall")):
            shown[name] = f"{100 * value:.0f} %"
    return CARD.read_text().format(**shown, **facts)


def write_pictures(generator: StyleGAN2, squeezenet: SqueezeNet, train: Photos, features: Tensor, out: Path) -> None:
    """The three sheets."""
    seeds = pictures.samples_of(generator, list(range(1, 65)))
    upper = pictures.grid(seeds)
    pictures.save(pictures.beneath(upper, pictures.grid(pictures.interpolations(generator))), out / "hands.png")
    chosen = torch.linspace(0, len(train) - 1, 64).long()
    photos = pictures.grid(to_float(train.images[chosen]))
    pictures.save(pictures.side_by_side(upper, photos), out / "beside_photos.png")
    few = seeds[:NEIGHBOURS]
    _, indices = nearest(pooled(squeezenet, few), features, 3)
    rows = []
    for start in range(0, NEIGHBOURS, pictures.COLUMNS):
        part = slice(start, start + pictures.COLUMNS)
        rows.append(
            torch.cat([few[part], *(to_float(train.images[indices[part, rank]]) for rank in range(indices.shape[1]))])
        )
    pictures.save(pictures.beneath(*(pictures.grid(row) for row in rows)), out / "neighbours.png")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--photos", required=True, help="folder of 0/ to 9/ with *.JPG")
    parser.add_argument("--squeezenet", required=True, help="squeezenet_v1.0_dc.npz")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=500, help="pairs of images for the path length")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    generator, header = read_generator(args.model), read_header(args.model)
    squeezenet = SqueezeNet(args.squeezenet)
    size = generator.img_resolution
    train, held_out = Photos(args.photos, size), Photos(args.photos, size, held_out=True)
    with torch.no_grad():
        features = [pooled(squeezenet, to_float(photos.images)) for photos in (train, held_out)]
        measures = measures_of(generator, squeezenet, *features, pairs=args.pairs)
    write_pictures(generator, squeezenet, train, features[0], args.out)
    facts: dict[str, Any] = {
        "parameters": f"{header.parameters / 1e6:.1f}",
        "megabytes": f"{args.model.stat().st_size / 1e6:.1f}",
        "shown": f"{header.card['images_shown']:,}",
        "train": f"{len(train):,}",
        "held_out": f"{len(held_out):,}",
        "pairs": f"{args.pairs:,}",
    }
    (args.out / "hands.md").write_text(card_text(measures, facts))
    (args.out / "measures.json").write_text(json.dumps(measures, indent=2) + "\n")
    print(json.dumps({name: round(value, 4) for name, value in measures.items()}))


if __name__ == "__main__":
    main()
