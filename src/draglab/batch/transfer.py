"""One edit on many seeds, by the engine of batches."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from draglab._version import __version__
from draglab.batch.edits import EDIT, IMAGE, summary
from draglab.batch.executor import Answer
from draglab.batch.folder import REPORT, BatchFolder, open_folder, report_lines
from draglab.batch.lists import Line
from draglab.batch.memory import free_memory
from draglab.batch.models import Models, OpenModels, SharedModel
from draglab.batch.run import Batch, BatchOptions, memory_need, open_workers
from draglab.editor.transfer import EditTransfer, SourceEdit
from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile, encode_edit_file
from draglab.media.images import encode_image
from draglab.media.provenance.origin import edited_by
from draglab.media.provenance.switches import mark_wanted


@dataclass(frozen=True)
class TransferContent:
    """A seed for a worker, with the edit and its model; both are opened once.

    Attributes:
        digest: of the edit.
    """

    seed: int
    source: SourceEdit
    digest: str
    model: SharedModel


class TransferWorker:
    """Transfers edits, in a worker.

    Args:
        skip_met: see :class:`EditTransfer`. Others: see :class:`draglab.batch.edits.EditWorker`.
    """

    def __init__(self, skip_met: bool, mark: bool, device: str, scratch: str | None) -> None:
        self._skip_met, self._mark = skip_met, mark
        self._models = OpenModels(device)
        self._known: tuple[str, EditTransfer] | None = None

    def __call__(self, content: TransferContent) -> Answer:
        """Transfer the edit to one seed: the image and its edit file, or why it was skipped.

        Raises:
            DraglabError: the drag diverged.
        """
        if self._known is None or self._known[0] != content.digest:
            self._known = content.digest, EditTransfer(content.source, self._models.get(content.model), self._skip_met)
        transfer = self._known[1]
        begun = time.perf_counter()
        made = transfer.run(transfer.start(content.seed))
        values: dict[str, Any] = {
            "seed": content.seed,
            "skipped": made.skipped,
            "confidence": made.confidence,
            "scale": made.scale,
            "met": sum(each.met for each in made.rounds),
        }
        files = {}
        if made.edit is not None and made.image is not None:
            values |= {"points": made.edit.rounds[0].model_dump()["points"], **summary(made.reports)}
            origin = edited_by(made.edit).model_copy(update={"marked": self._mark})
            files = {IMAGE: encode_image(made.image, origin, sealed=False), EDIT: encode_edit_file(made.edit)}
        return Answer({**values, "seconds": round(time.perf_counter() - begun, 3)}, files)


@contextmanager
def open_transfer(
    edit: EditFile,
    seeds: Sequence[int],
    folder: str | Path,
    options: BatchOptions | None = None,
    resume: bool = False,
    retry: bool = False,
    measuring: Callable[[float], None] | None = None,
    skip_met: bool = True,
) -> Iterator[Batch]:
    """Open the transfer of an edit to other seeds, to run it into a folder as :func:`open_batch` does.

        with open_transfer(draglab.load_edit_file("edit.json"), range(1, 101), "run") as batch:
            for now in batch:
                print(now.done, now.total)

    Line n of the report is of the n-th seed. It has the values of a batch and `seed`, `skipped` (None, or why nothing
    was done), `confidence` (of the handle found worst, from 0 to 1), `scale` (of the ways), `met` (number of handles
    that were at their targets already) and `points` (handles and targets of the first round, pixels).

    Args:
        edit: see :func:`draglab.load_edit_file`. seeds: from 0 to 2**32 - 1; more may be added at the end later.
        options: `video` and `model` are not used. skip_met: see :class:`EditTransfer`. Others: see
            :func:`open_batch`.

    Raises:
        DraglabError: as for :func:`open_batch`; also an edit that did nothing.
    """
    options = options or BatchOptions()
    digest = hashlib.sha256(encode_edit_file(edit)).hexdigest()
    common = {"transfer": digest, "skip_met": skip_met, "draglab": __version__}
    with open_folder(folder, common, resume, retry) as opened:
        lines = (Line(number, b'{"seed": %d}' % seed) for number, seed in enumerate(seeds, 1))
        left = len(seeds) - sum(opened.check(line) for line in lines)
        _check_number(len(seeds), opened)
        if left == 0:
            yield Batch((), len(seeds), opened, bytes)
            return
        models = Models(measuring)
        name = edit.model.name
        facts = models.facts(name)
        opened.check_model(name, facts.sha256)
        need = memory_need(models, None if options.on is not None else free_memory())
        with open_workers(partial(TransferWorker, skip_met, mark_wanted()), options, need, opened, left) as executor:
            model = models.shared(name, executor.share)
            source = SourceEdit.from_edit_file(edit, model.open("cpu"))
            content = partial(_content, source, digest, model)
            lines = (Line(number, b'{"seed": %d}' % seed) for number, seed in enumerate(seeds, 1))
            yield Batch(lines, len(seeds), opened, content, executor, need)


def _content(source: SourceEdit, digest: str, model: SharedModel, data: bytes) -> TransferContent:
    return TransferContent(json.loads(data)["seed"], source, digest, model)


def _check_number(seeds: int, folder: BatchFolder) -> None:
    if seeds == 0:
        raise DraglabError("there are no seeds: give some, as in --seeds 1-100")
    if seeds < folder.done.count:
        raise DraglabError(
            f"{folder.path} holds {folder.done.count} seeds, {seeds} were given: give those it was begun with, or "
            "another folder"
        )


def count_skipped(folder: str | Path) -> int:
    """Return the number of seeds that were skipped, by the report of a folder."""
    return sum(line is not None and line.get("skipped") is not None for line in report_lines(Path(folder) / REPORT))
