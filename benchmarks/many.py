"""Steps per second of `draglab.drag_many` for different numbers of drags at once, on this machine, in one run.

    python -m benchmarks.many

The 60 fixed drags of `heads`, then eight drags of a randomly initialised 1024 px generator of the full published size.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch

import draglab
from draglab.evaluation import load_drags
from draglab.generators import StyleGAN2, StyleGAN2Config


def rate(generator: StyleGAN2, seeds: list[int], edits: list[draglab.DragEdit], max_steps: int, together: int) -> float:
    """Steps per second over all drags."""
    w_plus = torch.cat([generator.w_plus_from_seed(seed) for seed in seeds])
    settings = draglab.DragSettings(max_steps=max_steps)
    begun = time.perf_counter()
    results = draglab.drag_many(generator, w_plus, edits, settings, together=together)
    return sum(result.steps for result in results) / (time.perf_counter() - begun)


def main() -> None:
    """Print one line for each number."""
    torch.set_flush_denormal(True)
    drags = load_drags(Path(__file__).with_name("drags_heads.json"))
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
    for name, case in cases.items():
        alone = 0.0
        for together in (1, 2, 4, 8, 16) if name == "heads" else (1, 2, 4, 8):
            now = max(rate(*case, together=together) for _ in range(2))
            alone = alone or now
            print(f"{name:>6}  {together:2d} at once  {now:6.1f} steps/s  {now / alone:.2f}x", flush=True)


if __name__ == "__main__":
    main()
