"""Run a list of fixed drags, the 60 of `heads` unless told otherwise, and judge them.

    python -m benchmarks.drags [--preset paper] [--set r1=6 ...] [--every 4] [--model FILE] [--sheet drags.png]
    python -m benchmarks.drags --drags benchmarks/drags_heads_features.json
    python -m benchmarks.drags --model hands --drags recipes/hands/drags.json [--judge mediapipe-hands]

Prints a table by kind of drag and writes benchmarks/out/LIST_PRESET.json. Drags of no landmark (hands) are judged only
where --judge is given; without, the table says how many arrived by the tracker's own account. Sharpness below 1 says
that edits blur the picture. docs/perception.md describes the judges.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import draglab
from draglab.dragging import DragSettings
from draglab.evaluation import DragOutcome, FixedDrag, load_drags, run_drags, summarize, thin_drags
from draglab.evaluation.instruments import JUDGES
from draglab.media.overlay import draw_edit
from draglab.perception import LPIPS, FaceDescriptor, HeadLandmarks, LandmarkDetector

HERE = Path(__file__).resolve().parent
MAX_STEPS = 150


def positive(text: str) -> int:
    """An argument that counts from 1."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


def heads_drags(every: int = 1) -> list[FixedDrag]:
    """The 60 fixed drags of `heads`, or one of every so many of each kind: 3 = 20 drags, each of another image."""
    return thin_drags(load_drags(HERE / "drags_heads.json"), every)


def parse_changes(pairs: list[str]) -> dict[str, Any]:
    """["r1=6", "latent_space=w"] -> settings; what is no Python literal is text."""
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            changes[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            changes[name] = text
    return changes


def choose_judge(name: str | None, drags: list[FixedDrag]) -> LandmarkDetector | None:
    """The judge of that name; without one, that of `heads` if any drag is of a landmark."""
    if name is None:
        return HeadLandmarks() if any(one.landmark is not None for one in drags) else None
    return JUDGES[name]() if name in JUDGES else HeadLandmarks(name)


def write_sheet(outcomes: list[DragOutcome], path: Path) -> None:
    """Before (with handle and target) and after (with the target) of every drag."""
    tiles = []
    for outcome in outcomes:
        one = outcome.drag
        pair = [
            draw_edit(outcome.before, [one.handle], [one.target], at_least=256),
            draw_edit(outcome.after, [one.target], [one.target], at_least=256),
        ]
        tiles.append(np.concatenate(pair, axis=1))
    columns = 6
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    Image.fromarray(np.concatenate(rows)).save(path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=["draglab", "paper"], default="draglab")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="changes to the preset")
    parser.add_argument("--every", type=positive, default=1, help="only one of every so many drags of each kind")
    parser.add_argument("--model", default="heads")
    parser.add_argument("--drags", type=Path, default=HERE / "drags_heads.json", help="list of drags")
    parser.add_argument(
        "--judge",
        help=f"{', '.join(JUDGES)}, or the file of a landmark network; if left out, heads for drags of landmarks",
    )
    parser.add_argument(
        "--perception",
        action="store_true",
        help="also the distance of dlib's face descriptors (0.6 = another person), and LPIPS outside the drag",
    )
    parser.add_argument("--sheet", type=Path, help="write before and after of every drag to this PNG")
    args = parser.parse_args(arguments)
    changes = {"max_steps": MAX_STEPS, **parse_changes(args.set)}
    try:
        DragSettings(**changes)  # checked before a model is loaded
    except (TypeError, draglab.DraglabError) as problem:
        parser.error(f"--set: {problem}")
    generator = draglab.load_generator(args.model)
    paper = args.preset == "paper"
    settings = DragSettings.paper(**changes) if paper else DragSettings.for_model(generator, **changes)
    size = generator.img_resolution
    drags = thin_drags(load_drags(args.drags, size), args.every)
    try:
        judge = choose_judge(args.judge, drags)
    except draglab.DraglabError as problem:
        parser.error(f"--judge: {problem}")
    describe, lpips = (FaceDescriptor(), LPIPS()) if args.perception else (None, None)
    outcomes = list(run_drags(generator, judge, drags, settings, describe, lpips))
    table = {"all": summarize(outcomes, size)}
    for kind in dict.fromkeys(one.kind for one in drags):
        table[kind] = summarize([outcome for outcome in outcomes if outcome.drag.kind == kind], size)
    for name, row in table.items():
        print(f"{name:24s}" + "  ".join(f"{key} {value:.2f}" for key, value in row.items()))
    out = HERE / "out"
    out.mkdir(exist_ok=True)
    (out / f"{args.drags.stem}_{args.preset}.json").write_text(json.dumps(table, indent=2))
    if args.sheet:
        args.sheet.parent.mkdir(parents=True, exist_ok=True)
        write_sheet(outcomes, args.sheet)


if __name__ == "__main__":
    main()
