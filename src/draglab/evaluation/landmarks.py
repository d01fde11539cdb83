"""The paper's first experiment: the landmarks of one face are dragged to those of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import DragEdit, DragResult
from draglab.errors import DraglabError
from draglab.evaluation.experiment import Case, Example, Experiment, Measured, Row
from draglab.evaluation.instruments import Instruments
from draglab.evaluation.measures import lpips_distance
from draglab.evaluation.methods import Method
from draglab.evaluation.noise_floor import shift_of, shifted
from draglab.evaluation.pair_list import PairList
from draglab.evaluation.published import LANDMARKS, published_rows
from draglab.evaluation.run_folder import Line, RunFolder
from draglab.evaluation.table import cell, markdown, number
from draglab.generators import Generator, to_uint8
from draglab.geometry import MIN_TRAVEL, REFERENCE_SIZE
from draglab.perception import LandmarkDetector, frechet_distance

POINTS = {
    1: ("left mouth corner",),
    5: ("left outer eye corner", "right outer eye corner", "nose tip", "left mouth corner", "right mouth corner"),
}
"""Number of points -> which; the layout's own number stands for all of its points."""
NO_EDIT, FLOOR = "no edit", "detector's noise floor"
MOST_TRIED = 20
"""Number of pairs that are tried for each that is wanted, before a detector is given up that finds nothing."""


def points_of(count: int, judge: LandmarkDetector) -> list[int]:
    """Return the indices of the landmarks that are dragged.

    Raises:
        DraglabError: the protocol has no such number of points.
    """
    if count == judge.layout.count:
        return list(range(count))
    if count not in POINTS:
        numbers = ", ".join(str(each) for each in [*POINTS, judge.layout.count])
        raise DraglabError(f"the experiment has no {count} points: choose of {numbers}")
    return [judge.layout.index(name) for name in POINTS[count]]


class LandmarkExperiment(Experiment):
    """Drags of the landmarks of a pair's first image to those of its second (section 4.2 of the paper).

    Args:
        generator, methods: see :class:`Experiment`. instruments: with a judge of faces.
        pairs: which pairs are tried, in their order. wanted: number of pairs in both of whose images a face is found.
        points: numbers of points.

    Raises:
        DraglabError: there is no judge, or it has not the points.
    """

    name: ClassVar = "landmarks"
    score = "distance"
    score_title = "mean landmark distance, px of 512"
    measures: ClassVar = ("distance", "start_distance", "tracked", "steps", "seconds", "lpips", "naturalness",
                          "naturalness_start", "arrived", "found")  # fmt: skip

    def __init__(
        self,
        generator: Generator,
        methods: Sequence[Method],
        instruments: Instruments,
        pairs: PairList,
        wanted: int,
        points: Sequence[int],
    ):
        super().__init__(generator, methods)
        generator.class_vector(pairs.of_class)  # a class that does not fit is told now
        if instruments.judge is None:
            raise DraglabError("bench landmarks needs a detector of landmarks: give --judge, for instance dlib")
        self.instruments, self.judge = instruments, instruments.judge
        self.pairs, self.wanted, self.points = pairs, wanted, list(points)
        self.indices = {count: points_of(count, self.judge) for count in self.points}
        self.unit = max(generator.img_shape) / REFERENCE_SIZE
        """A pixel of a 512-pixel image, in pixels of this one."""

    @property
    def protocol(self) -> dict[str, Any]:
        """See :class:`Experiment`."""
        return {
            "model": self.generator.name,
            "model_sha256": self.generator.sha256,
            "judge": self.instruments.judge_name,
            "landmarks": {str(count): list(names) for count, names in POINTS.items()},
            "frechet": self.instruments.describe.title,
            **self.pairs.described(),
        }

    @property
    def size(self) -> dict[str, Any]:
        """See :class:`Experiment`."""
        return {"pairs": self.wanted, "points": self.points}

    @property
    def total(self) -> int:
        """See :class:`Experiment`."""
        return self.wanted * (1 + len(self.points) * len(self.methods))

    def cases(self, run: RunFolder) -> Iterator[Case]:
        """See :class:`Experiment`."""
        usable = 0
        for pair in self.pairs.candidates(MOST_TRIED * self.wanted):
            if usable == self.wanted:
                return
            key, seeds = pair_key(pair), self.pairs.seeds(pair)
            about = {"kind": "pair", "pair": pair, "seeds": list(seeds)}
            yield Case(key, about, lambda pair=pair: self.look_at(pair))
            if not (run.values(key) or {}).get("found"):
                continue
            usable += 1
            for points in self.points:
                for method in self.methods:
                    about = {"kind": "edit", "method": method.spec, "points": points, "pair": pair}
                    yield Case(
                        edit_key(method.spec, points, pair),
                        about,
                        lambda pair=pair, method=method, points=points: self.drag(run, pair, method, points),
                    )
        if not usable:
            raise DraglabError(
                f"the judge {self.instruments.judge_name} finds no face in the images of {self.generator.name}: give "
                "another --judge"
            )

    def usable(self, run: RunFolder) -> list[int]:
        """Return the pairs of the run that count, at most `wanted`."""
        found = []
        for pair in self.pairs.candidates(MOST_TRIED * self.wanted):
            if len(found) == self.wanted or pair_key(pair) not in run.lines:
                break
            if (run.values(pair_key(pair)) or {}).get("found"):
                found.append(pair)
        return found

    @torch.no_grad()
    def picture(self, w_plus: Tensor) -> Tensor:
        """Compute the image of a latent, [1, 3, H, W] in [-1, 1]."""
        return self.generator.image(w_plus).clamp(-1, 1)

    def look_at(self, pair: int) -> Measured:
        """Find the landmarks of both images, and those of the first again after a known shift."""
        images = [self.picture(latent) for latent in self.pairs.latents(pair, self.generator)]
        pixels = [to_uint8(image)[0] for image in images]
        shift = shift_of(pair, self.unit)
        landmarks = self.judge([*pixels, shifted(pixels[0], shift)])
        landmarks[2] -= shift
        found = bool(np.isfinite(landmarks[:2]).all())
        features = self.instruments.describe(images[0])[0].cpu().numpy()
        return Measured({"found": found}, {"landmarks": landmarks, "features": features} if found else None)

    def edit(self, landmarks: NDArray[np.float64], points: int) -> DragEdit:
        """Return the drag of a pair; landmarks that coincide are dragged once, and all stay inside the image."""
        height, width = self.generator.img_shape
        handles, targets = (np.clip(each[self.indices[points]], 0, [width - 1, height - 1]) for each in landmarks[:2])
        apart = [
            i for i in range(len(handles)) if (np.linalg.norm(handles[:i] - handles[i], axis=1) >= MIN_TRAVEL).all()
        ]
        return DragEdit(handles[apart], targets[apart])

    def drag(self, run: RunFolder, pair: int, method: Method, points: int) -> Measured:
        """Drag the landmarks of a pair, and find them again."""
        landmarks = run.arrays(pair_key(pair))["landmarks"]
        w_plus, _ = self.pairs.latents(pair, self.generator)
        result = self.dragged(w_plus, self.edit(landmarks, points), method)
        before, after = self.picture(w_plus), self.picture(result.w_plus)
        ended = self.judge(to_uint8(after))[0]
        tools, chosen = self.instruments, self.indices[points]
        values = {
            "distance": self.apart(ended, landmarks[1], chosen),
            "start_distance": self.apart(landmarks[0], landmarks[1], chosen),
            "found": bool(np.isfinite(ended).all()),
            "tracked": float(result.distances.mean()) / self.unit,
            "arrived": result.stop_reason == "arrived",
            "stop_reason": result.stop_reason,
            "steps": result.steps,
            "seconds": result.seconds,
            "lpips": lpips_distance(tools.lpips, before, after),
            "naturalness": tools.latents.distance(result.w_plus),
            "naturalness_start": tools.latents.distance(w_plus),
        }
        arrays = {
            "w_plus": result.w_plus[0].float().cpu().numpy(),
            "landmarks": ended,
            "features": tools.describe(after)[0].cpu().numpy(),
        }
        return Measured(values, arrays)

    def dragged(self, w_plus: Tensor, edit: DragEdit, method: Method) -> DragResult:
        """Drag; where all landmarks already are at their targets, there is nothing to do."""
        handles, targets = np.asarray(edit.handles), np.asarray(edit.targets)
        left = np.linalg.norm(targets - handles, axis=1)
        if (left >= MIN_TRAVEL).any():
            return method.drag(self.generator, w_plus, edit)
        return DragResult(w_plus, handles, targets, left, 0, 0, "arrived", 0.0, self.generator)

    def apart(self, a: NDArray[np.float64], b: NDArray[np.float64], chosen: list[int]) -> float:
        """Return the mean distance of landmarks [n, 2], in pixels of a 512-pixel image; NaN = not found."""
        return float(np.linalg.norm(a[chosen] - b[chosen], axis=1).mean()) / self.unit

    def rows(self, run: RunFolder) -> list[Row]:
        """See :class:`Experiment`."""
        pairs = self.usable(run)
        of_pair = {pair: run.arrays(pair_key(pair)) for pair in pairs}
        rows = []
        for points in self.points:
            chosen, group = self.indices[points], str(points)
            for name, other in ((NO_EDIT, 1), (FLOOR, 2)):
                lines = [
                    {"distance": self.apart(each["landmarks"][0], each["landmarks"][other], chosen)}
                    for each in of_pair.values()
                ]
                rows.append(self.row(name, group, lines))
            for method in self.methods:
                keys = {pair: edit_key(method.spec, points, pair) for pair in pairs}
                lines = [run.lines[key] for key in keys.values() if key in run.lines]
                whole = [pair for pair, key in keys.items() if run.values(key) is not None]
                numbers = {}
                if len(whole) > 1:
                    first = np.stack([of_pair[pair]["features"] for pair in whole])
                    last = np.stack([run.arrays(keys[pair])["features"] for pair in whole])
                    numbers["frechet"] = frechet_distance(torch.from_numpy(last), torch.from_numpy(first))
                rows.append(self.row(method.spec, group, lines, numbers))
        return rows

    def table(self, rows: Sequence[Row]) -> str:
        """See :class:`Experiment`."""
        by_place = {(row.method, row.group): row for row in rows}
        groups = [str(points) for points in self.points]
        titles = [f"{group} point{'' if group == '1' else 's'}" for group in groups]
        title = self.instruments.describe.title
        body = []
        for name in dict.fromkeys(row.method for row in rows):
            own = [by_place.get((name, group)) for group in groups]
            further = (None, None) if own[0] is None else (own[0].numbers.get("frechet"), own[0].mean("seconds"))
            body.append([name, *(cell(row, "distance") for row in own), *map(number, further)])
        pairs = max((row.edits for row in rows if row.method == NO_EDIT), default=0)
        note = (
            f"Mean landmark distance in pixels of a 512-pixel image, with bootstrap intervals of 95 %, over {pairs} "
            f"pairs of {self.generator.name} (psi {self.pairs.truncation:g}), judged by {self.instruments.judge_name}. "
            "The last two columns belong to the first. Rows of the paper are those of its StyleGAN2-FFHQ, with FID; "
            "its pairs are not published."
        )
        paper = published_rows(LANDMARKS, groups)
        main = markdown(["", *titles, title, "s"], [*body, *paper])
        return f"{main}\n{note}\n\n{self.details(rows)}" if self.methods else f"{main}\n{note}\n"

    def details(self, rows: Sequence[Row]) -> str:
        """Return what else is known of the methods' rows, as Markdown."""
        measures = ("lpips", "naturalness", "seconds", "steps")
        head = ["", "points", "median distance", "arrived %", "found %", "LPIPS", "naturalness", "s", "steps"]
        body = []
        for row in rows:
            if row.method in (NO_EDIT, FLOOR):
                continue
            distance = row.measures.get("distance")
            shares = [None if (mean := row.mean(name)) is None else 100 * mean for name in ("arrived", "found")]
            values = [None if distance is None else distance.median, *shares, *map(row.mean, measures)]
            body.append([row.method, row.group, *map(number, [*values, row.numbers.get("frechet")])])
        note = "LPIPS and Fréchet distance are those of the edited images to the initial ones."
        return markdown([*head, self.instruments.describe.title], body) + "\n" + note + "\n"

    def example(self, run: RunFolder, line: Line) -> Example:
        """See :class:`Experiment`."""
        pair, points = int(line["pair"]), int(line["points"])
        w_plus, _ = self.pairs.latents(pair, self.generator)
        edited = torch.from_numpy(run.arrays(line["key"])["w_plus"])[None].to(w_plus)
        edit = self.edit(run.arrays(pair_key(pair))["landmarks"], points)
        before, after = (to_uint8(self.picture(each))[0] for each in (w_plus, edited))
        return Example(before, after, np.asarray(edit.handles), np.asarray(edit.targets))

    def files(self, run: RunFolder) -> dict[str, Mapping[str, Any]]:
        """See :class:`Experiment`."""
        seeds = [list(self.pairs.seeds(pair)) for pair in self.usable(run)]
        if not seeds:
            return {}
        content = {"model": self.generator.name, "truncation_psi": self.pairs.truncation, "pairs": seeds}
        return {"pairs.json": content}

    def edit_lines(self, run: RunFolder) -> list[Line]:
        """See :class:`Experiment`."""
        keys = [
            edit_key(method.spec, points, pair)
            for pair in self.usable(run)
            for points in self.points
            for method in self.methods
        ]
        return [line for key in keys if (line := run.values(key)) is not None]


def pair_key(pair: int) -> str:
    """Return the key of a pair's line."""
    return f"pair/{pair:06d}"


def edit_key(spec: str, points: int, pair: int) -> str:
    """Return the key of an edit's line."""
    return f"{spec}/{points}/{pair:06d}"
