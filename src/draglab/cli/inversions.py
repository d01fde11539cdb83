"""Running of inversions from the command line: one photo or many, progress, files, Ctrl-C. Needs torch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from draglab.cli.interrupt import on_interrupt
from draglab.errors import DraglabError
from draglab.files import check_writable
from draglab.generators import Generator
from draglab.inversion import (
    Frame,
    FramedFace,
    Inversion,
    InversionSettings,
    Picture,
    find_faces,
    read_photo,
    whole_frame,
)
from draglab.inversion.photo_file import SUFFIX
from draglab.inversion.resume import ResumeFile, is_inverted
from draglab.media.images import save_image
from draglab.media.provenance.origin import drawn
from draglab.problems import escape_controls

_NAMED = 6
"""Number of faces whose places are printed."""


@dataclass(frozen=True)
class Job:
    """A photo, and the file that it becomes."""

    photo: Path
    target: Path


@dataclass(frozen=True)
class Options:
    """Options that apply to every photo of one command.

    Attributes:
        frame: the part to take. align: whether a face is looked for where there is no frame.
        face: number of the face that is taken, from 1; the largest comes first.
        settings: None = the defaults. resume: whether unfinished ones are gone on with, and finished ones skipped.
        reference: whether the results name the photos in place of holding their pixels. heat: the map of differences.
    """

    frame: Frame | None = None
    align: bool = True
    face: int = 1
    settings: InversionSettings | None = None
    resume: bool = False
    reference: bool = False
    heat: Path | None = None


def plan(photos: Sequence[Path], output: Path | None) -> list[Job]:
    """Return which file each photo becomes, and check that they can be written.

    Args:
        output: a file for one photo, or a folder, which is made where there is none; None = beside each photo.

    Raises:
        DraglabError: two results would have one name, or one cannot be written.
    """
    if output is not None and len(photos) == 1 and not output.is_dir():
        if output.suffix.lower() != SUFFIX:
            raise DraglabError(f"cannot write {output}: the name of an inverted photo ends in {SUFFIX}")
        jobs = [Job(photos[0], output)]
    else:
        if output is not None and output.suffix.lower() == SUFFIX:
            raise DraglabError(f"{len(photos)} photos do not fit into the file {output}: give a folder with -o")
        folders = [photo.parent if output is None else output for photo in photos]
        jobs = [Job(photo, folder / f"{photo.stem}{SUFFIX}") for photo, folder in zip(photos, folders, strict=True)]
        if output is not None:
            try:
                output.mkdir(exist_ok=True)
            except OSError as error:
                raise DraglabError(f"cannot make the folder {output}: {error.strerror}; choose another place") from None
    made: dict[Path, Path] = {}
    for job in jobs:
        if (other := made.setdefault(job.target, job.photo)) is not job.photo:
            raise DraglabError(f"{other} and {job.photo} would both become {job.target}: rename one of them")
        check_writable(job.target)
    return jobs


def run_one(job: Job, picture: Picture, generator: Generator, model: str, options: Options, many: str = "") -> Any:
    """Invert a photo that was read, and write its files; return what --json prints about it.

    Args:
        model: name by which the model is loaded again. many: which of several photos it is, for the progress.

    Raises:
        DraglabError: no face, a frame that does not fit, or a file that cannot be written.
    """
    pixels, kept = picture.pixels, ResumeFile(job.target)
    if options.resume and not kept.path.is_file() and is_inverted(job.target, pixels, generator.sha256):
        return {"photo": str(job.photo), "skipped": True, "interrupted": False, "files": {"photo": str(job.target)}}
    size = (pixels.shape[0], pixels.shape[1])
    frame, faces = options.frame, []
    if not options.align:
        frame = whole_frame(size, generator.img_shape)
    elif frame is None:
        faces = find_faces(pixels, generator)
        frame = choose_face(faces, options.face).frame
    inversion = Inversion(generator, pixels, frame, options.settings, model_name=model)
    resumed = kept.restore(inversion) if options.resume else False
    with _progress(many) as show, on_interrupt(inversion.stop):
        for step in inversion:
            show(step)
            kept.keep(inversion)
    going_on = bool(many) and inversion.stopped  # by the same command with --resume
    if going_on:
        kept.write(inversion)
    result = inversion.photo()
    result.save(job.target, job.photo.resolve() if options.reference else None)
    if not going_on:
        kept.remove()
    files = {"photo": str(job.target)}
    if options.heat is not None:
        save_image(options.heat, result.heat_map(), drawn("Differences of a photo and its copy in a GAN, by draglab."))
        files["heat_map"] = str(options.heat)
    begun = ["There was nothing to go on with: begun anew."] if options.resume and not resumed else []
    return {
        "photo": str(job.photo),
        "model": {"name": model, "sha256": result.model_sha256},
        "size": [size[1], size[0]],
        "frame": asdict(result.frame),
        "faces": [asdict(each.box) for each in faces],
        "face": options.face if faces else None,
        "quality": asdict(result.quality),
        "figures": result.quality.figures,
        "verdict": result.quality.verdict,
        "notes": [*picture.notes, *([several_faces(faces, options.face)] if len(faces) > 1 else []), *begun],
        "interrupted": inversion.stopped,
        "files": files,
    }


def choose_face(faces: Sequence[FramedFace], number: int) -> FramedFace:
    """Return the face of a number from 1.

    Raises:
        DraglabError: there are not so many.
    """
    if not 1 <= number <= len(faces):
        have = "one face was" if len(faces) == 1 else f"{len(faces)} faces were"
        numbers = "1" if len(faces) == 1 else f"1 to {len(faces)}"
        raise DraglabError(f"{have} found in the photo: give --face {numbers}, or place the frame with --box")
    return faces[number - 1]


def several_faces(faces: Sequence[FramedFace], taken: int) -> str:
    """Return a sentence on a photo with several faces: where they are, and which is taken."""
    places = [
        f"{number} at {face.box.x:.0f},{face.box.y:.0f}{' (taken)' if number == taken else ''}"
        for number, face in enumerate(faces, 1)
        if number <= _NAMED or number == taken
    ]
    more = " and others" if len(faces) > len(places) else ""
    return f"It shows {len(faces)} faces, the largest first: {', '.join(places)}{more}. For another, give --face."


def run_many(jobs: Sequence[Job], generator: Generator, model: str, options: Options, quiet: bool) -> dict[str, Any]:
    """Invert photos one after another; what is wrong with one is said on standard error, and the rest goes on.

    Args:
        quiet: whether nothing is printed on standard output.

    Returns:
        what --json prints: `photos`, in order, and whether it was `interrupted`, after which no photo is begun.
    """
    found: list[dict[str, Any]] = []
    for number, job in enumerate(jobs, 1):
        many = f"{job.photo.name} ({number} of {len(jobs)})"
        try:
            one = run_one(job, read_photo(job.photo), generator, model, options, many)
        except DraglabError as error:
            one = {"photo": str(job.photo), "error": str(error)}
            print(escape_controls(f"draglab: {job.photo}: {error}"), file=sys.stderr)
        else:
            if not quiet:
                print(escape_controls(f"{many}:"), as_text(one), sep="\n", flush=True)
        found.append(one)
        if one.get("interrupted"):
            break
    return {"photos": found, "interrupted": bool(found[-1].get("interrupted"))}


def as_text(found: dict[str, Any]) -> str:
    """Return what :func:`run_one` returned as text."""
    if found.get("skipped"):
        return f"{found['files']['photo']} is there already: skipped"
    frame, (width, height) = found["frame"], found["size"]
    place = "frame {x:.1f},{y:.1f},{size:.1f},{angle:.1f}".format(**frame) + f" of {width}x{height}"
    written = ", ".join(found["files"].values())
    return "\n".join([*found["notes"], place, found["figures"], found["verdict"], f"wrote {written}"])


@contextmanager
def _progress(many: str) -> Iterator[Any]:
    """Show a bar for each stage on a terminal; yield the function that takes the steps."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[state]}")
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks: dict[str, Any] = {}

        def show(step: Any) -> None:
            if step.stage not in tasks:
                name = f"{many} {step.stage}" if many else step.stage
                tasks[step.stage] = progress.add_task(escape_controls(name), total=step.total, state="")
            left = f"{step.seconds_left:.0f} s left"
            state = f"step {step.index} of {step.total}  LPIPS {step.lpips:.3f}  {left}"
            progress.update(tasks[step.stage], completed=step.index, state=state)

        yield show
