"""Invert a picture into a randomly initialised StyleGAN2, for memory and time; what it shows means nothing.

    python -m benchmarks.photo_memory [--resolution 1024] [--steps 2]

Prints seconds of a step of the projection and of the tuning, the peak memory of the process before and after, the size
of the file, and whether the model's own weights are as they were, by their SHA-256.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from draglab.generators import StyleGAN2, StyleGAN2Config
from draglab.inversion import Inversion, InversionSettings, whole_frame


def peak() -> float:
    """Peak memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=2, help="of the projection, and of the tuning")
    args = parser.parse_args(arguments)
    torch.manual_seed(0)
    generator = StyleGAN2(StyleGAN2Config(img_resolution=args.resolution)).eval().requires_grad_(False)
    before, weights = generator.sha256, sum(one.numel() for one in generator.published_tensors().values()) / 1e6
    print(f"StyleGAN2 {args.resolution} px, {weights:.1f} million weights; {peak():.0f} MiB before the inversion")
    rows, columns = np.mgrid[: args.resolution, : args.resolution] / args.resolution
    picture = (np.stack([rows, columns, 1 - rows], 2) * 255).astype(np.uint8)
    settings = InversionSettings(projection_steps=args.steps, tuning_steps=args.steps, enough=0)
    shape = (args.resolution, args.resolution)
    inversion = Inversion(generator, picture, whole_frame(shape, shape), settings)
    tick = time.perf_counter()
    for step in inversion:
        spent, tick = time.perf_counter() - tick, time.perf_counter()
        print(f"{step.stage} {step.index}: {spent:.1f} s, LPIPS {step.lpips:.3f}, {peak():.0f} MiB", flush=True)
    photo = inversion.photo()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "photo.draglab"
        photo.save(file)
        print(f"file {file.stat().st_size / 2**20:.1f} MiB, peak {peak():.0f} MiB")
    print(f"the model's own weights are {'as they were' if generator.sha256 == before else 'CHANGED'}")


if __name__ == "__main__":
    main()
