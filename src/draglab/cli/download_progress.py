"""The progress bar of a download, on standard error."""

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


class DownloadProgress:
    """Shows how much has arrived, how fast, and how long the rest will take.

    Nothing is shown where standard error is not a terminal.
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
        """Show how many bytes of how many have arrived."""
        # Shown from the first byte on: before that it may turn out that nothing is to be downloaded.
        if not self._progress.task_ids:
            self._progress.add_task(self._title)
        self._progress.update(self._progress.task_ids[0], completed=done, total=total)
