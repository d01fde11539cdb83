"""Draw how a model's measures went while it was trained, from the logs of its runs.

    python -m recipes.curves --run RUN/supervised RUN/adversarial --out curves.svg

Runs are drawn one after the other, along the images that were shown in all. A run that went back to an older checkpoint
is drawn as it went on from there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

MEASURES = {"held_out": "held-out error, of 255", "frechet": "Fréchet distance, 256 samples"}
"""Of a log, and what they are called: the mean absolute error is 127.5 times that of pictures in [-1, 1]."""


def read_log(run: Path) -> list[dict[str, Any]]:
    """Rows of a run folder's log in the order of the images shown; of repeated ones, the last."""
    try:
        rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    except (OSError, ValueError) as problem:
        raise SystemExit(f"{run} has no log of a training run: {problem}") from problem
    kept: list[dict[str, Any]] = []
    for row in rows:
        while kept and kept[-1]["shown"] >= row["shown"]:
            kept.pop()
        kept.append(row)
    return kept


def curve(rows: list[dict[str, Any]], measure: str, before: int) -> tuple[list[int], list[float]]:
    """Images shown, with those of earlier runs, and values; rows that do not measure it are left out."""
    found = [(before + row["shown"], row[measure]) for row in rows if measure in row]
    return [shown for shown, _ in found], [value for _, value in found]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, nargs="+", required=True, help="run folders in order")
    parser.add_argument("--out", type=Path, required=True, help="picture: .svg, .png or .pdf")
    args = parser.parse_args(arguments)
    logs = [read_log(run) for run in args.run]

    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panels = figure.subplots(1, 2)
    before = 0
    for run, rows in zip(args.run, logs, strict=True):
        for panel, (measure, label) in zip(panels, MEASURES.items(), strict=True):
            panel.plot(*curve(rows, measure, before), label=run.name, marker=".", markersize=3, linewidth=1)
            panel.set(xlabel="images shown", ylabel=label, yscale="log")
            panel.yaxis.set_major_formatter("{x:g}")
            panel.yaxis.set_minor_formatter("{x:g}")
            panel.grid(visible=True, which="both", alpha=0.3)
        # Where the size of the pictures changes, so does the measure.
        for last, row in pairwise(rows):
            if last.get("resolution", row.get("resolution")) != row.get("resolution"):
                panels[0].axvline(before + last["shown"], color="grey", linewidth=0.8, linestyle=":")
        before += rows[-1]["shown"] if rows else 0
    panels[0].legend()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.out, metadata={"Date": None} if args.out.suffix == ".svg" else None)
    print(f"{args.out}: {before:,} images")


if __name__ == "__main__":
    main()
