"""`draglab invert`: a photo into a model."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import draglab
from draglab.cli.arguments import Device, Json
from draglab.cli.interrupt import KeptBest, on_interrupt
from draglab.errors import DraglabError


def invert(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="A picture file: JPEG, PNG, WebP, TIFF, ...")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The result: .draglab; the photo's name when left out.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Model that shows such pictures: a name or a file.")
    ] = "ffhq-1024-mobile",
    align: Annotated[
        bool, typer.Option("--align/--no-align", help="Look for a face, or take the middle of the photo as it is.")
    ] = True,
    box: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y,SIZE,ANGLE",
            help="The part of the photo to take: centre and side in its pixels, turn in degrees clockwise.",
        ),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Half of the steps, less like the photo.")] = False,
    best: Annotated[bool, typer.Option("--best", help="More time, more like the photo.")] = False,
    pti: Annotated[bool, typer.Option("--pti", help="The published scheme (PTI): slow.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what was ended, by the same command.")] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Keep the photo's path in the result instead of its pixels.")
    ] = False,
    heat: Annotated[
        Path | None, typer.Option("--heat-map", help="Picture of where the result differs from the photo.")
    ] = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Bring a photo into a model, so that it can be dragged. Ctrl-C stops and keeps the best so far."""
    if fast + best + pti > 1:
        raise DraglabError("--fast, --best and --pti exclude each other: give one")
    if box is not None and not align:
        raise DraglabError("--box and --no-align exclude each other: give one")
    target = photo.with_suffix(".draglab") if output is None else output
    if target.suffix.lower() != ".draglab":
        raise DraglabError(f"cannot write {target}: the name of an inverted photo ends in .draglab")

    from draglab.files import check_writable
    from draglab.inversion import Inversion, InversionSettings, parse_box, read_photo, whole_frame
    from draglab.inversion.resume import ResumeFile
    from draglab.media.images import check_image_suffix, save_image

    frame = None if box is None else parse_box(box)
    picture = read_photo(photo)
    check_writable(target)
    if heat is not None:
        check_image_suffix(heat)
        check_writable(heat)
    generator = draglab.load_generator(model, device=device)
    size = (picture.pixels.shape[0], picture.pixels.shape[1])
    if not align:
        frame = whole_frame(size, generator.img_shape)
    presets = {"fast": fast, "best": best, "pti": pti}
    chosen = next((getattr(InversionSettings, name)() for name, wanted in presets.items() if wanted), None)
    inversion = Inversion(generator, picture.pixels, frame, chosen, model_name=model)
    kept = ResumeFile(target)
    resumed = kept.restore(inversion) if resume else False
    _run(inversion, kept)
    result = inversion.photo()
    result.save(target, photo.resolve() if reference else None)
    kept.remove()
    files = {"photo": str(target)}
    if heat is not None:
        save_image(heat, result.heat_map(), "Map of differences, by draglab.")
        files["heat_map"] = str(heat)
    notes = [*picture.notes, *(["There was nothing to go on with: begun anew."] if resume and not resumed else [])]
    if as_json:
        found: dict[str, Any] = {
            "model": {"name": model, "sha256": result.model_sha256},
            "frame": asdict(result.frame),
            "quality": asdict(result.quality),
            "verdict": result.quality.verdict,
            "notes": notes,
            "interrupted": inversion.stopped,
            "files": files,
        }
        print(json.dumps(found))
    else:
        frame = result.frame
        place = f"frame {frame.x:.1f},{frame.y:.1f},{frame.size:.1f},{frame.angle:.1f} of {size[1]}x{size[0]}"
        print("\n".join([*notes, place, result.quality.figures, result.quality.verdict]))
        print(f"wrote {', '.join(files.values())}")
    if inversion.stopped:
        raise KeptBest


def _run(inversion: Any, kept: Any) -> None:
    """Run an inversion with a bar for each stage; keep its state on disk."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}")
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress, on_interrupt(inversion.stop):
        tasks: dict[str, Any] = {}
        for step in inversion:
            if step.stage not in tasks:
                tasks[step.stage] = progress.add_task(step.stage, total=step.total, state="")
            left = f"{step.seconds_left:.0f} s left"
            state = f"step {step.index} of {step.total}  LPIPS {step.lpips:.3f}  {left}"
            progress.update(tasks[step.stage], completed=step.index, state=state)
            kept.keep(inversion)
