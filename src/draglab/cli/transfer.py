"""`draglab transfer`: one edit on the images of many seeds."""

import json
from pathlib import Path
from typing import Annotated

import typer

from draglab.cli.arguments import Cluster, Device, Jobs, Json, Resume, Retry, RunFolder, parse_seeds
from draglab.cli.batch import parse_jobs, run_batch
from draglab.cli.interrupt import KeptBest
from draglab.errors import DraglabError

MOST_SEEDS = 1_000_000


def transfer(
    edit: Annotated[Path, typer.Argument(metavar="EDIT", help="Edit file, as draglab drag --save writes it.")],
    seeds: Annotated[list[str], typer.Option("--seeds", "-s", help="Other seeds: 1-1000, or 3,7,10-12; repeatable.")],
    output: RunFolder,
    jobs: Jobs = "auto",
    resume: Resume = False,
    retry: Retry = False,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Edit images, too, that are where the edit would bring them already.")
    ] = False,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Where the edit's model is, if not where the edit says.")
    ] = None,
    device: Device = None,
    on: Cluster = None,
    as_json: Json = False,
) -> None:
    """Make the same edit on the images of other seeds. Handles are found in each by what they show.

    A seed in whose image a handle is not found, or which is where the edit would bring it already, is skipped;
    report.jsonl says why. Ctrl-C ends when the seeds in work are done; the same command with --resume goes on.
    """
    if retry and not resume:
        raise DraglabError("--retry is for runs that are gone on with: add --resume")
    if on is not None and device is not None:
        raise DraglabError("--device is for this machine: leave it out with --on")
    workers, chosen = parse_jobs(jobs), parse_seeds(seeds, MOST_SEEDS)

    from draglab.batch import BatchOptions, count_skipped, open_transfer
    from draglab.cli.statistics import statistics_progress
    from draglab.media.edit_file import load_edit_file

    loaded = load_edit_file(edit)
    if model is not None:
        loaded = loaded.model_copy(update={"model": loaded.model.model_copy(update={"name": model})})
    options = BatchOptions(jobs=workers, device=device, on=on)
    with (
        statistics_progress() as measuring,
        open_transfer(loaded, chosen, output, options, resume, retry, measuring, not everywhere) as opened,
    ):
        stopped = run_batch(opened, "seed")
        now = opened.progress()
        skipped = count_skipped(output)
    made = now.done - skipped - now.broken
    summary = {
        "run": str(output), "seeds": now.total, "done": now.done, "made": made, "skipped": skipped,
        "broken": now.broken, "stopped": stopped,
    }  # fmt: skip
    print(json.dumps(summary) if as_json else _as_text(summary))
    if stopped:
        raise KeptBest
    if now.broken:
        raise typer.Exit(2)


def _as_text(summary: dict[str, object]) -> str:
    """Return the result for a person."""
    lines = [
        f"{summary['made']} of {summary['seeds']} seeds were edited; results and report.jsonl are in {summary['run']}"
    ]
    if summary["skipped"]:
        lines.append(f"{summary['skipped']} were skipped: report.jsonl says why")
    if summary["broken"]:
        lines.append(f"{summary['broken']} broke: report.jsonl says why; --resume --retry runs them again")
    if summary["stopped"]:
        lines.append("stopped: the same command with --resume goes on")
    return "\n".join(lines)
