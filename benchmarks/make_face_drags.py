"""Choose fixed drags of a model of real faces from dlib's landmarks, before any drag is looked at.

    python -m benchmarks.make_face_drags --model ffhq-1024-mobile --out benchmarks/drags_faces.json
    python -m benchmarks.make_face_drags --model ffhq-1024-mobile --features --out benchmarks/drags_faces_features.json

Of the seeds from 1 on, at truncation 0.7, the first 20 count in which dlib finds a face. The first list pulls the nose
tip sideways (towards the middle if the head is turned), the chin down and a mouth corner outwards, by 4 to 10 % of the
width; the second one finer parts, by 3 to 6 %. Hairline and ear are no landmarks of dlib's: their places follow from
those of brows and jaw, and nobody judges where they end but the eye.

Needs the extra `dlib`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

import draglab
from draglab.perception import DlibLandmarks

SEEDS = 20
TRUNCATION = 0.7
NOSE_TIP, CHIN, UPPER_LIP, RIGHT_CORNER, LEFT_CORNER = 30, 8, 51, 48, 54
RIGHT_EYE, LEFT_EYE = 36, 45
JAW = (0, 16)
"""Ends of the jaw line, in front of the ears."""
Plan = tuple[str, int | None, np.ndarray, np.ndarray]
"""(kind, landmark, its place, direction of any length)."""


def plans_of(random: np.random.RandomState, points: np.ndarray) -> list[Plan]:
    """Plans of the first list for landmarks [68, 2]."""
    nose, chin = points[NOSE_TIP], points[CHIN]
    middle = (points[JAW[0]] + points[JAW[1]]) / 2
    turned = (nose - middle)[0] / np.linalg.norm(points[JAW[1]] - points[JAW[0]])
    side = -np.sign(turned) if abs(turned) > 0.06 else random.choice([-1.0, 1.0])
    corner, other = random.permutation([RIGHT_CORNER, LEFT_CORNER])
    return [
        ("nose sideways", NOSE_TIP, nose, np.array([side, 0.0])),
        ("chin down", CHIN, chin, chin - nose),
        ("mouth corner outwards", int(corner), points[corner], points[corner] - points[other]),
    ]


def feature_plans_of(random: np.random.RandomState, points: np.ndarray) -> list[Plan]:
    """Plans of the second list for landmarks [68, 2], each on a random side."""
    up = points[NOSE_TIP] - points[CHIN]
    plans: list[Plan] = []
    for kind, right, left in (("brow up", 19, 24), ("eye corner outwards", 36, 45), ("jaw outwards", 4, 12)):
        own, other = random.permutation([right, left])
        direction = up if kind == "brow up" else points[own] - points[other]
        plans.append((kind, int(own), points[own], direction))
    brows = points[17:27].mean(0)
    end, opposite = random.permutation(JAW)
    outwards = points[end] - points[opposite]
    return [
        *plans,
        ("upper lip up", UPPER_LIP, points[UPPER_LIP], up),
        ("hairline up", None, brows + 0.9 * (brows - points[33]), up),
        ("ear outwards", None, points[end] + 0.04 * outwards, outwards),
    ]


def drags_of(seed: int, points: np.ndarray, size: int, features: bool) -> list[dict[str, object]]:
    """Return the drags of one face, in pixels of an image of `size` pixels."""
    random = np.random.RandomState(seed)
    shortest, longest = (0.03, 0.06) if features else (0.04, 0.10)
    drags: list[dict[str, object]] = []
    for kind, landmark, handle, direction in (feature_plans_of if features else plans_of)(random, points):
        travel = direction / np.linalg.norm(direction) * random.uniform(shortest, longest) * size
        places = {"handle": handle.clip(0, size - 1), "target": (handle + travel).clip(0, size - 1)}
        rounded = {name: [round(float(v), 1) for v in place] for name, place in places.items()}
        drags.append({"seed": seed, "kind": kind, "landmark": landmark, **rounded})
    return drags


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ffhq-1024-mobile")
    parser.add_argument("--features", action="store_true", help="the second list, of finer parts")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    generator, detector = draglab.load_generator(options.model), DlibLandmarks()
    drags: list[dict[str, object]] = []
    seed = used = 0
    while used < SEEDS:
        seed += 1
        with torch.no_grad():
            image = generator.image(generator.w_plus_from_seed(seed, TRUNCATION))
        points = detector(draglab.to_uint8(image))[0]
        if np.isfinite(points).all():
            used += 1
            drags += drags_of(seed, points, generator.img_resolution, options.features)
            print(f"seed {seed}: {used} of {SEEDS}")
    rows = ",\n    ".join(json.dumps(row) for row in drags)
    head = {"model": generator.name, "image_size": generator.img_resolution, "truncation_psi": TRUNCATION}
    fields = "".join(f'  "{name}": {json.dumps(value)},\n' for name, value in head.items())
    options.out.write_text(f'{{\n{fields}  "drags": [\n    {rows}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
