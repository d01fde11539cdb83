"""Measure a model file of `hands` against held-out photos, and write its card.

    python -m recipes.hands.measure --model hands.safetensors --photos DIR --squeezenet FILE --out DIR

Writes measures.json, hands.md (the card with the figures filled in), hands.webp (64 seeds and 8 interpolations),
hands_beside_photos.webp (64 seeds, 64 training photos) and hands_neighbours.webp (16 samples above their three nearest
training photos).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from draglab.checkpoints import read_generator
from recipes.hands.data import Photos
from recipes.measuring import file_facts, measures_of, write_card, write_pictures
from recipes.squeezenet import SqueezeNet, pooled

CARD = Path(__file__).with_name("card.md")


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
    generator = read_generator(args.model)
    squeezenet = SqueezeNet(args.squeezenet)
    size = generator.img_resolution
    train, held_out = Photos(args.photos, size), Photos(args.photos, size, held_out=True)
    features = [pooled(squeezenet, photos.images) for photos in (train, held_out)]
    measures = measures_of(generator, squeezenet, *features, count=len(train), pairs=args.pairs)
    write_pictures(generator, squeezenet, train.images, features[0], args.out, "hands", "photos")
    facts = {"train": f"{len(train):,}", "held_out": f"{len(held_out):,}", "pairs": f"{args.pairs:,}"}
    write_card(CARD, args.out, "hands", measures, facts | file_facts(args.model))


if __name__ == "__main__":
    main()
