"""Choose the 60 fixed drags of `heads` from the scenes alone, before any model is looked at.

    python -m recipes.heads.make_drags --assets DIR --size 256 --out benchmarks/drags_heads.json

z is the scene, so the exact landmarks of a seed's render say where nose tip, chin and mouth corners of the model's
image should be. The first 20 seeds count whose landmarks are visible, whose head is turned by less than 30 degrees and
whose mouth is not wide open already (nothing could be asked of it then). Distances are 6 to 12 % of the width.
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


def is_usable(render: Render) -> bool:
    """Whether all three drags can be asked of this head."""
    seen = render.visible[[NOSE_TIP, RIGHT_CORNER, LEFT_CORNER]].all()
    return bool(seen) and abs(render.scene.yaw) < 30 and render.scene.expression.get("jawOpen", 0.0) < 0.5


def drags_of(seed: int, render: Render) -> list[dict[str, object]]:
    """Nose sideways (towards the middle if the head is turned), chin down along the face, a mouth corner outwards.

    Points are in pixels of the render.
    """
    random, size = np.random.RandomState(seed), len(render.image)
    nose, chin = render.landmarks[NOSE_TIP], render.landmarks[CHIN]
    right, left = render.landmarks[RIGHT_CORNER], render.landmarks[LEFT_CORNER]
    side = -np.sign(render.scene.yaw) if abs(render.scene.yaw) > 8 else random.choice([-1.0, 1.0])
    down = (chin - nose) / np.linalg.norm(chin - nose)
    corner, other = (RIGHT_CORNER, left) if random.rand() < 0.5 else (LEFT_CORNER, right)
    at = render.landmarks[corner]
    outwards = (at - other) / np.linalg.norm(at - other)
    plans = [
        ("nose sideways", NOSE_TIP, nose, np.array([side, 0.0])),
        ("chin down", CHIN, chin, down),
        ("mouth corner outwards", corner, at, outwards),
    ]
    drags = []
    for kind, landmark, handle, direction in plans:
        target = handle + direction * random.uniform(0.06, 0.12) * size
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
    args = parser.parse_args(arguments)
    renderer = HeadRenderer(args.assets)
    drags: list[dict[str, object]] = []
    seed = 0
    while len(drags) < 3 * args.seeds:
        seed += 1
        render = renderer.render(np.random.RandomState(seed).randn(Z_DIM), args.size)
        if is_usable(render):
            drags += drags_of(seed, render)
    rows = ",\n".join("    " + json.dumps(drag) for drag in drags)
    args.out.write_text(f'{{\n  "model": "heads",\n  "image_size": {args.size},\n  "drags": [\n{rows}\n  ]\n}}\n')
    print(f"{len(drags)} drags of {args.seeds} seeds, the last is {seed}")


if __name__ == "__main__":
    main()
