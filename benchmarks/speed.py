"""Steps per second and peak memory of the engine beside a plain implementation, on this machine, in one run.

    python -m benchmarks.speed [--cases heads 256 512 1024] [--steps 3] [--out benchmarks/out/speed.json]

Every measurement has a process of its own; memory is that process's peak resident set. Both sides drag one handle with
the paper's settings, without a mask, and make no pictures. Sizes are randomly initialised generators of the full
published size (channel_base 32768, channel_max 512).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

OUT = Path(__file__).resolve().parent / "out" / "speed.json"
CASES = ["heads", "256", "512", "1024"]


def measure(side: str, case: str, steps: int) -> dict[str, float]:
    """Run one side of one case in this process."""
    import torch

    import draglab
    from benchmarks.plain import plain_drag_steps
    from draglab.generators import StyleGAN2, StyleGAN2Config

    torch.manual_seed(0)
    # Otherwise tiny gradients make either side slow at random.
    torch.set_flush_denormal(True)
    if case == "heads":
        generator = draglab.load_generator("heads", device="cpu")
    else:
        generator = StyleGAN2(StyleGAN2Config(img_resolution=int(case)))
        generator = generator.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    size, feature_resolution = generator.img_resolution, min(128, generator.img_resolution)
    w_plus = generator.w_plus_from_seed(1)
    handle, target = [round(0.4 * size), round(0.5 * size)], [round(0.6 * size), round(0.55 * size)]
    if side == "engine":
        edit = draglab.DragEdit([handle], [target])
        settings = draglab.DragSettings.paper(feature_resolution=feature_resolution)
        iterations = draglab.drag_steps(generator, w_plus, edit, settings)
    else:
        points = torch.tensor([handle], dtype=torch.float32), torch.tensor([target], dtype=torch.float32)
        iterations = plain_drag_steps(generator, w_plus, *points, None, feature_resolution)
    next(iterations)
    seconds = []
    for _ in range(steps):
        begun = time.perf_counter()
        next(iterations)
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # The best of them: other processes can only slow a step down.
    return {"steps_per_s": 1 / min(seconds), "peak_mb": peak}


def measure_apart(side: str, case: str, steps: int) -> dict[str, float]:
    """The same in a new process."""
    command = [sys.executable, "-m", "benchmarks.speed", "--child", side, "--cases", case, "--steps", str(steps)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=CASES, help=f"of {', '.join(CASES)}, or any image size")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--child", choices=["engine", "reference"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(args.child, args.cases[0], args.steps)))
        return
    rows = []
    print(f"{'case':>6}  {'reference':>18}  {'engine':>18}  {'ratio':>6}  {'memory':>7}")
    for case in args.cases:
        reference = measure_apart("reference", case, args.steps)
        engine = measure_apart("engine", case, max(args.steps, 5))
        row = {
            "case": case,
            "reference_steps_per_s": reference["steps_per_s"],
            "engine_steps_per_s": engine["steps_per_s"],
            "ratio": engine["steps_per_s"] / reference["steps_per_s"],
            "reference_peak_mb": reference["peak_mb"],
            "engine_peak_mb": engine["peak_mb"],
        }
        rows.append(row)
        print(
            f"{case:>6}  {reference['steps_per_s']:7.2f}/s {reference['peak_mb']:5.0f} MB"
            f"  {engine['steps_per_s']:7.2f}/s {engine['peak_mb']:5.0f} MB"
            f"  {row['ratio']:5.1f}x  {engine['peak_mb'] / reference['peak_mb']:6.0%}",
            flush=True,
        )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(rows, indent=2) + "\n")
    print(f"written to {args.out.relative_to(Path.cwd()) if args.out.is_relative_to(Path.cwd()) else args.out}")


if __name__ == "__main__":
    main()
