"""Edits as jobs: the driver completes the lines of a list, workers run them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from draglab.batch.executor import Answer, Arrays, SharedArrays
from draglab.batch.models import ModelFacts, Models, OpenModels, SharedModel
from draglab.dragging import DragSettings
from draglab.editor.faces import with_named
from draglab.editor.film import FPS, ReplayFilm
from draglab.editor.named_edits import parse_named
from draglab.editor.replay import Replay, RoundReport
from draglab.editor.settings import read_settings
from draglab.generators import Generator
from draglab.media.edit_file import EditFile, ModelReference, encode_edit_file
from draglab.media.edit_line import EditLine, parse_edit_line
from draglab.media.images import encode_image
from draglab.media.provenance.origin import Origin, edited_by
from draglab.media.video import open_video

IMAGE, EDIT, VIDEO = ".png", ".json", ".mp4"
"""Suffixes of the files of an edit."""


@dataclass(frozen=True)
class EditContent:
    """An edit for a worker: an edit file or, with named edits, a line in short form whose points it is to add.

    Attributes:
        edit: its bytes. model: its model. facts: of the model.
    """

    edit: bytes
    model: SharedModel
    facts: ModelFacts


class EditReader:
    """Makes the content of jobs from the lines of a list, in the driver.

    Args:
        models: the models. share: see :meth:`Models.shared`.
        model: name of the model of lines that name none. folder: the list's, from which masks are found.
    """

    def __init__(
        self, models: Models, share: Callable[[Arrays], SharedArrays], model: str = "heads", folder: Path = Path()
    ) -> None:
        self._models, self._share, self._model, self._folder = models, share, model, folder

    def __call__(self, data: bytes) -> EditContent:
        """Check a line and complete it.

        Raises:
            DraglabError: it is wrong, or its model or mask cannot be opened.
        """
        edit = parse_edit_line(data)
        name = edit.model.name if isinstance(edit, EditFile) else edit.model or self._model
        facts = self._models.facts(name)
        if isinstance(edit, EditLine) and edit.do is not None:
            parse_named(edit.do)  # the rest is found out when there is an image
            complete(edit.model_copy(update=_ANY_POINTS), facts, self._folder)
            edit = edit.model_copy(update={"mask": edit.mask_png(facts.img_shape, self._folder)})
        elif isinstance(edit, EditLine):
            edit = complete(edit, facts, self._folder)
        model = self._models.shared(name, self._share)
        return EditContent(edit.model_dump_json().encode(), model, facts)


_ANY_POINTS = {"handles": [[0.0, 0.0]], "targets": [[0.0, 0.0]]}


def complete(line: EditLine, model: ModelFacts, folder: Path) -> EditFile:
    """Return the edit file of a line in short form: with all settings, and with its mask.

    Args:
        folder: the list's, from which masks are found.

    Raises:
        DraglabError: settings or a mask that cannot be used.
    """
    read_settings(line.settings)  # checks names and types
    start = {} if line.preset == "paper" else dict(model.drag_settings)
    make = DragSettings.paper if line.preset == "paper" else DragSettings.draglab
    settings = asdict(make(**{**start, **line.settings}))
    reference = ModelReference(name=model.name, sha256=model.sha256)
    return EditFile(model=reference, start=line.start(), rounds=[line.round(model.img_shape, folder, settings)])


class EditWorker:
    """Runs edits, in a worker.

    Args:
        video: whether videos are made as well. mark: whether pictures bear a visible mark. device: "cpu", "cuda", ...
        scratch: folder for temporary files; None = the system's.
    """

    def __init__(self, video: bool, mark: bool, device: str, scratch: str | None) -> None:
        self._video, self._mark, self._scratch = video, mark, scratch
        self._models = OpenModels(device)

    def __call__(self, content: EditContent) -> Answer:
        """Run an edit: its image, the edit file that makes it again and, if wanted, its video.

        Raises:
            DraglabError: the edit does not fit the model, or diverged.
        """
        generator = self._models.get(content.model)
        edit = parse_edit_line(content.edit)
        if isinstance(edit, EditLine):
            edit = complete(with_named(edit, generator), content.facts, Path())
        begun = time.perf_counter()
        replay = Replay(edit, generator)
        files = {}
        if self._video:
            files[VIDEO] = self._film(edit, replay, generator)
        else:
            for _ in replay:
                pass
        recorded = replay.recorded()
        files[IMAGE] = encode_image(replay.image(), self._origin(recorded), sealed=False)
        files[EDIT] = encode_edit_file(recorded)
        values = {"model": edit.model.name, **summary(replay.reports)}
        return Answer({**values, "seconds": round(time.perf_counter() - begun, 3)}, files)

    def _origin(self, edit: EditFile) -> Origin:
        return edited_by(edit).model_copy(update={"marked": self._mark})

    def _film(self, edit: EditFile, replay: Replay, generator: Generator) -> bytes:
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            path = Path(folder, f"film{VIDEO}")
            with open_video(path, self._origin(edit), FPS, sealed=False) as sink:
                film = ReplayFilm(edit, generator, sink)
                film.begin(replay)
                for now in replay:
                    film.add(now)
                film.end(replay)
            return path.read_bytes()


def summary(reports: Sequence[RoundReport]) -> dict[str, object]:
    """Return the values of an edit's line: the ends of its rounds, its steps, and what is left of its last round."""
    return {
        "rounds": [report.end for report in reports],
        "steps": sum(report.ran for report in reports),
        "arrived": all(report.end in ("arrived", "recorded") for report in reports),
        "distance": round(float(np.mean(reports[-1].distances)), 3),
    }
