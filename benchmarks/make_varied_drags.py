"""Choose the varied drags of `heads` and `hands`, before any drag is looked at.

    python -m benchmarks.make_varied_drags heads --out benchmarks/drags_heads_varied.json [--sheet PNG]
    python -m benchmarks.make_varied_drags hands --out benchmarks/drags_hands_varied.json [--sheet PNG]

Each model has rules (varied_heads.py, varied_hands.py): which kinds of drags can be asked of an image and where,
from detected landmarks and the picture. Kinds that few images allow choose first; each takes the images that have the
fewest drags so far. The sheet shows handles and targets on the images as they are: nothing is dragged.

For `hands` mediapipe must be installed (docs/perception.md).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import draglab
from benchmarks import varied_hands, varied_heads
from benchmarks.varied_heads import Place
from draglab.media.overlay import draw_edit
from draglab.media.sheet import contact_sheet
from draglab.perception import HeadLandmarks, MediapipeHands

FIRST_SEED = 101
IMAGES = 20


def choose(options: Mapping[int, Mapping[str, Place]], counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Choose images for every kind.

    Args:
        options: seed -> places by kind. counts: number of drags of each kind.

    Returns:
        (kind, seed), in the order of `counts` and then of the seeds; no kind is asked of one image twice.

    Raises:
        ValueError: fewer images than needed allow a kind.
    """
    able = {kind: [seed for seed, places in options.items() if kind in places] for kind in counts}
    used = dict.fromkeys(options, 0)
    chosen: dict[str, list[int]] = {}
    for kind in sorted(counts, key=lambda kind: len(able[kind]) - counts[kind]):
        if len(able[kind]) < counts[kind]:
            raise ValueError(f"{kind}: {counts[kind]} images are needed, {len(able[kind])} allow it")
        chosen[kind] = sorted(able[kind], key=lambda seed: used[seed])[: counts[kind]]
        for seed in chosen[kind]:
            used[seed] += 1
    return [(kind, seed) for kind in counts for seed in sorted(chosen[kind])]


def row_of(kind: str, seed: int, place: Place, size: int) -> dict[str, Any]:
    """Return a drag of the list; its distance depends on kind and seed alone."""
    random = np.random.RandomState([seed, *kind.encode()])
    travel = random.uniform(*place.shares) * size * place.direction
    ends = {"handle": place.handle, "target": (place.handle + travel).clip(0, size - 1)}
    rounded = {name: [round(float(v), 1) for v in end] for name, end in ends.items()}
    return {"seed": seed, "kind": kind, "landmark": place.landmark, **rounded}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=["heads", "hands"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, help="PNG of the chosen places")
    args = parser.parse_args(arguments)
    generator = draglab.load_generator(args.model)
    size = generator.img_resolution
    detector = HeadLandmarks() if args.model == "heads" else MediapipeHands()
    images: dict[int, NDArray[np.uint8]] = {}
    options: dict[int, dict[str, Place]] = {}
    seed = FIRST_SEED
    while len(options) < IMAGES:
        with torch.no_grad():
            image = draglab.to_uint8(generator.image(generator.w_plus_from_seed(seed)))[0]
        if args.model == "heads":
            picture = varied_heads.Picture(image, detector([image])[0])
            places = varied_heads.places_of(np.random.RandomState(seed), picture)
        else:
            places = varied_hands.places_of(np.random.RandomState(seed), image, *detector([image, image[:, ::-1]]))
        if places:
            images[seed], options[seed] = image, places
        seed += 1
    counts = varied_heads.COUNTS if args.model == "heads" else varied_hands.COUNTS
    rows = [row_of(kind, seed, options[seed][kind], size) for kind, seed in choose(options, counts)]
    lines = ",\n    ".join(json.dumps(row) for row in rows)
    head = {"model": args.model, "image_size": size}
    fields = "".join(f'  "{name}": {json.dumps(value)},\n' for name, value in head.items())
    args.out.write_text(f'{{\n{fields}  "drags": [\n    {lines}\n  ]\n}}\n')
    print(f"{len(rows)} drags of {len(images)} images, the last seed is {seed - 1}")
    if args.sheet:
        tiles = [draw_edit(images[row["seed"]], [row["handle"]], [row["target"]], at_least=256) for row in rows]
        Image.fromarray(contact_sheet(tiles, [f"{row['kind']}, {row['seed']}" for row in rows], 10)).save(args.sheet)


if __name__ == "__main__":
    main()
