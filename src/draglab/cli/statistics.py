"""Measuring of a model's statistics before its first drag, with a progress bar on standard error."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import Progress

from draglab.checkpoints.statistics import add_statistics
from draglab.generators import Generator
from draglab.media.edit_file import Round


def prepare(generator: Generator, rounds: Sequence[Round]) -> None:
    """Measure the statistics that Gauss-Newton drags need, once a model, if a round may use them."""
    wanted = any(one.settings.get("descent", "auto") in ("auto", "gauss-newton") for one in rounds if one.mask is None)
    if not wanted or generator.statistics is not None:
        return
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("getting to know the model, once", total=1.0)
        add_statistics(generator, lambda share: progress.update(task, completed=share))
