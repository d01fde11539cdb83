"""Runs the rounds of an edit file and records what was run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from draglab.dragging import DragEdit, DragRun, DragSettings, DragStep, advance, diverged
from draglab.editor.settings import read_settings
from draglab.errors import DraglabError
from draglab.generators import Generator, to_uint8
from draglab.geometry import validate_points
from draglab.media.edit_file import EditFile, Round, SeedStart

RoundEnd = Literal["arrived", "max_steps", "stalled", "recorded", "stopped"]
"""Why a round ended: as draglab.drag says it, after the number of steps in the file, or because somebody stopped it."""


@dataclass(frozen=True)
class ReplayStep:
    """One step of one round."""

    round_index: int
    """From 0."""
    edit: DragEdit
    settings: DragSettings
    step: DragStep


@dataclass(frozen=True)
class RoundReport:
    """How a round ended."""

    steps: int
    """How many lead to what was kept: all of a round that arrived or that was recorded, else those to the best one."""
    ran: int
    """How many were made."""
    end: RoundEnd
    handles: NDArray[np.float64]
    """[n, 2] pixels: where the handles are in what was kept."""
    targets: NDArray[np.float64]
    """[n, 2] pixels"""
    distances: NDArray[np.float64]
    """[n] pixels from handle to target"""


class Replay:
    """Iterate over it to run an edit; it keeps the latent and records the rounds as they were run.

        replay = Replay(edit_file, generator)
        for now in replay:
            ...              # call replay.stop() to end after this step
        image = replay.image()
        save_edit_file("edit.json", replay.recorded())

    All rounds are checked when it is made, before anything is computed.

    Args:
        edit_file: what to run.
        generator: the model that the edit was made with.

    Raises:
        DraglabError: the generator is another model, or a start, points, mask or settings do not fit it.
    """

    def __init__(self, edit_file: EditFile, generator: Generator) -> None:
        if edit_file.model.sha256 != generator.sha256:
            raise DraglabError(
                f"the edit was made with another model {edit_file.model.name} "
                f"(SHA-256 {edit_file.model.sha256[:8]}..., this one is {generator.sha256[:8]}...); "
                "give the model it was made with"
            )
        self._edit_file = edit_file
        self._generator = generator
        self._rounds = [_prepare(one, index, generator) for index, one in enumerate(edit_file.rounds)]
        self._reports: list[RoundReport] = []
        self._stop = False
        self.w_plus = start_latent(edit_file, generator)
        """[1, num_ws, w_dim]: of the start, then of the step that each round kept."""

    def stop(self) -> None:
        """End after the current step and keep the best one of its round: the one nearest to its targets on average."""
        self._stop = True

    def __iter__(self) -> Iterator[ReplayStep]:
        for index, (edit, settings) in enumerate(self._rounds):
            if self._stop:
                return
            yield from self._run(index, edit, settings)

    def image(self) -> NDArray[np.uint8]:
        """The edited image so far, uint8 [H, W, 3]."""
        with torch.no_grad():
            return to_uint8(self._generator.image(self.w_plus))[0]

    @property
    def reports(self) -> list[RoundReport]:
        """Of the rounds that have ended."""
        return list(self._reports)

    @property
    def interrupted(self) -> bool:
        """Whether :meth:`stop` ended it before its end; known when the iteration is over."""
        unfinished = len(self._reports) < len(self._rounds)
        return self._stop and (unfinished or self._reports[-1].end == "stopped")

    def recorded(self) -> EditFile:
        """An edit file that gives the present image: the rounds that have ended, with the steps that were kept."""
        run = [
            one.model_copy(update={"steps": report.steps})
            for one, report in zip(self._edit_file.rounds, self._reports, strict=False)
        ]
        # A file has at least one round: one that was stopped before its first step has none of its steps.
        return self._edit_file.model_copy(
            update={"rounds": run or [self._edit_file.rounds[0].model_copy(update={"steps": 0})]}
        )

    def _run(self, index: int, edit: DragEdit, settings: DragSettings) -> Iterator[ReplayStep]:
        limit = self._edit_file.rounds[index].steps
        moves = {move.after: move.targets for move in self._edit_file.rounds[index].moved}
        run = DragRun(self._generator, self.w_plus, edit, settings)
        while limit != 0 and run.stop_reason is None:
            (step,) = advance([run])
            if step is None:
                raise diverged(1 if run.last is None else run.last.index + 1)
            yield ReplayStep(index, edit, settings, step)
            if limit is not None and run.stop_reason == "stalled":
                # It was let go on when it was recorded.
                run.go_on()
            if step.index in moves:
                run.retarget(moves[step.index])
            if self._stop or step.index == limit:
                break
        if run.last is None or run.best is None:
            end: RoundEnd = "recorded" if limit == 0 else "arrived"
            self._reports.append(RoundReport(0, 0, end, run.handles, run.targets, run.distances))
            return
        end = _end(run, limit)
        kept = run.last if end in ("arrived", "recorded") else run.best
        self.w_plus = kept.w_plus
        self._reports.append(RoundReport(kept.index, run.last.index, end, kept.handles, kept.targets, kept.distances))


def _end(run: DragRun, limit: int | None) -> RoundEnd:
    if run.stop_reason == "arrived":
        return "arrived"
    if run.last is not None and run.last.index == limit:
        return "recorded"
    return run.stop_reason if run.stop_reason in ("stalled", "max_steps") else "stopped"


def start_latent(edit_file: EditFile, generator: Generator) -> torch.Tensor:
    """The latent [1, num_ws, w_dim] where an edit starts.

    Raises:
        DraglabError: the latent has another shape than the generator's, or a class is missing or out of range.
    """
    start = edit_file.start
    if isinstance(start, SeedStart):
        c = start.class_index if start.class_vector is None else start.class_vector
        return generator.w_plus_from_seed(start.seed, start.truncation_psi, start.truncation_cutoff, c)
    if start.shape != [generator.num_ws, generator.w_dim]:
        expected = [generator.num_ws, generator.w_dim]
        raise DraglabError(f"the edit's start latent has shape {start.shape}, but the model needs {expected}")
    return torch.from_numpy(start.array())[None].to(generator.device, generator.dtype)


def _prepare(one: Round, index: int, generator: Generator) -> tuple[DragEdit, DragSettings]:
    """A round as the engine takes it, checked against the model."""
    try:
        edit = DragEdit(one.handles(), one.targets(), one.movable(generator.img_shape))
        edit.validated(*generator.img_shape)
        for move in one.moved:
            validate_points(move.targets, *generator.img_shape, name="target")
        settings = read_settings(one.settings)
        settings.feature_level(generator)
    except DraglabError as error:
        if index == 0:
            raise
        raise DraglabError(f"round {index + 1}: {error}") from None
    return edit, settings
