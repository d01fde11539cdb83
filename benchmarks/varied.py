"""Run a list of varied drags, draw sheets to judge them by eye, and tabulate the verdicts (docs/varied.md).

    python -m benchmarks.varied run --out demo/heads [--set descent=first-order ...]
    python -m benchmarks.varied run --model hands --drags benchmarks/drags_hands_varied.json --out demo/hands
    python -m benchmarks.varied sheet demo/old demo/new --every 3 --blind demo/key.json --out demo/blind
    python -m benchmarks.varied sheet demo/heads --small --verdicts VERDICTS --webp --out docs/gallery/varied-heads
    python -m benchmarks.varied verdicts benchmarks/verdicts/heads.json [--run demo/heads]

`run` writes what the steps say (outcomes.json), the pictures before and after, and pages to look at (look-1.png, ...)
into a folder. `sheet` draws other pages: small ones, with verdicts, or of several runs mixed. A page has the picture
before with the arrow, after with a ring around the target (and a cross where the judge found the landmark), and the
same two enlarged without marks. `verdicts` checks a file of verdicts and prints how many of each there are, by kind.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import draglab
from benchmarks.drags import HERE, JUDGES, MAX_STEPS, choose_judge, parse_changes, positive
from benchmarks.varied_sheet import Row, draw_page, draw_small_page
from draglab.dragging import DragSettings
from draglab.dragging.metric import LatentMetric
from draglab.evaluation import DragOutcome, load_drags, run_drags, thin_drags
from draglab.generators import Generator
from draglab.perception import MULTI_PIE, LandmarkDetector

VERDICTS = ("right", "wrong", "hazy", "person", "deformed")
"""Verdicts of docs/varied.md."""
NOSE_LINE, JAW_ENDS = (27, 28, 29, 30), (0, 16)
SURROUNDINGS: dict[str, tuple[int, ...]] = {
    "nose": JAW_ENDS, "chin": NOSE_LINE, "mouth corner": (31, 33, 35), "upper lip": (31, 33, 35),
    "lower lip": (31, 33, 35), "brow": (27, 36, 39, 42, 45), "eye corner": (*NOSE_LINE, 39, 42),
    "lid": (36, 39, 40, 41, 42, 45, 46, 47), "jaw": NOSE_LINE, "ear": NOSE_LINE, "hairline": NOSE_LINE,
    "crown": NOSE_LINE, "shoulder": (8, *NOSE_LINE),
}  # fmt: skip
"""Part of a head -> landmarks in relation to which it is to move."""
PAGE, SMALL_PAGE = 6, 18
"""Drags on a page."""


@dataclass(frozen=True)
class Numbers:
    """Numbers of one drag; distances in pixels of the image.

    Attributes:
        sigmas: length of the latent's change in the model's metric, standard deviations; None = no statistics.
            First-order drags also change what hardly varies among the model's latents: hundreds of them.
        followed: how far the part's `SURROUNDINGS` went along, as a share of the drag's way; None = no judge of faces.
        course: (distance to the target, loss) of every step; the loss of Gauss-Newton is the mismatch of the patch.
        ended, found: where the tracker and the judge see the handle in the end.
    """

    seed: int
    kind: str
    handle: tuple[float, float]
    target: tuple[float, float]
    stop_reason: str
    steps: int
    tracked: float
    judged: float | None
    judged_before: float | None
    sigmas: float | None
    followed: float | None
    changed: float
    sharpness: float
    course: tuple[tuple[float, float], ...]
    ended: tuple[float, float]
    found: tuple[float, float] | None


class Ruler:
    """Lengths of changes of a model's latents in its metric."""

    def __init__(self, generator: Generator, settings: DragSettings):
        self.layers = 1 if settings.latent_space == "w" else settings.num_layers
        self.root = None
        if generator.statistics is not None:
            metric = LatentMetric(generator.statistics, settings.num_layers, settings.latent_space == "w")
            width = generator.w_avg.shape[-1]
            unit = torch.eye(self.layers * width).view(-1, self.layers, width)
            values, vectors = torch.linalg.eigh(metric(unit).flatten(1).double())
            kept = values > 1e-7 * values[-1]
            self.root = vectors[:, kept] / values[kept].sqrt()

    def length(self, change: torch.Tensor) -> float | None:
        """Return the length of a change of w_plus [1, num_ws, w_dim], standard deviations."""
        if self.root is None:
            return None
        return float((change[0, : self.layers].flatten().double() @ self.root).norm())


def followed(judge: LandmarkDetector | None, outcome: DragOutcome) -> float | None:
    """Return how far the surroundings went along, see :class:`Numbers`."""
    near = [indices for part, indices in SURROUNDINGS.items() if outcome.drag.kind.startswith(f"{part} ")]
    if judge is None or judge.layout != MULTI_PIE or not near:
        return None
    before, after = judge([outcome.before, outcome.after])
    way = np.subtract(outcome.drag.target, outcome.drag.handle)
    share = float(((after - before)[list(near[0])] @ way / (way @ way)).mean())
    return share if np.isfinite(share) else None


def name_of(index: int, which: str) -> str:
    """Return the file name of a picture of a drag, `which` is before or after."""
    return f"{index:03d}_{which}.png"


def run(args: argparse.Namespace) -> None:
    """Run a list and write numbers and pictures."""
    generator = draglab.load_generator(args.model)
    settings = DragSettings.for_model(generator, **{"max_steps": MAX_STEPS, **parse_changes(args.set)})
    drags = thin_drags(load_drags(args.drags, generator.img_resolution), args.every)
    judge, ruler = choose_judge(args.judge, drags), Ruler(generator, settings)
    args.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for index, outcome in enumerate(run_drags(generator, judge, drags, settings)):
        one = outcome.drag
        start = generator.w_plus_from_seed(one.seed, one.truncation_psi)
        numbers = Numbers(
            **{key: getattr(one, key) for key in ("seed", "kind", "handle", "target")},
            **{key: getattr(outcome, key) for key in Numbers.__annotations__ if hasattr(outcome, key)},
            sigmas=ruler.length(outcome.w_plus - start),
            followed=followed(judge, outcome),
        )
        rows.append(asdict(numbers))
        for which, picture in (("before", outcome.before), ("after", outcome.after)):
            Image.fromarray(picture).save(args.out / name_of(index, which))
        print(caption_of(numbers), flush=True)
    content = {"model": args.model, "list": args.drags.name, "settings": asdict(settings), "outcomes": rows}
    (args.out / "outcomes.json").write_text(json.dumps(content, indent=1))
    write_pages(read_run(args.out), args.out / "look")


def caption_of(numbers: Numbers) -> str:
    """Return one line about a drag."""
    sigmas = "" if numbers.sigmas is None else f", {numbers.sigmas:.1f} sd"
    state = f"{numbers.stop_reason} {numbers.steps}, {numbers.tracked:.1f} px left"
    return f"{numbers.kind} {numbers.seed}: {state}{sigmas}{measures_of(numbers)}"


def measures_of(numbers: Numbers) -> str:
    """Return what the judge measured in the pictures, which does not betray how they were made."""
    judged = "" if numbers.judged is None else f", judged {numbers.judged_before:.1f} > {numbers.judged:.1f}"
    rest = "" if numbers.followed is None else f", surroundings {100 * numbers.followed:.0f} %"
    return judged + rest


def read_run(folder: Path) -> list[Row]:
    """Return the drags of a folder that `run` wrote."""
    content = json.loads((folder / "outcomes.json").read_text())

    def picture(index: int, which: str) -> NDArray[np.uint8]:
        return np.asarray(Image.open(folder / name_of(index, which)).convert("RGB"))

    rows = []
    for index, each in enumerate(content["outcomes"]):
        numbers = Numbers(**each)
        marks = (numbers.handle, numbers.target, numbers.found)
        key = (numbers.kind, numbers.seed)
        texts = (caption_of(numbers), measures_of(numbers))
        rows.append(Row(key, *texts, *marks, picture(index, "before"), picture(index, "after")))
    return rows


def sheet(args: argparse.Namespace) -> None:
    """Draw pages of one run, or of several mixed blindly."""
    rows = [(folder, row) for folder in args.folders for row in read_run(folder)]
    if args.every > 1:
        # The same drags of every run.
        random = np.random.RandomState(args.every)
        keys = list(dict.fromkeys(row.key for _, row in rows))
        chosen = {keys[index] for index in random.permutation(len(keys))[: len(keys) // args.every]}
        rows = [(folder, row) for folder, row in rows if row.key in chosen]
    if args.blind:
        rows = [rows[index] for index in np.random.RandomState(len(rows)).permutation(len(rows))]
        key = [{"folder": folder.name, "kind": row.key[0], "seed": row.key[1]} for folder, row in rows]
        args.blind.write_text(json.dumps(key, indent=1))
        rows = [(folder, row.blind(number)) for number, (folder, row) in enumerate(rows)]
    elif args.verdicts:
        verdicts = {(each["kind"], each["seed"]): each["verdict"] for each in read_verdicts(args.verdicts)}
        rows = [(folder, row.judged(verdicts[row.key])) for folder, row in rows]
    write_pages([row for _, row in rows], args.out, args.small, args.webp)


def write_pages(rows: list[Row], out: Path, small: bool = False, webp: bool = False) -> None:
    """Write pages of drags to OUT-1.png and so on."""
    per_page, draw = (SMALL_PAGE, draw_small_page) if small else (PAGE, draw_page)
    out.parent.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(rows), per_page), 1):
        page = Image.fromarray(draw(rows[start : start + per_page]))
        path = out.parent / f"{out.name}-{number}.{'webp' if webp else 'png'}"
        page.save(path, quality=80, method=6) if webp else page.save(path)
        print(path)


def read_verdicts(path: Path) -> list[dict[str, Any]]:
    """Return the verdicts of a file.

    Raises:
        ValueError: a verdict is none of VERDICTS, has no reason, or a drag is judged twice.
    """
    verdicts = json.loads(path.read_text())["verdicts"]
    seen: set[tuple[str, int]] = set()
    for each in verdicts:
        drag = (each["kind"], each["seed"])
        if each["verdict"] not in VERDICTS or not each["reason"].strip() or drag in seen:
            raise ValueError(f"{drag}: give each drag one of {', '.join(VERDICTS)}, once, with a reason")
        seen.add(drag)
    return verdicts


def table_of(verdicts: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return how many of each verdict there are: of all drags and of each kind."""
    names = ["all", *dict.fromkeys(each["kind"] for each in verdicts)]
    return {
        name: {
            verdict: sum(each["verdict"] == verdict and name in ("all", each["kind"]) for each in verdicts)
            for verdict in VERDICTS
        }
        for name in names
    }


def tabulate(args: argparse.Namespace) -> None:
    """Print the table of a file of verdicts."""
    verdicts = read_verdicts(args.file)
    if args.run:
        dragged = {row.key for row in read_run(args.run)}
        if missing := dragged - {(each["kind"], each["seed"]) for each in verdicts}:
            raise ValueError(f"{len(missing)} drags have no verdict, for instance {sorted(missing)[0]}")
    print(f"{'':24s}" + "".join(f"{verdict:>10s}" for verdict in VERDICTS) + "   right, %")
    for name, row in table_of(verdicts).items():
        share = 100 * row["right"] / max(sum(row.values()), 1)
        print(f"{name:24s}" + "".join(f"{row[verdict]:10d}" for verdict in VERDICTS) + f"{share:11.0f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("run", help="run a list")
    command.set_defaults(do=run)
    command.add_argument("--model", default="heads")
    command.add_argument("--drags", type=Path, default=HERE / "drags_heads_varied.json", help="list of drags")
    command.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="changes to the model's settings")
    command.add_argument("--judge", help=f"{', '.join(JUDGES)}; if left out, heads for drags of landmarks")
    command.add_argument("--every", type=positive, default=1, help="only one of every so many drags of each kind")
    command.add_argument("--out", type=Path, required=True, help="folder")
    command = commands.add_parser("sheet", help="draw pages of runs")
    command.set_defaults(do=sheet)
    command.add_argument("folders", nargs="+", type=Path, help="what `run` wrote")
    command.add_argument("--out", type=Path, required=True, help="start of the names of the pages")
    command.add_argument("--every", type=positive, default=1, help="a random one of every so many drags")
    command.add_argument("--small", action="store_true", help="18 drags a page instead of 6, before and after only")
    command.add_argument("--webp", action="store_true", help="WebP instead of PNG")
    command.add_argument("--verdicts", type=Path, help="file of verdicts to write below the drags")
    command.add_argument("--blind", type=Path, help="shuffle, write only kinds, and what was what into this JSON")
    command = commands.add_parser("verdicts", help="tabulate verdicts")
    command.set_defaults(do=tabulate)
    command.add_argument("file", type=Path)
    command.add_argument("--run", type=Path, help="folder of the run that was judged, to check that none is missing")
    args = parser.parse_args(arguments)
    try:
        args.do(args)
    except (draglab.DraglabError, ValueError, OSError) as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
