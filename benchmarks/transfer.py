"""Transfer edits of `heads` to other seeds, and judge them by the detector of its landmarks.

    python -m benchmarks.transfer [--edits 10] [--seeds 2000-2019] [--sheet transfer.png]

The edits are those of drags_heads.json, one of each source image, the kinds in turn. What a transferred drag should do
follows from all 68 landmarks of both images: the source's way, turned and scaled as the similarity between them is.
Distances are in percent of the width. Prints a table by kind, and writes benchmarks/out/transfer.json. docs/transfer.md
has its numbers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import draglab
from benchmarks.drags import heads_drags, positive
from draglab.cli.arguments import parse_seeds
from draglab.dragging import DragSettings
from draglab.dragging.similarity import fit_similarity
from draglab.editor.transfer import EditTransfer, SourceEdit, Transferred
from draglab.evaluation import FixedDrag
from draglab.generators import Generator
from draglab.media.edit_file import EditFile, ModelReference, Round, SeedStart
from draglab.perception import HeadLandmarks

OUT = Path(__file__).resolve().parent / "out" / "transfer.json"


@dataclass(frozen=True)
class Outcome:
    """One edit on one seed; lengths in percent of the image's width.

    Attributes:
        skipped: why; None = it was edited. copied: distance of the source's handle from the landmark in this image.
        should: length of the way that the landmark should make. found: distance of the handle from it.
        asked: difference of the way that was asked for. done: difference of the way that the landmark has made.
        met: whether the image was taken to meet the target already. progress: how far along the way its landmark is.
    """

    kind: str
    source: int
    seed: int
    skipped: str | None
    confidence: float
    copied: float
    should: float
    met: bool
    progress: float
    found: float | None = None
    asked: float | None = None
    done: float | None = None


def chosen_edits(count: int) -> list[FixedDrag]:
    """One drag of each source image, the kinds in turn."""
    drags = heads_drags()
    kinds = list(dict.fromkeys(drag.kind for drag in drags))
    by_seed: dict[int, list[FixedDrag]] = {}
    for drag in drags:
        by_seed.setdefault(drag.seed, []).append(drag)
    chosen = []
    for index, several in enumerate(by_seed.values()):
        chosen += [drag for drag in several if drag.kind == kinds[index % len(kinds)]]
    return chosen[:count]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=positive, default=10, help="number of edits")
    parser.add_argument("--seeds", default="2000-2019", help="seeds that each is transferred to")
    parser.add_argument("--sheet", type=Path, help="pictures: a row for each edit, the source and its result first")
    arguments = parser.parse_args()
    seeds = parse_seeds([arguments.seeds])
    generator, judge = draglab.load_generator("heads", device="cpu"), HeadLandmarks()
    outcomes: list[Outcome] = []
    rows: list[NDArray[np.uint8]] = []
    begun = time.perf_counter()
    for drag in chosen_edits(arguments.edits):
        found, pictures = transfer(drag, seeds, generator, judge)
        outcomes += found
        rows.append(np.concatenate(pictures[:18], axis=1))
        print(f"{drag.kind}, seed {drag.seed}: {time.perf_counter() - begun:.0f} s", flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n")
    if arguments.sheet is not None:
        Image.fromarray(np.concatenate(rows)).save(arguments.sheet)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"commit {commit.stdout.strip() or 'unknown'}, {len(outcomes)} transfers")
    print(table(outcomes))


def transfer(
    drag: FixedDrag, seeds: list[int], generator: Generator, judge: HeadLandmarks
) -> tuple[list[Outcome], list[NDArray[np.uint8]]]:
    """Transfer a drag; return the outcomes, and the pictures: before and after, of the source and of each seed."""
    settings = asdict(DragSettings.for_model(generator))
    handles, targets = np.array([drag.handle]), np.array([drag.target])
    edit = EditFile(
        model=ModelReference(name="heads", sha256=generator.sha256),
        start=SeedStart(seed=drag.seed),
        rounds=[Round.from_arrays(handles, targets, None, settings)],
    )
    work = EditTransfer(SourceEdit.from_edit_file(edit, generator), generator, skip_met=False)
    source = picture(generator, drag.seed)
    (own,) = judge([source])
    start = generator.w_plus_from_seed(drag.seed)
    drawn = draglab.drag(generator, start, draglab.DragEdit(handles, targets), DragSettings.for_model(generator))
    pictures = [source, drawn.image()]
    outcomes = []
    for seed in seeds:
        before = picture(generator, seed)
        made = work.run(work.start(seed))
        after = before if made.image is None else made.image
        marks, moved = judge([before, after])
        outcomes.append(judged(drag, seed, made, own, marks, moved, generator.img_shape[1]))
        pictures += [before, np.zeros_like(before) if made.image is None else made.image]
    return outcomes, pictures


def judged(
    drag: FixedDrag,
    seed: int,
    made: Transferred,
    own: NDArray[np.float64],
    marks: NDArray[np.float64],
    moved: NDArray[np.float64],
    width: int,
) -> Outcome:
    """Judge one transfer by the landmarks of the source, and of the other image before and after."""
    mark = drag.landmark
    assert mark is not None
    handle, way = np.array(drag.handle), np.array(drag.target) - np.array(drag.handle)
    truth = fit_similarity(own, marks, np.ones(len(own)), 0.05 * width)
    should = truth.matrix @ way

    def percent(difference: NDArray[np.float64]) -> float:
        return round(float(np.linalg.norm(difference)) / width * 100, 3)

    common = (drag.kind, drag.seed, seed, made.skipped, made.confidence)
    copied, length = percent(handle - marks[mark]), percent(should)
    ahead = round(float((marks[mark] - truth(own[mark])) @ should) / float(should @ should), 3)
    met = made.rounds[0].met > 0
    if made.edit is None:
        return Outcome(*common, copied, length, met, ahead)
    one = made.edit.rounds[0]
    asked = one.targets()[0] - one.handles()[0]
    found = percent(one.handles()[0] - marks[mark])
    return Outcome(
        *common, copied, length, met, ahead, found, percent(asked - should), percent(moved[mark] - marks[mark] - should)
    )


@torch.no_grad()
def picture(generator: Generator, seed: int) -> NDArray[np.uint8]:
    """The image of a seed."""
    return draglab.to_uint8(generator.image(generator.w_plus_from_seed(seed)))[0]


def table(outcomes: list[Outcome]) -> str:
    """Return a table by kind of edit, as Markdown."""
    heads = [
        "edits",
        "transfers",
        "found",
        "copied",
        "handle",
        "within 5 %",
        "way",
        "asked",
        "done",
        "met",
        "truly met",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for kind in [*dict.fromkeys(each.kind for each in outcomes), "all"]:
        own = [each for each in outcomes if kind in (each.kind, "all")]
        edited = [each for each in own if each.found is not None]
        near = np.mean([each.found is not None and each.found < 5 for each in edited]) if edited else 0
        values = [[getattr(each, name) for each in edited] for name in ("found", "should", "asked", "done")]
        handle, way, asked, done = (f"{np.median(each):.2f}" if each else "-" for each in values)
        copied = f"{np.median([each.copied for each in own]):.2f}"
        met = [each for each in edited if each.met]
        truly = sum(each.progress >= 0.5 for each in met)
        cells = [kind, len(own), len(edited), copied, handle, f"{near * 100:.0f} %", way, asked, done, len(met), truly]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
