"""The progress bar of a download, on standard error."""

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


class DownloadProgress:
    """A bar with the size that has arrived, the speed and the time left.

    Nothing is shown if standard error is not a terminal.
    """

    def __init__(self, title: str) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._title = title

    def __enter__(self) -> "DownloadProgress":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def update(self, done: int, total: int | None) -> None:
        """Show that `done` bytes of the whole have arrived."""
        # The bar appears with the first byte: before, there may turn out to be nothing to download.
        if not self._progress.task_ids:
            self._progress.add_task(self._title)
        self._progress.update(self._progress.task_ids[0], completed=done, total=total)
