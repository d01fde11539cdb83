"""A batch of edits: what the command line and programs open, and iterate over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from draglab._version import __version__
from draglab.batch.edits import EditReader, EditWorker
from draglab.batch.engine import run_lines
from draglab.batch.executor import Executor, Worker
from draglab.batch.folder import BatchFolder, open_folder
from draglab.batch.lists import Line, read_list
from draglab.batch.local import LocalExecutor
from draglab.batch.memory import Need, choose_workers, free_memory
from draglab.batch.models import MOST_MODELS, OPEN_MODELS, WORKER_BYTES, Models
from draglab.batch.ray_actors import RayExecutor
from draglab.checkpoints.registry import best_device, usable_device
from draglab.errors import DraglabError
from draglab.media.edit_line import LINE_LIMIT, VALUE_LIMIT, count_values, parse_object
from draglab.media.provenance.switches import mark_wanted


@dataclass(frozen=True)
class BatchOptions:
    """Options of a batch.

    Attributes:
        video: whether a video of each edit is made as well.
        model: name or file of the model of lines that name none.
        jobs: number of workers; None = as many as there are usable cores and as the memory allows, 1 on a GPU; on a
            cluster, as many as it has cores, or shares of GPUs.
        device: "cpu", "cuda", ... of local workers; None = the best of this machine.
        on: address of a Ray cluster, such as "ray://HOST:10001"; None = processes of this machine.
        gpus: share of a GPU for each worker of a cluster, such as 0.25; 0 = the CPU.
    """

    video: bool = False
    model: str = "heads"
    jobs: int | None = None
    device: str | None = None
    on: str | None = None
    gpus: float = 0


@dataclass(frozen=True)
class BatchProgress:
    """Progress of a batch.

    Attributes:
        done: number of edits that are behind, those of earlier sessions included. ran: those of this session.
        total: number of edits of the list. broken: number of those behind that broke.
    """

    done: int
    ran: int
    total: int
    broken: int


class Batch:
    """A batch that can be run: iterate over it. Made by :func:`open_batch`.

    Attributes:
        total: number of edits of the list. done: number of those that were done when it was opened.
        dropped: number of damaged lines of the report, whose edits are done again.
        executor: the workers; None = there is nothing to do.
        need: the memory that they need; None = there is nothing to do.
        stopped: whether :meth:`stop` was called.
    """

    def __init__(
        self,
        lines: Iterable[Line],
        total: int,
        folder: BatchFolder,
        content: Callable[[bytes], Any],
        executor: Executor | None = None,
        need: Need | None = None,
    ) -> None:
        self.total, self.done, self.dropped = total, folder.done.count, folder.dropped
        self.need, self.executor = need, executor
        self._lines, self._folder, self._content = lines, folder, content
        self.stopped = False

    def stop(self) -> None:
        """End the iteration when the edits in work are finished; can be called from a handler of signals."""
        self.stopped = True

    def progress(self, ran: int = 0) -> BatchProgress:
        """Return the progress as it is now."""
        return BatchProgress(self._folder.done.count, ran, self.total, self._folder.broken)

    def __iter__(self) -> Iterator[BatchProgress]:
        """Do the edits that are left; yield after each, in the order of their ends.

        Raises:
            DraglabError: the folder cannot be written, or no worker can be started. What is done is kept.
        """
        if self.executor is None:
            return
        answers = run_lines(self._lines, self._content, self.executor, self._folder, lambda: self.stopped)
        for ran, _ in enumerate(answers, 1):
            yield self.progress(ran)


@contextmanager
def open_batch(
    path: str | Path,
    folder: str | Path,
    options: BatchOptions | None = None,
    resume: bool = False,
    retry: bool = False,
    measuring: Callable[[float], None] | None = None,
) -> Iterator[Batch]:
    """Open a list of edits to run it into a folder; its workers run as long as the block.

        with open_batch("edits.jsonl", "run", BatchOptions(jobs=2)) as batch:
            for now in batch:
                print(now.done, now.total)

    Results are files of the folder, with a line for each edit in its report.jsonl (docs/scaling.md). Programs that are
    started from a file need the usual `if __name__ == "__main__":`, as for multiprocessing.

    Args:
        path: the list: a line of JSON for each edit (docs/edit-files.md). It is read as a stream.
        folder: where results go, made if it does not exist. options: None = the defaults.
        resume: whether to go on with what the folder holds. retry: whether edits that broke are run again.
        measuring: see :class:`Models`.

    Raises:
        DraglabError: the list or the folder cannot be used, the list has changed since its edits were done, none of
            its models can be opened, or the memory does not suffice.
    """
    path, options = Path(path), options or BatchOptions()
    common = {"video": options.video, "model": options.model, "draglab": __version__}
    with open_folder(folder, common, resume, retry) as opened:
        total, names = _survey(path, opened, options.model)
        if total == opened.done.count:
            yield Batch((), total, opened, bytes)
            return
        models = Models(measuring)
        _open_models(names, models, opened)
        need = memory_need(models, None if options.on is not None else free_memory())
        left = total - opened.done.count
        with open_workers(partial(EditWorker, options.video, mark_wanted()), options, need, opened, left) as executor:
            for facts in models.opened():  # now: a full disk later would break every edit
                models.shared(facts.name, executor.share)
            content = EditReader(models, executor.share, options.model, path.parent)
            yield Batch(read_list(path), total, opened, content, executor, need)


def open_workers(
    make: Callable[[str, str | None], Worker], options: BatchOptions, need: Need, folder: BatchFolder, jobs: int
) -> Executor:
    """Start the workers that options ask for.

    Args:
        make: makes a worker in its process; called with its device and a folder for temporary files, None = the
            system's. It can be pickled.
        need: the memory that they need. jobs: number of jobs, for the number of workers.

    Raises:
        DraglabError: the memory does not suffice, or there is no cluster.
    """
    if options.on is not None:
        device = "cuda" if options.gpus > 0 else "cpu"
        return RayExecutor(partial(make, device, None), options.on, options.jobs, options.gpus)
    device = str(best_device() if options.device is None else usable_device(options.device))
    wanted = 1 if options.jobs is None and device != "cpu" else options.jobs
    return LocalExecutor(
        partial(make, device, str(folder.scratch.resolve())), choose_workers(wanted, need, jobs), folder.path
    )


def _survey(path: Path, folder: BatchFolder, model: str) -> tuple[int, list[str]]:
    """Read a list once: return the number of its edits, and the names of the models of those that are left."""
    total, left = 0, 0
    names: dict[str, None] = {}
    for line in read_list(path):
        total += 1
        if folder.check(line):
            continue
        left += 1
        short = len(line.data) <= LINE_LIMIT and count_values(line.data) <= VALUE_LIMIT
        content = parse_object(line.data) if short and len(names) < MOST_MODELS else None
        if content is not None:
            named = content.get("model")
            named = named.get("name") if isinstance(named, dict) else named
            names[named if isinstance(named, str) and named else model] = None
    if total == 0:
        raise DraglabError(f"{path} holds no edits: give one a line, as JSON")
    if total < folder.done.count:
        raise DraglabError(
            f"{folder.path} holds {folder.done.count} edits, the list {total}: give the list as it was, or another "
            "folder"
        )
    if not names and left == total:
        raise DraglabError(
            f"{path} is not a list of edits: none of its lines is a JSON object. Write each edit, edit files as well, "
            "on a line of its own"
        )
    return total, list(names)


def _open_models(names: list[str], models: Models, folder: BatchFolder) -> None:
    """Open the models of a list. Edits whose model cannot be opened break, unless all do.

    Raises:
        DraglabError: none can be opened, or one has changed since the batch was begun.
    """
    errors = []
    for name in names:
        try:
            facts = models.facts(name)
        except DraglabError as error:
            errors.append(error)
        else:
            folder.check_model(name, facts.sha256)
    if errors and len(errors) == len(names):
        raise errors[0]


def memory_need(models: Models, free: int | None) -> Need:
    """Return the memory that workers need for the models that are open.

    Args:
        free: what there is, in bytes; None = unknown.
    """
    opened = models.opened()
    largest = sorted((facts.worker_memory - WORKER_BYTES for facts in opened), reverse=True)[:OPEN_MODELS]
    # The driver has the weights, too, until the workers have them.
    return Need(WORKER_BYTES + sum(largest), 2 * sum(facts.weights for facts in opened), free)
