"""Running of an edit from the command line: progress, video frames, files, Ctrl-C. Needs torch."""

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from draglab.cli.interrupt import on_interrupt
from draglab.cli.progress import DragProgress
from draglab.editor import Replay
from draglab.editor.film import FPS, ReplayFilm
from draglab.errors import DraglabError
from draglab.files import check_writable
from draglab.generators import Generator
from draglab.inversion import InvertedPhoto
from draglab.media.edit_file import EditFile, save_edit_file
from draglab.media.images import check_image_suffix, save_image
from draglab.media.provenance.credentials import check_signing
from draglab.media.provenance.origin import Origin, edited_by, public_name
from draglab.media.video import check_video_support, open_video


@dataclass(frozen=True)
class Outputs:
    """Files that an edit is written to; None = not written."""

    image: Path | None = None
    video: Path | None = None
    edit: Path | None = None
    photo: InvertedPhoto | None = None
    """Photo that the edit begins with."""
    paste_back: bool = False
    """Whether the image is the whole photo with the edit put back, in place of the model's image."""
    stitch: bool = False
    """Whether to tune the model briefly so that the edit joins the photo without a visible seam (`--stitch`)."""

    def given(self) -> dict[str, Path]:
        """Return the files that are given, by their content: "image", "video", "edit"."""
        files = {"image": self.image, "video": self.video, "edit": self.edit}
        return {kind: path for kind, path in files.items() if path is not None}

    def check(self) -> None:
        """Check before anything is computed that all files can be written.

        Raises:
            DraglabError: unknown suffix, not writable, no encoder, or two outputs of one name.
        """
        paths = [os.path.realpath(path) for path in self.given().values()]
        if len(set(paths)) < len(paths):
            raise DraglabError("two outputs have the same name: give each its own")
        if self.image is not None:
            check_image_suffix(self.image)
        if self.video is not None:
            check_video_support(self.video)
        if self.edit is not None and self.edit.suffix.lower() != ".json":
            raise DraglabError(f"cannot write {self.edit}: an edit file's name ends in .json")
        for path in self.given().values():
            check_writable(path)
        check_signing()


@dataclass(frozen=True)
class Outcome:
    """Result of :func:`run_edit`."""

    replay: Replay
    """The replay, finished or stopped."""
    steps: int
    seconds: float
    """Time of dragging alone, without pictures and files."""
    outputs: Outputs

    def as_json(self) -> dict[str, Any]:
        """Return the result as --json prints it."""
        recorded = self.replay.recorded()
        return {
            "model": recorded.model.model_dump(),
            "start": recorded.start.model_dump(),
            "rounds": [
                {
                    "steps": report.steps,
                    "steps_run": report.ran,
                    "stop_reason": report.end,
                    "handles": report.handles.tolist(),
                    "targets": report.targets.tolist(),
                    "distances": report.distances.tolist(),
                }
                for report in self.replay.reports
            ],
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "interrupted": self.replay.interrupted,
            "files": {kind: str(path) for kind, path in self.outputs.given().items()},
        }

    def as_text(self) -> str:
        """Return the result as text: how each round ended, where each handle is, which files were written."""
        lines = []
        for number, report in enumerate(self.replay.reports, 1):
            title = f"round {number}: " if len(self.replay.reports) > 1 else ""
            lines.append(title + report.text)
            points = zip(report.handles, report.targets, report.distances, strict=True)
            for index, (handle, target, left) in enumerate(points, 1):
                place = f"({handle[0]:.1f}, {handle[1]:.1f})"
                lines.append(f"  handle {index} is at {place}, {left:.2f} px from ({target[0]:g}, {target[1]:g})")
        speed = f" ({self.steps / self.seconds:.1f} steps/s)" if self.seconds > 0 else ""
        lines.append(f"{self.steps} steps in {self.seconds:.1f} s{speed}")
        written = ", ".join(str(path) for path in self.outputs.given().values())
        return "\n".join([*lines, f"wrote {written}"] if written else lines)


def run_edit(edit_file: EditFile, generator: Generator, outputs: Outputs) -> Outcome:
    """Run an edit file, show progress on standard error, write the outputs.

    The first Ctrl-C ends it after the current step: the best step is kept and all files are written.

    Raises:
        DraglabError: the edit does not fit the generator, or a file cannot be written.
    """
    replay = Replay(edit_file, generator)
    steps, seconds = 0, 0.0
    with ExitStack() as stack:
        film = None
        if outputs.video is not None:
            video = stack.enter_context(open_video(outputs.video, _origin(edit_file, outputs), FPS))
            film = ReplayFilm(edit_file, generator, video)
        stack.enter_context(on_interrupt(replay.stop))
        progress = stack.enter_context(DragProgress(len(edit_file.rounds)))
        if film is not None:
            film.begin(replay)
        tick = time.perf_counter()
        for now in replay:
            seconds += time.perf_counter() - tick
            steps += 1
            progress.update(now)
            if film is not None:
                film.add(now)
            tick = time.perf_counter()
        if film is not None:
            film.end(replay)
    if outputs.image is not None:
        origin = _origin(replay.recorded(), outputs, outputs.paste_back)
        save_image(outputs.image, _picture(replay, outputs), origin)
    if outputs.edit is not None:
        save_edit_file(outputs.edit, replay.recorded())
    return Outcome(replay, steps, seconds, outputs)


def _origin(edit: EditFile, outputs: Outputs, put_back: bool = False) -> Origin:
    """Return what the files say of an edit; of a photo, the model as it was before it was tuned."""
    origin, photo = edited_by(edit, put_back), outputs.photo
    if photo is None:
        return origin
    return origin.model_copy(update={"model": public_name(photo.model_name), "model_sha256": photo.model_sha256})


def _picture(replay: Replay, outputs: Outputs) -> NDArray[np.uint8]:
    """Return the picture that is written: the model's image, or the photo with the edit put back."""
    if outputs.photo is None or not outputs.paste_back:
        return replay.image()
    if not outputs.stitch:
        return outputs.photo.paste(replay.image())
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("stitching")
        return outputs.photo.stitch(
            replay.w_plus, progress=lambda done, steps: progress.update(task, completed=done, total=steps)
        )
