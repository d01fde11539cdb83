"""Choose the 60 fixed drags of `heads` from the scenes alone, before any model is looked at.

    python -m recipes.heads.make_drags --assets DIR --size 256 --out benchmarks/drags_heads.json

z is the scene, so the exact landmarks of a seed's render say where nose tip, chin and mouth corners of the model's
image should be. The first 20 seeds count whose landmarks are visible, whose head is turned by less than 30 degrees and
whose mouth is not wide open already (nothing could be asked of it then). Distances are 6 to 12 % of the width.

    python -m recipes.heads.make_drags --assets DIR --size 256 --features --out benchmarks/drags_heads_features.json

chooses 60 of finer features of the same seeds: a brow up, an eye's outer corner outwards, the side of the jaw outwards,
by 3 to 6 % of the width.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recipes.heads.render import Z_DIM, HeadRenderer, Render

SEEDS = 20
NOSE_TIP, CHIN, RIGHT_CORNER, LEFT_CORNER = 30, 8, 48, 54
FEATURES = (("brow up", 19, 24), ("eye corner outwards", 36, 45), ("jaw outwards", 4, 12))
"""Kind, and its landmarks on the right and on the left."""
Plan = tuple[str, int, np.ndarray, np.ndarray]


def is_usable(render: Render) -> bool:
    """Whether all three drags can be asked of this head."""
    seen = render.visible[[NOSE_TIP, RIGHT_CORNER, LEFT_CORNER]].all()
    return bool(seen) and abs(render.scene.yaw) < 30 and render.scene.expression.get("jawOpen", 0.0) < 0.5


def plans_of(random: np.random.RandomState, render: Render) -> list[Plan]:
    """(kind, landmark, its place, direction): nose sideways (towards the middle if the head is turned), chin down along
    the face, a mouth corner outwards."""
    nose, chin = render.landmarks[NOSE_TIP], render.landmarks[CHIN]
    right, left = render.landmarks[RIGHT_CORNER], render.landmarks[LEFT_CORNER]
    side = -np.sign(render.scene.yaw) if abs(render.scene.yaw) > 8 else random.choice([-1.0, 1.0])
    down = (chin - nose) / np.linalg.norm(chin - nose)
    corner, other = (RIGHT_CORNER, left) if random.rand() < 0.5 else (LEFT_CORNER, right)
    at = render.landmarks[corner]
    outwards = (at - other) / np.linalg.norm(at - other)
    return [
        ("nose sideways", NOSE_TIP, nose, np.array([side, 0.0])),
        ("chin down", CHIN, chin, down),
        ("mouth corner outwards", corner, at, outwards),
    ]


def feature_plans_of(random: np.random.RandomState, render: Render) -> list[Plan]:
    """(kind, landmark, its place, direction) of FEATURES, each on a random side that shows."""
    plans: list[Plan] = []
    down = render.landmarks[CHIN] - render.landmarks[NOSE_TIP]
    for kind, *sides in FEATURES:
        shown = [side for side in (0, 1) if render.visible[sides[side]]] or [0, 1]
        side = int(random.choice(shown))
        at, other = render.landmarks[sides[side]], render.landmarks[sides[1 - side]]
        along = -down if kind == "brow up" else at - other
        plans.append((kind, sides[side], at, along / np.linalg.norm(along)))
    return plans


def drags_of(seed: int, render: Render, features: bool = False) -> list[dict[str, object]]:
    """Three drags of one head, of its features or of the larger parts, in pixels of the render."""
    random, size = np.random.RandomState(seed), len(render.image)
    plans = (feature_plans_of if features else plans_of)(random, render)
    shortest, longest = (0.03, 0.06) if features else (0.06, 0.12)
    drags: list[dict[str, object]] = []
    for kind, landmark, handle, direction in plans:
        target = (handle + direction * random.uniform(shortest, longest) * size).clip(0, size - 1)
        points = {"handle": [round(float(v), 2) for v in handle], "target": [round(float(v), 2) for v in target]}
        drags.append({"seed": seed, "kind": kind, "landmark": landmark, **points})
    return drags


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256, help="pixels of the model's images")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many heads to choose, for three drags each")
    parser.add_argument("--features", action="store_true", help="brows, eyes and jaws instead")
    args = parser.parse_args(arguments)
    renderer = HeadRenderer(args.assets)
    drags: list[dict[str, object]] = []
    seed = 0
    while len(drags) < 3 * args.seeds:
        seed += 1
        render = renderer.render(np.random.RandomState(seed).randn(Z_DIM), args.size)
        if is_usable(render):
            drags += drags_of(seed, render, args.features)
    rows = ",\n".join("    " + json.dumps(drag) for drag in drags)
    args.out.write_text(f'{{\n  "model": "heads",\n  "image_size": {args.size},\n  "drags": [\n{rows}\n  ]\n}}\n')
    print(f"{len(drags)} drags of {args.seeds} seeds, the last is {seed}")


if __name__ == "__main__":
    main()
