"""Measuring of a model's statistics, with a progress bar on standard error."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from draglab.checkpoints.statistics import add_statistics
from draglab.generators import Generator
from draglab.media.edit_file import Round


def prepare(generator: Generator, rounds: Sequence[Round]) -> None:
    """Measure the statistics that Gauss-Newton drags need, once a model, if a round may use them."""
    wanted = any(one.settings.get("descent", "auto") in ("auto", "gauss-newton") for one in rounds if one.mask is None)
    if wanted and generator.statistics is None:
        with statistics_progress() as progress:
            add_statistics(generator, progress)


@contextmanager
def statistics_progress() -> Iterator[Callable[[float], None]]:
    """Show a bar while something is measured in the block, which is given a function that takes the share."""
    console = Console(stderr=True)
    progress = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = progress.add_task("getting to know the model, once", total=1.0)

    def show(share: float) -> None:
        progress.start()
        progress.update(task, completed=share)
        if share >= 1:
            progress.stop()

    try:
        yield show
    finally:
        progress.stop()
