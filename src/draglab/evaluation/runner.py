"""Running of an experiment's cases, one after the other, into the folder of its run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from draglab.evaluation.experiment import Case, Experiment
from draglab.evaluation.run_folder import RunFolder
from draglab.problems import describe_exception


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes:
        done: number of cases that are behind, those of earlier sessions included. ran: those of this session.
        total: number of cases, as far as it is known. case: the latest.
    """

    done: int
    ran: int
    total: int
    case: Case


def run_cases(
    experiment: Experiment,
    run: RunFolder,
    progress: Callable[[Progress], None] | None = None,
    retry: bool = False,
) -> None:
    """Run the cases that the run does not have yet.

    A case that breaks is recorded with its error, and the rest goes on. KeyboardInterrupt ends the run, which can go on
    later with the case that was interrupted.

    Args:
        progress: called after every case that was run. retry: run cases again that broke in an earlier session.

    Raises:
        DraglabError: the folder cannot be written.
    """
    ran = 0
    for done, case in enumerate(experiment.cases(run), 1):
        line = run.lines.get(case.key)
        if line is None or (retry and line.get("error") is not None):
            values, arrays = dict(case.about), None
            try:
                measured = case.run()
            except Exception as error:
                values["error"] = describe_exception(error)
            else:
                values, arrays = {**values, **measured.values}, measured.arrays
            run.append(case.key, values, arrays)
            ran += 1
        if progress is not None and ran:
            progress(Progress(done, ran, max(experiment.total, done), case))
