"""`draglab invert`: photos into a model."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

import draglab
from draglab.cli.arguments import Device, Json
from draglab.cli.interrupt import KeptBest
from draglab.errors import DraglabError


def invert(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Picture files: JPEG, PNG, WebP, TIFF, ...")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The result: .draglab, or a folder for results; beside the photo when left out."
        ),
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
    face: Annotated[
        int | None,
        typer.Option(min=1, help="Which face to take where there are several: 1 = the largest, 2 = the next, ..."),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Half of the steps, less like the photo.")] = False,
    best: Annotated[bool, typer.Option("--best", help="More time, more like the photo.")] = False,
    pti: Annotated[bool, typer.Option("--pti", help="The published scheme (PTI): slow.")] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with what was ended, by the same command; what is done is skipped."),
    ] = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Keep the photo's path in the result instead of its pixels.")
    ] = False,
    heat: Annotated[
        Path | None, typer.Option("--heat-map", help="Picture of where the result differs from the photo.")
    ] = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Bring photos into a model, so that they can be dragged. Ctrl-C stops and keeps the best so far."""
    if fast + best + pti > 1:
        raise DraglabError("--fast, --best and --pti exclude each other: give one")
    if box is not None and not align:
        raise DraglabError("--box and --no-align exclude each other: give one")
    if face is not None and (box is not None or not align):
        raise DraglabError("--face chooses among the faces that are found: leave --box and --no-align out")
    if len(photos) > 1 and (box is not None or face is not None or heat is not None):
        raise DraglabError(
            "--box, --face and --heat-map are for one photo: leave them out, or give the photos one by one"
        )

    from draglab.cli.inversions import Options, as_text, plan, run_many, run_one
    from draglab.files import check_writable
    from draglab.inversion import InversionSettings, parse_box, read_photo
    from draglab.media.images import check_image_suffix
    from draglab.media.provenance.credentials import check_signing

    frame = None if box is None else parse_box(box)
    picture = read_photo(photos[0]) if len(photos) == 1 else None
    jobs = plan(photos, output)
    if heat is not None:
        check_image_suffix(heat)
        check_writable(heat)
        check_signing()
    presets = {"fast": fast, "best": best, "pti": pti}
    settings = next((getattr(InversionSettings, name)() for name, wanted in presets.items() if wanted), None)
    options = Options(frame, align, face or 1, settings, resume, reference, heat)
    generator = draglab.load_generator(model, device=device)
    if picture is not None:
        found = run_one(jobs[0], picture, generator, model, options)
    else:
        found = run_many(jobs, generator, model, options, quiet=as_json)
    if as_json:
        print(json.dumps(found))
    elif picture is not None:
        print(as_text(found))
    if found["interrupted"]:
        raise KeptBest
    failed = sum("error" in one for one in found.get("photos", ()))
    if failed:
        print(f"draglab: {failed} of {len(jobs)} photos could not be inverted; the others are done", file=sys.stderr)
        raise typer.Exit(2)
