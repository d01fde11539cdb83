"""Any list of edits, measured: where the points ended, what else changed, and how natural the result is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import DragEdit
from draglab.evaluation.edit_list import ListedEdit
from draglab.evaluation.experiment import Case, Example, Experiment, Measured, Row
from draglab.evaluation.instruments import Instruments
from draglab.evaluation.measures import changed, frozen_region, lpips_distance, patch_difference
from draglab.evaluation.methods import Method
from draglab.evaluation.noise_floor import shift_of, shifted
from draglab.evaluation.run_folder import Line, RunFolder
from draglab.evaluation.table import cell, markdown, number
from draglab.generators import Generator, to_uint8
from draglab.geometry import MIN_TRAVEL, REFERENCE_SIZE
from draglab.perception import MULTI_PIE, frechet_distance, identity_distance

REACH = 0.05
"""Largest distance of a handle from the landmark that judges it, as a share of the image's width."""
PATCHES = (1, 5, 10, 20)
"""Radii of DAI, in pixels of a 512-pixel image."""


class EditExperiment(Experiment):
    """Edits of a list.

    Args:
        generator, methods, instruments: see :class:`Experiment`.
        edits: the edits. content: of their file, which names the protocol. wanted: number of the first that are run.
        back: also drag back each result, for the there-and-back consistency.
    """

    name: ClassVar = "drags"
    score = "judged"
    score_title = "distance to the target by the judge, px of 512"
    measures: ClassVar = (
        "arrived", "steps", "seconds", "tracked", "judged", "judged_before", "judge_noise", "fidelity", "ccsd",
        *(f"dai_{radius}" for radius in PATCHES), "identity", "changed_outside", "lpips_outside", "naturalness",
        "naturalness_start",
    )  # fmt: skip

    def __init__(
        self,
        generator: Generator,
        methods: Sequence[Method],
        instruments: Instruments,
        edits: Sequence[ListedEdit],
        content: bytes,
        wanted: int | None = None,
        back: bool = True,
    ):
        super().__init__(generator, methods)
        self.instruments, self.back = instruments, back
        self.edits = list(edits)[:wanted]
        self.digest = hashlib.sha256(content).hexdigest()
        self.unit = max(generator.img_shape) / REFERENCE_SIZE
        if instruments.judge is None:
            self.score, self.score_title = "tracked", "distance to the target by the tracker, px of 512"

    @property
    def protocol(self) -> dict[str, Any]:
        """See :class:`Experiment`."""
        return {
            "model": self.generator.name,
            "model_sha256": self.generator.sha256,
            "judge": self.instruments.judge_name,
            "frechet": self.instruments.describe.title,
            "list_sha256": self.digest,
            "there_and_back": self.back,
            "identity": self.instruments.identity is not None,
        }

    @property
    def size(self) -> dict[str, Any]:
        """See :class:`Experiment`."""
        return {"edits": len(self.edits)}

    @property
    def total(self) -> int:
        """See :class:`Experiment`."""
        return len(self.edits) * len(self.methods)

    def cases(self, run: RunFolder) -> Iterator[Case]:
        """See :class:`Experiment`."""
        for index, one in enumerate(self.edits):
            for method in self.methods:
                about = {"kind": "edit", "method": method.spec, "edit": index, "of": one.kind}
                yield Case(
                    listed_key(method.spec, index), about, lambda index=index, method=method: self.drag(index, method)
                )

    @torch.no_grad()
    def picture(self, w_plus: Tensor) -> Tensor:
        """Compute the image of a latent, [1, 3, H, W] in [-1, 1]."""
        return self.generator.image(w_plus).clamp(-1, 1)

    def drag(self, index: int, method: Method) -> Measured:
        """Run and measure one edit."""
        tools, one = self.instruments, self.edits[index]
        w_plus, edit = one.prepare(self.generator)
        handles, targets, mask = edit.validated(*self.generator.img_shape)
        moving = np.linalg.norm(targets - handles, axis=1) >= MIN_TRAVEL
        result = method.drag(self.generator, w_plus, edit)
        images = [self.picture(latent) for latent in (w_plus, result.w_plus)]
        before, after = (to_uint8(image)[0] for image in images)
        values: dict[str, Any] = {
            "arrived": result.stop_reason == "arrived",
            "stop_reason": result.stop_reason,
            "steps": result.steps,
            "seconds": result.seconds,
            "tracked": float(result.distances[moving].mean()) / self.unit,
            "fidelity": 1 - lpips_distance(tools.lpips, images[0], images[1]),
            "naturalness": tools.latents.distance(result.w_plus),
            "naturalness_start": tools.latents.distance(w_plus),
        }
        for radius in PATCHES:
            values[f"dai_{radius}"] = patch_difference(before, after, handles[moving], targets[moving], radius)
        frozen = frozen_region((before.shape[0], before.shape[1]), handles, targets, mask)
        if frozen is not None:
            values["changed_outside"] = changed(before, after, frozen)
            values["lpips_outside"] = lpips_distance(tools.lpips, images[0], images[1], frozen)
        if tools.judge is not None:
            shift = shift_of(index, self.unit)
            found = tools.judge([before, after, shifted(before, shift)])
            found[2] -= shift
            values |= self.judged(found, handles, targets, moving, one.landmarks)
        if tools.identity is not None:
            values["identity"] = float(identity_distance(*tools.identity([before, after])))
        if self.back:
            there = DragEdit(targets, handles, mask)
            returned = method.drag(self.generator, result.w_plus, there)
            values["ccsd"] = 10 * lpips_distance(tools.lpips, images[0], self.picture(returned.w_plus))
        arrays = {
            "w_plus": result.w_plus[0].float().cpu().numpy(),
            "features_before": tools.describe(images[0])[0].cpu().numpy(),
            "features": tools.describe(images[1])[0].cpu().numpy(),
        }
        return Measured(values, arrays)

    def judged(
        self,
        found: NDArray[np.float64],
        handles: NDArray[np.float64],
        targets: NDArray[np.float64],
        moving: NDArray[np.bool_],
        landmarks: Sequence[int | None],
    ) -> dict[str, float]:
        """Return the mean distances of the handles' landmarks to their targets, before and after, and the noise floor:
        their distance to where the judge finds them after a known shift of the picture; {} = not judged.

        A handle that is a landmark is judged by it, where the judge has the 68 points for which lists name them;
        another by the nearest landmark within `REACH`, which should move as far as the drag moves the handle. Pins are
        not judged.

        Args:
            found: landmarks before, after, and before when the picture is shifted, without the shift: [3, L, 2].
        """
        distances = []
        assert self.instruments.judge is not None
        known = landmarks if self.instruments.judge.layout == MULTI_PIE and landmarks else [None] * len(handles)
        for handle, target, moves, index in zip(handles, targets, moving, known, strict=True):
            if not moves:
                continue
            wanted = target
            if index is None:
                away = np.linalg.norm(found[0] - handle, axis=1)
                index = int(np.argmin(away))
                if not away[index] <= REACH * self.generator.img_shape[1]:  # NaN, too
                    continue
                wanted = found[0, index] + target - handle
            ends = np.stack([wanted, wanted, found[0, index]])
            distances.append(np.linalg.norm(found[:, index] - ends, axis=1))
        if not distances or not np.isfinite(np.array(distances)[:, :2]).all():
            return {}
        before, after, noise = np.mean(distances, axis=0) / self.unit
        return {"judged_before": float(before), "judged": float(after), "judge_noise": float(noise)}

    def keys(self, method: Method) -> list[str]:
        """Return the keys of a method's edits."""
        return [listed_key(method.spec, index) for index in range(len(self.edits))]

    def edit_lines(self, run: RunFolder) -> list[Line]:
        """See :class:`Experiment`."""
        keys = [key for method in self.methods for key in self.keys(method)]
        return [line for key in keys if (line := run.values(key)) is not None]

    def rows(self, run: RunFolder) -> list[Row]:
        """See :class:`Experiment`."""
        rows = []
        for method in self.methods:
            lines = [run.lines[key] for key in self.keys(method) if key in run.lines]
            whole = [run.arrays(line["key"]) for line in lines if line.get("error") is None]
            numbers = {}
            if len(whole) > 1:
                sets = [
                    torch.from_numpy(np.stack([each[n] for each in whole])) for n in ("features", "features_before")
                ]
                numbers["frechet"] = frechet_distance(*sets)
            rows.append(self.row(method.spec, "", lines, numbers))
            kinds = dict.fromkeys(one.kind for one in self.edits)
            if len(kinds) > 1:
                rows += [self.row(method.spec, kind, [one for one in lines if one.get("of") == kind]) for kind in kinds]
        return rows

    def table(self, rows: Sequence[Row]) -> str:
        """See :class:`Experiment`."""
        columns: list[tuple[str, str, float]] = [
            ("judged", "judged", 1), ("no edit", "judged_before", 1),
            ("noise floor", "judge_noise", 1), ("tracked", "tracked", 1),
            ("arrived %", "arrived", 100), ("fidelity", "fidelity", 1), ("CCSD", "ccsd", 1),
            *((f"DAI {radius}", f"dai_{radius}", 100) for radius in PATCHES), ("identity", "identity", 1),
            ("changed outside", "changed_outside", 1), ("LPIPS outside", "lpips_outside", 1),
            ("naturalness", "naturalness", 1), ("s", "seconds", 1), ("steps", "steps", 1),
        ]  # fmt: skip
        used = [column for column in columns if any(column[1] in row.measures for row in rows)]
        intervals = {"judged"}
        head = ["", "kind", "edits", *(title for title, _, _ in used), "Fréchet"]
        body = []
        for row in rows:
            numbers = []
            for _, name, factor in used:
                mean = row.mean(name)
                shown = number(None if mean is None else factor * mean)
                numbers.append(cell(row, name, factor) if name in intervals else shown)
            group = row.group or "all"
            body.append([row.method, group, str(row.edits), *numbers, number(row.numbers.get("frechet"))])
        note = (
            f"Means over the edits, of {self.generator.name}; judge: {self.instruments.judge_name or 'none'}. "
            "Distances in pixels of a 512-pixel image, DAI x 100, CCSD = LPIPS x 10 after a drag and its reverse, "
            f"fidelity = 1 - LPIPS; Fréchet: {self.instruments.describe.title}, edited against initial images."
        )
        return markdown(head, body) + "\n" + note + "\n"

    def example(self, run: RunFolder, line: Line) -> Example:
        """See :class:`Experiment`."""
        w_plus, edit = self.edits[int(line["edit"])].prepare(self.generator)
        edited = torch.from_numpy(run.arrays(line["key"])["w_plus"])[None].to(w_plus)
        before, after = (to_uint8(self.picture(latent))[0] for latent in (w_plus, edited))
        return Example(before, after, np.asarray(edit.handles), np.asarray(edit.targets), edit.mask)


def listed_key(spec: str, index: int) -> str:
    """Return the key of an edit's line."""
    return f"{spec}/{index:06d}"
