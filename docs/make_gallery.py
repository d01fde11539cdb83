"""Make the figures of docs/gallery.md from the bundled models.

    python -m docs.make_gallery [NAME ...]

Prints how each drag ended; look at the pictures before you commit them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import draglab
from draglab.generators import Generator
from draglab.media.images import enlarge
from draglab.media.overlay import draw_edit

FOLDER = Path(__file__).resolve().parent / "gallery"
TILE = 256
GAP = 8
HEADS, HANDS = "heads", "hands"
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Edit:
    """One drag: a model, a seed, its ways from handle to target, and changes of the settings."""

    model: str
    seed: int
    ways: list[tuple[float, float, float, float]]
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def handles(self) -> NDArray[np.float64]:
        """[n, 2] pixels."""
        return np.array([way[:2] for way in self.ways])

    @property
    def targets(self) -> NDArray[np.float64]:
        """[n, 2] pixels."""
        return np.array([way[2:] for way in self.ways])


# Handles of heads are landmarks of seed 37 and others, rounded; those of hands are from recipes/hands/drags.json.
SMILE = [(99.0, 162.0, 90.0, 158.0), (147.0, 164.0, 156.0, 160.0)]
PAIRS = {
    "turn": Edit(HEADS, 37, [(124, 131, 144, 131)]),
    "smile": Edit(HEADS, 37, SMILE),
    "mouth": Edit(HEADS, 37, [(123, 200, 123, 220)]),
    "nose": Edit(HEADS, 60, [(129, 161, 149, 161)]),
    "lip": Edit(HEADS, 12, [(105, 162, 105, 174)]),
    "look": Edit(HEADS, 52, [(118, 147, 138, 147)]),
    "spread": Edit(HANDS, 3, [(37.6, 28.9, 28.6, 30.9)]),
    "shorter": Edit(HANDS, 3, [(57.7, 13.0, 59.7, 24.0)]),
    "close": Edit(HANDS, 12, [(24.0, 47.2, 30.0, 39.2)]),
    "thumb": Edit(HANDS, 30, [(103.6, 64.8, 101.6, 54.8)]),
    "shout": Edit(HEADS, 37, [(123, 200, 123, 240)]),
    "grin": Edit(HEADS, 37, [(99, 162, 77, 148), (147, 164, 169, 150)]),
    "profile": Edit(HEADS, 37, [(124, 131, 184, 131)]),
    "far": Edit(HEADS, 78, [(95, 124, 165, 124)]),
    "cheek": Edit(HEADS, 37, [(90, 150, 105, 150)]),
    "lids": Edit(HEADS, 37, [(91, 100, 91, 108), (158, 101, 158, 109)]),
    "jaw": Edit(HEADS, 37, [(75, 170, 61, 170)]),
    "crown": Edit(HEADS, 60, [(128, 18, 128, 2)]),
    "finger": Edit(HANDS, 23, [(57.1, 15.0, 48.1, 17.0)]),
}
"""Name of the figure -> its edit; before and after, side by side."""

_models: dict[str, Generator] = {}


def generator_of(name: str) -> Generator:
    """Return a bundled model, loaded once."""
    if name not in _models:
        _models[name] = draglab.load_generator(name, device="cpu")
    return _models[name]


def run(edit: Edit, w_plus: torch.Tensor | None = None, mask: NDArray[np.bool_] | None = None) -> draglab.DragResult:
    """Run an edit from its seed, or from a latent."""
    generator = generator_of(edit.model)
    start = generator.w_plus_from_seed(edit.seed) if w_plus is None else w_plus
    settings = draglab.DragSettings.for_model(generator, **edit.changes)
    return draglab.drag(generator, start, draglab.DragEdit(edit.handles, edit.targets, mask), settings)


def marked(edit: Edit, w_plus: torch.Tensor | None = None, mask: NDArray[np.bool_] | None = None) -> Pixels:
    """Return the image before an edit with its handles and targets."""
    generator = generator_of(edit.model)
    before = image(generator, generator.w_plus_from_seed(edit.seed) if w_plus is None else w_plus)
    return draw_edit(before, edit.handles, edit.targets, mask, TILE)


def image(generator: Generator, w_plus: torch.Tensor) -> Pixels:
    """Return the image of a latent."""
    with torch.no_grad():
        return draglab.to_uint8(generator.image(w_plus))[0]


def save(name: str, tiles: list[Pixels]) -> None:
    """Write tiles side by side."""
    gap = np.full((TILE, GAP, 3), 255, np.uint8)
    row = [part for tile in tiles for part in (enlarge(tile, TILE), gap)][:-1]
    Image.fromarray(np.concatenate(row, axis=1)).save(FOLDER / f"{name}.webp", quality=88, method=6)


def say(name: str, result: draglab.DragResult) -> None:
    """Print how a drag ended."""
    print(f"{name}: {result.stop_reason} after {result.steps} steps, {result.distances.max():.1f} px left")


def pair(name: str) -> None:
    """Before and after one edit."""
    result = run(PAIRS[name])
    say(name, result)
    save(f"drag-{name}", [marked(PAIRS[name]), result.image()])


def masks() -> None:
    """The same drag without a mask and with one, and what each changes."""
    edit = Edit(HEADS, 75, [(125, 187, 125, 207)])
    rows, columns = np.mgrid[:256, :256]
    movable = (columns - 125) ** 2 + (rows - 190) ** 2 <= 62**2
    free, held = run(edit), run(edit, mask=movable)
    say("without a mask", free)
    say("with a mask", held)
    before = image(generator_of(HEADS), generator_of(HEADS).w_plus_from_seed(75)).astype(int)

    def change(result: draglab.DragResult) -> Pixels:
        amount = np.abs(result.image() - before).mean(2) * 3
        return np.repeat(np.clip(255 - amount, 0, 255).astype(np.uint8)[..., None], 3, axis=2)

    for result in (free, held):
        outside = np.abs(result.image() - before).mean(2)[~movable].mean()
        print(f"outside the mask, pixels change by {outside:.2f} of 255")
    save("mask-none", [marked(edit), free.image(), change(free)])
    save("mask-circle", [marked(edit, mask=movable), held.image(), change(held)])


def rounds() -> None:
    """Three rounds, each from the image of the one before."""
    w_plus, tiles = generator_of(HEADS).w_plus_from_seed(37), []
    for ways in ([(124, 131, 112, 127)], SMILE, [(123, 200, 121, 212)]):
        if tiles:  # points are those of the present image, 12 px to the left and 4 px higher
            ways = [(x - 12, y - 4, u - 12, v - 4) for x, y, u, v in ways]
        edit = Edit(HEADS, 37, ways)
        tiles.append(marked(edit, w_plus))
        result = run(edit, w_plus)
        say("round", result)
        w_plus = result.w_plus
    save("rounds", [*tiles, image(generator_of(HEADS), w_plus)])


def further() -> None:
    """A target that is too far: the default, and two rounds with a pin in between."""
    far = PAIRS["far"]
    unlimited = Edit(far.model, far.seed, far.ways, {"reach": None})
    nearer = Edit(far.model, far.seed, [(95, 124, 135, 124)])
    results = [run(far), run(unlimited), run(nearer)]
    for name, result in zip(("far", "without reach", "nearer"), results, strict=True):
        say(name, result)
    save("further", [marked(far), *(result.image() for result in results)])


def motion() -> None:
    """An animation: three edits of one head, there and back."""
    generator = generator_of(HEADS)
    start = generator.w_plus_from_seed(37)
    frames: list[Image.Image] = []
    for name in ("turn", "smile", "mouth"):
        end = run(PAIRS[name]).w_plus
        shares = (1 - np.cos(np.linspace(0, np.pi, 12))) / 2
        for share in [*shares, *([1.0] * 4), *shares[::-1]]:
            frames.append(Image.fromarray(image(generator, torch.lerp(start, end, float(share)))))
    frames[0].save(
        FOLDER / "motion.webp", save_all=True, append_images=frames[1:], duration=60, loop=0, quality=72, method=6
    )


FIGURES: dict[str, Callable[[], None]] = {
    **{name: (lambda name=name: pair(name)) for name in PAIRS},
    "masks": masks,
    "rounds": rounds,
    "further": further,
    "motion": motion,
}


def main() -> None:
    """Make all figures, or those that are named."""
    for name in sys.argv[1:] or FIGURES:
        if name not in FIGURES:
            sys.exit(f"there is no figure {name!r}: {', '.join(FIGURES)}")
        FIGURES[name]()


if __name__ == "__main__":
    main()
