"""Replay of the rounds of an edit file."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from draglab.dragging import DragEdit, DragSettings, DragStep, diverged
from draglab.editor.round_runner import EndReason, RoundRunner, end_text
from draglab.editor.settings import read_settings
from draglab.editor.start_latent import spec_of_file, start_latent
from draglab.errors import DraglabError
from draglab.generators import Generator, to_uint8
from draglab.geometry import validate_points
from draglab.media.edit_file import EditFile, Round


@dataclass(frozen=True)
class ReplayStep:
    """One step of one round."""

    round_index: int
    """Index of the round, from 0."""
    edit: DragEdit
    settings: DragSettings
    step: DragStep


@dataclass(frozen=True)
class RoundReport:
    """Result of a round that has ended."""

    steps: int
    """Number of steps up to the one that was kept: the last if the round arrived or was recorded, else the best."""
    ran: int
    """Number of steps that were made."""
    end: EndReason
    handles: NDArray[np.float64]
    """[n, 2] handles after the step that was kept, pixels."""
    targets: NDArray[np.float64]
    """[n, 2] targets, pixels."""
    distances: NDArray[np.float64]
    """[n] distances from handles to targets, pixels."""

    @property
    def text(self) -> str:
        """Sentence on the end of the round, for a person."""
        return end_text(self.end, self.ran, self.steps, self.distances.tolist())


class Replay:
    """Replay of an edit file: iterate over it to run the rounds, which are recorded as they were run.

        replay = Replay(edit_file, generator)
        for now in replay:
            ...              # call replay.stop() to end after this step
        image = replay.image()
        save_edit_file("edit.json", replay.recorded())

    All rounds are checked on construction, before anything is computed.

    Args:
        edit_file: the edit to run.
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
        self._methods: list[str] = []
        self._stop = False
        self.w_plus = start_latent(spec_of_file(edit_file, edit_file.model.name), generator)
        """[1, num_ws, w_dim], the latent of the start, then that of the step kept by the latest round."""

    def stop(self) -> None:
        """End after the current step and keep the best step of its round, the one nearest to its targets on average."""
        self._stop = True

    def __iter__(self) -> Iterator[ReplayStep]:
        for index, (edit, settings) in enumerate(self._rounds):
            if self._stop:
                return
            yield from self._run(index, edit, settings)

    def image(self) -> NDArray[np.uint8]:
        """Compute the current image, uint8 [H, W, 3]."""
        with torch.no_grad():
            return to_uint8(self._generator.image(self.w_plus))[0]

    @property
    def reports(self) -> list[RoundReport]:
        """Reports of the rounds that have ended."""
        return list(self._reports)

    @property
    def interrupted(self) -> bool:
        """Whether :meth:`stop` ended the replay early; valid once the iteration is over."""
        unfinished = len(self._reports) < len(self._rounds)
        return self._stop and (unfinished or self._reports[-1].end == "stopped")

    def recorded(self) -> EditFile:
        """Return an edit file that reproduces the current image.

        It has the rounds that ended, with the steps that were kept and the method that was chosen.
        """
        run = [
            one.model_copy(update={"steps": report.steps, "settings": {**one.settings, "descent": method}})
            for one, report, method in zip(self._edit_file.rounds, self._reports, self._methods, strict=False)
        ]
        # A file has at least one round: if none has ended, the first with no steps.
        return self._edit_file.model_copy(
            update={"rounds": run or [self._edit_file.rounds[0].model_copy(update={"steps": 0})]}
        )

    def _run(self, index: int, edit: DragEdit, settings: DragSettings) -> Iterator[ReplayStep]:
        recorded = self._edit_file.rounds[index]
        runner = RoundRunner(self._generator, self.w_plus, edit, settings, recorded.steps, recorded.moved)
        self._methods.append(runner.run.settings.descent)
        while runner.end is None:
            if (step := runner.step()) is None:
                raise diverged(runner.steps + 1)
            yield ReplayStep(index, edit, settings, step)
            if self._stop:
                runner.stop()
        kept, run, end = runner.kept, runner.run, runner.end
        if kept is None:
            self._reports.append(RoundReport(0, 0, end, run.handles, run.targets, run.distances))
            return
        self.w_plus = kept.w_plus
        self._reports.append(RoundReport(kept.index, runner.steps, end, kept.handles, kept.targets, kept.distances))


def _prepare(one: Round, index: int, generator: Generator) -> tuple[DragEdit, DragSettings]:
    """Convert a round to the arguments of a drag, and check them against the model."""
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
