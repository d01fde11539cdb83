"""Batches by different numbers of local workers, in one run: speed-up, memory, bytes, and the driver's share.

    python -m benchmarks.batches                       # 200 edits of heads by 1 and by 2 workers
    python -m benchmarks.batches --edits 6 --model hands

The edits are pulls of the middle of the picture of different seeds, of at most 12 steps. The times are those of the
whole command but for imports: opening the model, starting the workers, files on disk. docs/scaling.md has the figures
and says how to extrapolate them.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import draglab

STEPS = 12


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        workers: their number. seconds: of the whole run. edit: median seconds of an edit, in its worker.
        driver_cpu: CPU seconds of the driver for each edit, its start left out. record: seconds in which the driver
            writes the files of an edit.
        sent, received: bytes for each edit, to workers and from them.
        memory: PSS, and what of it is private, of each worker at the end, in MB; [] where the system does not say.
    """

    workers: int
    seconds: float
    edit: float
    driver_cpu: float
    record: float
    sent: float
    received: float
    memory: list[tuple[float, float]]

    @property
    def rate(self) -> float:
        """Seconds after which the driver can take the next edit: what bounds the number of workers."""
        return max(self.record, self.driver_cpu)


def write_list(path: Path, edits: int, size: int) -> None:
    """Write the list: each edit pulls the middle of the picture by a tenth of its width."""
    middle, away = size // 2, size // 10
    with path.open("w") as file:
        for seed in range(1, edits + 1):
            line = {"seed": seed, "handles": [[middle, middle]], "targets": [[middle + away, middle]],
                    "truncation_psi": 0.7, "settings": {"max_steps": STEPS}}  # fmt: skip
            file.write(json.dumps(line) + "\n")


def measure(path: Path, folder: Path, model: str, workers: int) -> Measured:
    """Run the list by so many workers."""
    from draglab.batch import BatchOptions, open_batch
    from draglab.batch.edits import EditReader
    from draglab.batch.folder import BatchFolder

    recorded: list[float] = []
    sent: list[int] = []
    true_record, true_read = BatchFolder.record, EditReader.__call__

    def record(self: BatchFolder, *arguments: Any) -> None:
        begun = time.perf_counter()
        true_record(self, *arguments)
        recorded.append(time.perf_counter() - begun)

    def read(self: EditReader, data: bytes) -> Any:
        content = true_read(self, data)
        sent.append(len(content.edit) + len(content.model.header))
        return content

    BatchFolder.record, EditReader.__call__ = record, read  # pyright: ignore[reportAttributeAccessIssue]
    try:
        begun = time.perf_counter()
        with open_batch(path, folder, BatchOptions(model=model, jobs=workers)) as batch:
            cpu = time.process_time()
            for _ in batch:
                pass
            cpu = time.process_time() - cpu
            memory = [memory_of(process) for process in getattr(batch.executor, "process_ids", [])]
        seconds = time.perf_counter() - begun
    finally:
        BatchFolder.record, EditReader.__call__ = true_record, true_read
    lines = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    assert all(line["error"] is None for line in lines), "an edit broke"
    received = sum(file.stat().st_size for file in (folder / "results").rglob("*.*"))
    return Measured(
        workers, seconds, statistics.median(line["seconds"] for line in lines), cpu / len(lines),
        statistics.mean(recorded), statistics.mean(sent), received / len(lines), [each for each in memory if each],
    )  # fmt: skip


def memory_of(process: int) -> tuple[float, float] | tuple[()]:
    """PSS of a process and what of it is private, in MB; () where the system does not say."""
    rollup = Path(f"/proc/{process}/smaps_rollup")
    if not rollup.exists():
        return ()
    text = rollup.read_text()
    pss, dirty, clean = (
        int(re.findall(rf"^{name}: +(\d+)", text, re.MULTILINE)[0]) / 1024
        for name in ("Pss", "Private_Dirty", "Private_Clean")
    )
    return pss, dirty + clean


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--model", default="heads")
    args = parser.parse_args(arguments)
    size = draglab.load_generator(args.model, device="cpu").img_resolution
    with tempfile.TemporaryDirectory() as work:
        path = Path(work, "edits.jsonl")
        write_list(path, args.edits, size)
        alone: Measured | None = None
        for workers in args.workers:
            now = measure(path, Path(work, f"run{workers}"), args.model, workers)
            alone = alone or now
            print(
                f"{workers} workers: {args.edits} edits in {now.seconds:.1f} s, {alone.seconds / now.seconds:.2f}x; "
                f"{now.edit:.2f} s an edit; driver, an edit: {1000 * now.driver_cpu:.1f} ms of CPU, "
                f"{1000 * now.record:.1f} ms of writing; {now.sent / 1000:.1f} kB there, {now.received / 1000:.1f} kB "
                f"back; memory of each: {', '.join(f'{pss:.0f} MB ({own:.0f} its own)' for pss, own in now.memory)}",
                flush=True,
            )
            print(f"  one driver keeps at most {now.edit / now.rate:.0f} such workers busy")


if __name__ == "__main__":
    main()
