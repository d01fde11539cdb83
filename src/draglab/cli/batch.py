"""`draglab batch`: a list of edits, by all cores or by a cluster."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from draglab.cli.arguments import Cluster, Device, Jobs, Json, Model, Resume, Retry, RunFolder, finite
from draglab.cli.interrupt import KeptBest, on_interrupt
from draglab.cli.run_progress import RunProgress
from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.batch import Batch


def batch(
    edits: Annotated[
        Path, typer.Argument(metavar="EDITS", help="A line of JSON for each edit, see docs/edit-files.md.")
    ],
    output: RunFolder,
    jobs: Jobs = "auto",
    resume: Resume = False,
    retry: Retry = False,
    video: Annotated[bool, typer.Option("--video", help="Make a video of each edit as well.")] = False,
    model: Model = "heads",
    device: Device = None,
    on: Cluster = None,
    gpus: Annotated[
        float,
        typer.Option(callback=finite, min=0, max=8, help="With --on: share of a GPU for each worker, such as 0.25."),
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Run many edits. Ctrl-C ends when the edits in work are done; the same command with --resume goes on."""
    if retry and not resume:
        raise DraglabError("--retry is for batches that are gone on with: add --resume")
    if on is None and gpus:
        raise DraglabError("--gpus is for clusters: add --on, or take --device cuda")
    if on is not None and device is not None:
        raise DraglabError("--device is for this machine: on a cluster, --gpus chooses between CPU and GPU")
    workers = parse_jobs(jobs)

    from draglab.batch import BatchOptions, open_batch
    from draglab.cli.statistics import statistics_progress

    options = BatchOptions(video, model, workers, device, on, gpus)
    with statistics_progress() as measuring, open_batch(edits, output, options, resume, retry, measuring) as opened:
        stopped = run_batch(opened)
        now = opened.progress()
    summary = {"run": str(output), "edits": now.total, "done": now.done, "broken": now.broken, "stopped": stopped}
    if as_json:
        print(json.dumps(summary))
    else:
        print(_as_text(summary))
    if stopped:
        raise KeptBest
    if now.broken:
        raise typer.Exit(2)


def parse_jobs(text: str) -> int | None:
    """Read a number of workers; None = auto.

    Raises:
        DraglabError: another form.
    """
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 10_000):
        raise DraglabError(f"--jobs {text!a:.40} cannot be read: give auto, or a number from 1 on")
    return int(text)


def run_batch(opened: "Batch", what: str = "edit") -> bool:
    """Run a batch with progress on standard error; return whether Ctrl-C ended it early.

    Args:
        what: the word for one of its jobs.
    """
    for note in _notes(opened, what):
        print(note, file=sys.stderr, flush=True)
    with RunProgress() as progress, on_interrupt(lambda: _stop(opened, what)):
        for now in opened:
            progress.update(now)
    return opened.stopped and opened.progress().done < opened.total


def _stop(opened: "Batch", what: str) -> None:
    opened.stop()
    print(f"draglab: finishing the {what}s in work; Ctrl-C again abandons them", file=sys.stderr, flush=True)


def _notes(opened: "Batch", what: str) -> list[str]:
    """Return what there is to say before a batch is run."""
    from draglab.batch.memory import as_text

    notes = []
    if opened.dropped:
        notes.append(f"{opened.dropped} damaged lines of the report were dropped: their {what}s are run again")
    if opened.done:
        notes.append(f"{opened.done} of {opened.total} {what}s are done already")
    if opened.executor is not None:
        left, number = opened.total - opened.done, opened.executor.workers
        workers = "1 worker" if number == 1 else f"{number} workers"
        text = f"{left} {what}{'' if left == 1 else 's'}, {workers}"
        if (need := opened.need) is not None:
            free = "" if need.free is None else f", of {as_text(need.free)} that are free"
            text += f"; memory: {as_text(need.worker)} each and {as_text(need.shared)} together{free}"
        notes.append(text)
    return notes


def _as_text(summary: dict[str, Any]) -> str:
    """Return the result for a person."""
    run = summary["run"]
    lines = [f"{summary['done']} of {summary['edits']} edits are done; results and report.jsonl are in {run}"]
    if summary["broken"]:
        lines.append(f"{summary['broken']} of them broke: report.jsonl says why; --resume --retry runs them again")
    if summary["stopped"]:
        lines.append("stopped: the same command with --resume goes on")
    return "\n".join(lines)
