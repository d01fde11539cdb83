"""The progress bar of a drag, on standard error."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from draglab.editor import ReplayStep


class DragProgress:
    """A bar for each round with its step, steps per second and remaining distance.

    Nothing is shown if standard error is not a terminal.
    """

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._round = -1
        self._whole = 0.0
        self._started = 0.0
        self._steps = 0

    def __enter__(self) -> "DragProgress":
        self._progress.start()
        self._started = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def update(self, now: ReplayStep) -> None:
        """Show one more step."""
        left = float(now.step.distances.mean())
        if now.round_index != self._round:
            self._round = now.round_index
            self._whole = max(left, 1e-6)
            title = f"round {self._round + 1} of {self._rounds}" if self._rounds > 1 else "dragging"
            self._task = self._progress.add_task(title, total=self._whole, state="")
        assert self._task is not None
        self._steps += 1
        speed = self._steps / max(time.perf_counter() - self._started, 1e-9)
        state = f"step {now.step.index}  {speed:.1f} steps/s  {left:.1f} px left"
        self._progress.update(self._task, completed=max(self._whole - left, 0.0), state=state)
