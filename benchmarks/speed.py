"""Steps per second and peak memory of the engine beside a plain implementation, on this machine, in one run.

    python -m benchmarks.speed [--cases heads 1024 1024-mask ...] [--steps 3] [--out benchmarks/out/speed.json]

Every measurement has a process of its own; memory is that process's peak resident set. Both sides drag with the paper's
settings and make no pictures. Sizes are randomly initialised generators of the full published size (channel_base 32768,
channel_max 512), "1024-mobile" is a MobileStyleGAN. "whole map" is the engine without windows.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

OUT = Path(__file__).resolve().parent / "out" / "speed.json"


@dataclass(frozen=True)
class Case:
    """What is dragged: `model` is a bundled one or an image size; half the image is frozen if `masked`; with `preview`
    the engine makes the picture of every step, as the reference does in any case."""

    model: str
    handles: int = 1
    masked: bool = False
    preview: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    sides: tuple[str, ...] = ("reference", "engine")


CASES = {
    "heads": Case("heads"),
    "heads-preview": Case("heads", preview=True),
    "256": Case("256"),
    "512": Case("512"),
    "1024": Case("1024"),
    "1024-5": Case("1024", handles=5),
    "1024-mask": Case("1024", masked=True),
    "1024-bf16": Case("1024", settings={"precision": "bfloat16"}),
    "1024-mask-bf16": Case("1024", masked=True, settings={"precision": "bfloat16"}),
    "1024-mobile": Case("mobile"),
    "256-68": Case("256", handles=68, sides=("reference", "whole map", "engine")),
    "1024-68": Case("1024", handles=68, sides=("reference", "whole map", "engine")),
}


def points(case: Case, size: int) -> tuple[Any, Any]:
    """Handles and targets, whole pixels [n, 2]; far enough apart that no handle arrives."""
    if case.handles == 1:
        return np.round([[0.4 * size, 0.5 * size]]), np.round([[0.6 * size, 0.55 * size]])
    random = np.random.RandomState(0)
    handles = random.uniform(0.2, 0.8, (case.handles, 2)) * size
    return handles.round(), (handles + random.uniform(-0.2, 0.2, handles.shape) * size).round()


def steps_of(side: str, case: Case) -> Iterator[Any]:
    """The side's iterations of the case."""
    import torch

    import draglab
    from benchmarks.plain import plain_drag_steps
    from draglab.generators import MobileStyleGAN, MobileStyleGANConfig, StyleGAN2, StyleGAN2Config

    torch.manual_seed(0)
    # Otherwise tiny gradients make either side slow at random.
    torch.set_flush_denormal(True)
    if case.model.isdigit():
        generator = StyleGAN2(StyleGAN2Config(img_resolution=int(case.model)))
        generator = generator.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    elif case.model == "mobile":
        generator = MobileStyleGAN(MobileStyleGANConfig()).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    else:
        generator = draglab.load_generator(case.model, device="cpu")
    size, feature_resolution = generator.img_resolution, min(128, generator.img_resolution)
    w_plus = generator.w_plus_from_seed(1)
    handles, targets = points(case, size)
    mask = None
    if case.masked:
        mask = np.zeros(generator.img_shape, bool)
        mask[:, : size // 2] = True
    if side == "reference":
        assert isinstance(generator, StyleGAN2 | MobileStyleGAN)
        tensors = [torch.from_numpy(each).float() for each in (handles, targets)]
        movable = None if mask is None else torch.from_numpy(mask)
        return plain_drag_steps(generator, w_plus, tensors[0], tensors[1], movable, feature_resolution)
    windowed = side != "whole map"
    settings = draglab.DragSettings.paper(feature_resolution=feature_resolution, windowed=windowed, **case.settings)
    return draglab.drag_steps(generator, w_plus, draglab.DragEdit(handles, targets, mask), settings)


def measure(side: str, case: Case, steps: int) -> dict[str, float]:
    """Run one side of one case in this process."""
    iterations = steps_of(side, case)
    next(iterations)
    seconds = []
    for _ in range(steps):
        begun = time.perf_counter()
        step = next(iterations)
        if case.preview and side != "reference":
            step.image()
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # The best of them: other processes can only slow a step down.
    return {"steps_per_s": 1 / min(seconds), "peak_mb": peak}


def measure_apart(side: str, name: str, steps: int) -> dict[str, float]:
    """The same in a new process."""
    command = [sys.executable, "-m", "benchmarks.speed", "--child", side, "--cases", name, "--steps", str(steps)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES), help="all if left out")
    parser.add_argument("--steps", type=int, default=3, help="of the reference; twice as many of the engine")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args.child, CASES[args.cases[0]], args.steps)))
        return
    rows = []
    print(f"{'case':>14}  {'reference':>18}  {'engine':>18}  {'ratio':>7}  {'memory':>6}")
    for name in args.cases:
        measured = {
            side: measure_apart(side, name, args.steps * (1 if side == "reference" else 2))
            for side in CASES[name].sides
        }
        reference, engine = measured["reference"], measured["engine"]
        row = {"case": name, **{side.replace(" ", "_"): values for side, values in measured.items()}}
        row["ratio"] = engine["steps_per_s"] / reference["steps_per_s"]
        row["memory_share"] = engine["peak_mb"] / reference["peak_mb"]
        line = f"{name:>14}"
        for values in (reference, engine):
            line += f"  {values['steps_per_s']:7.2f}/s {values['peak_mb']:5.0f} MB"
        line += f"  {row['ratio']:6.1f}x  {row['memory_share']:6.0%}"
        if "whole map" in measured:
            row["ratio_to_whole_map"] = engine["steps_per_s"] / measured["whole map"]["steps_per_s"]
            line += f"  {row['ratio_to_whole_map']:.2f}x the whole map's steps/s"
        rows.append(row)
        print(line, flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"written to {args.out.relative_to(Path.cwd()) if args.out.is_relative_to(Path.cwd()) else args.out}")


if __name__ == "__main__":
    main()
