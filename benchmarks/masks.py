"""The mask term's variants on every third of the fixed drags, everything frozen but a disc around the drag.

python -m benchmarks.masks
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

import draglab
from draglab.dragging import DragEdit, DragSettings
from draglab.evaluation import load_drags

RADIUS = 0.27
"""Of the disc, as a share of the width."""
VARIANTS: dict[str, dict[str, Any]] = {
    **{f"exact, lambda {weight:g}": {"mask_weight": weight} for weight in (1.0, 5.0, 20.0)},
    **{f"sampled, {count} windows": {"mask_term": "sampled", "mask_windows": count} for count in (2, 4, 8)},
}


def main() -> None:
    """Print one line for each variant."""
    generator = draglab.load_generator("heads")
    drags = load_drags(Path(__file__).with_name("drags_heads.json"))[::3]
    rows, columns = np.mgrid[: generator.img_shape[0], : generator.img_shape[1]]
    for name, changes in {"no mask": None, **VARIANTS}.items():
        changed, left, steps, arrived = [], [], [], 0
        for one in drags:
            x, y = np.add(one.handle, one.target) / 2
            movable = np.hypot(columns - x, rows - y) < RADIUS * len(rows)
            w_plus = generator.w_plus_from_seed(one.seed)
            edit = DragEdit([one.handle], [one.target], None if changes is None else movable)
            settings = DragSettings(max_steps=100, patience=30, **(changes or {}))
            result = draglab.drag(generator, w_plus, edit, settings)
            with torch.no_grad():
                before, after = generator.image(torch.cat([w_plus, result.w_plus])).clamp(-1, 1) * 127.5
            changed.append((after - before).abs().mean(0)[torch.from_numpy(~movable)].mean().item())
            left.append(result.distances[0])
            steps.append(result.steps)
            arrived += result.stop_reason == "arrived"
        print(
            f"{name:20s} arrived {arrived}/{len(drags)}  steps {np.mean(steps):.1f}  "
            f"frozen change {np.mean(changed):.2f}  left {np.mean(left):.2f} px",
            flush=True,
        )


if __name__ == "__main__":
    main()
