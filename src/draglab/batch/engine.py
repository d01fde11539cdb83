"""The engine of batches: lines in, jobs to workers, answers into the folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from draglab.batch.executor import Answer, Executor, Job
from draglab.batch.folder import BatchFolder
from draglab.batch.lists import Line
from draglab.problems import describe_exception

TICK = 0.5
"""Seconds after which a wait for answers ends, so that a stop is noticed."""


def run_lines(
    lines: Iterable[Line],
    content: Callable[[bytes], Any],
    executor: Executor,
    folder: BatchFolder,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Answer]:
    """Do the lines that the folder does not have yet; yield the answer to each when it is recorded, as they end.

    No more lines are held than jobs are in flight, so memory does not grow with their number.

    Args:
        lines: the list, in the order of its numbers.
        content: makes the content of a job from a line's data. What it raises is recorded as that line's error.
        executor: the workers. It stays open.
        stopped: asked again and again; when it returns True, jobs in flight are finished and no further ones begun.

    Raises:
        DraglabError: the folder cannot be written, a line that is done has changed, or no worker can be started.
    """
    waiting = iter(lines)
    flying: dict[int, Line] = {}
    answered: list[tuple[Line, Answer]] = []
    over = False
    while True:
        # Workers get new jobs before the files of their last ones are written.
        while len(flying) < executor.capacity and not over:
            line = None if stopped() else next(waiting, None)
            if line is None:
                over = True
            elif not folder.check(line):
                try:
                    job = Job(line.number, content(line.data))
                except Exception as error:
                    answer = Answer(error=describe_exception(error))
                    folder.record(line, answer)
                    yield answer
                else:
                    flying[line.number] = line
                    executor.submit(job)
        for line, answer in answered:
            folder.record(line, answer)
            yield answer
        if not flying:
            return
        answered = [(flying.pop(job.number), answer) for job, answer in executor.wait(TICK)]
        over = over or stopped()
