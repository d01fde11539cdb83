"""Make drag.png, the picture at the top of the README: real edits of the bundled model.

python docs/images/make_drag.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import draglab
from draglab.generators import to_uint8
from draglab.media.images import enlarge
from draglab.media.overlay import draw_edit

TILE = 256
EDITS: list[tuple[int, list[tuple[float, float]], list[tuple[float, float]]]] = [
    (78, [(93.0, 125.0)], [(118.0, 125.0)]),
    (75, [(125.0, 187.0)], [(125.0, 207.0)]),
    (64, [(117.0, 132.0)], [(95.0, 132.0)]),
]


def main() -> None:
    """Write the picture."""
    generator = draglab.load_generator("heads")
    pairs = []
    for seed, handles, targets in EDITS:
        w_plus = generator.w_plus_from_seed(seed)
        before = to_uint8(generator.image(w_plus))[0]
        result = draglab.drag(generator, w_plus, draglab.DragEdit(handles, targets))
        marked = draw_edit(before, handles, targets, at_least=TILE)
        pairs.append(np.concatenate([marked, enlarge(result.image(), TILE)], axis=1))
        print(f"seed {seed}: {result.stop_reason} after {result.steps} steps, {result.distances.max():.2f} px left")
    gap = np.full((TILE, 12, 3), 255, np.uint8)
    row = [part for pair in pairs for part in (pair, gap)][:-1]
    Image.fromarray(np.concatenate(row, axis=1)).save(Path(__file__).with_name("drag.png"), optimize=True)


if __name__ == "__main__":
    main()
