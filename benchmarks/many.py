"""Steps per second of `draglab.drag_many` for different numbers of drags at once, on this machine, in one run.

    python -m benchmarks.many [--cases heads 1024]

The 60 fixed drags of `heads`, then eight drags of a randomly initialised 1024 px generator of the full published size.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import torch

import draglab
from benchmarks.drags import heads_drags
from draglab.generators import StyleGAN2, StyleGAN2Config


def rate(generator: StyleGAN2, seeds: list[int], edits: list[draglab.DragEdit], max_steps: int, together: int) -> float:
    """Steps per second over all drags."""
    w_plus = torch.cat([generator.w_plus_from_seed(seed) for seed in seeds])
    settings = draglab.DragSettings(max_steps=max_steps)
    begun = time.perf_counter()
    results = draglab.drag_many(generator, w_plus, edits, settings, together=together)
    return sum(result.steps for result in results) / (time.perf_counter() - begun)


CASES = ("heads", "1024")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES), help="all if left out")
    args = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    drags = heads_drags()
    heads = draglab.load_generator("heads", device="cpu")
    large = StyleGAN2(StyleGAN2Config(img_resolution=1024))
    large = large.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    cases = {
        "heads": (
            heads,
            [one.seed for one in drags],
            [draglab.DragEdit([one.handle], [one.target]) for one in drags],
            60,
        ),
        "1024": (large, list(range(8)), [draglab.DragEdit([[410, 512]], [[614, 563]])] * 8, 6),
    }
    for name in args.cases:
        case = cases[name]
        alone = 0.0
        for together in (1, 2, 4, 8, 16) if name == "heads" else (1, 2, 4, 8):
            now = max(rate(*case, together=together) for _ in range(2))
            alone = alone or now
            print(f"{name:>6}  {together:2d} at once  {now:6.1f} steps/s  {now / alone:.2f}x", flush=True)


if __name__ == "__main__":
    main()
