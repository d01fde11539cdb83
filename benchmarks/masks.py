"""Masks on fixed drags of `heads`: everything is frozen but a disc around the drag.

    python -m benchmarks.masks [--every 3] [--steps 100] [--only "no mask" "draglab" ...]

Prints one line for each variant.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import draglab
from benchmarks.drags import heads_drags, positive
from draglab.dragging import DragEdit, DragSettings

VARIANTS: dict[str, dict[str, Any] | None] = {
    "no mask": None,
    "draglab": {},
    "lambda 5": {"mask_weight": 5.0},
    "no settling": {"settle_steps": None},
    "first-order": {"descent": "first-order"},
    "first-order, adam": {"descent": "adam"},
    "first-order, no settling": {"descent": "first-order", "settle_steps": None},
    "first-order, no limit": {"descent": "first-order", "mask_limit": None},
    "first-order, sampled": {"descent": "first-order", "mask_term": "sampled", "mask_windows": 8},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--every", type=positive, default=3, help="one of every so many drags of each kind; 3 = 20 drags, 1 = all 60"
    )
    parser.add_argument("--steps", type=positive, default=100, help="at most so many for each drag")
    parser.add_argument("--only", nargs="+", default=list(VARIANTS), choices=list(VARIANTS), help="all if left out")
    parser.add_argument("--radius", type=float, default=0.27, help="of the disc, as a share of the width")
    args = parser.parse_args(arguments)
    generator = draglab.load_generator("heads")
    drags = heads_drags(args.every)
    rows, columns = np.mgrid[: generator.img_shape[0], : generator.img_shape[1]]
    for name in args.only:
        changes = VARIANTS[name]
        changed, left, steps, seconds, arrived = [], [], [], [], 0
        for one in drags:
            x, y = np.add(one.handle, one.target) / 2
            movable = np.hypot(columns - x, rows - y) < args.radius * len(rows)
            w_plus = generator.w_plus_from_seed(one.seed)
            edit = DragEdit([one.handle], [one.target], None if changes is None else movable)
            settings = DragSettings.for_model(generator, max_steps=args.steps, **(changes or {}))
            result = draglab.drag(generator, w_plus, edit, settings)
            with torch.no_grad():
                before, after = generator.image(torch.cat([w_plus, result.w_plus])).clamp(-1, 1) * 127.5
            changed.append((after - before).abs().mean(0)[torch.from_numpy(~movable)].mean().item())
            left.append(result.distances[0])
            steps.append(result.steps)
            seconds.append(result.seconds)
            arrived += result.stop_reason == "arrived"
        print(
            f"{name:20s} arrived {arrived}/{len(drags)}  steps {np.mean(steps):.1f}  "
            f"{np.mean(seconds):.2f} s  frozen change {np.mean(changed):.2f}  left {np.mean(left):.2f} px",
            flush=True,
        )


if __name__ == "__main__":
    main()
