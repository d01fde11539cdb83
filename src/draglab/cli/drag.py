"""`draglab drag`: drag points of a generated image or an inverted photo, or repeat an edit from its file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from draglab.cli.arguments import Class, Device, Json, Truncation, parse_class, parse_seed
from draglab.cli.interrupt import KeptBest
from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.dragging import DragSettings
    from draglab.generators import Generator
    from draglab.media.edit_file import ModelReference, Round, SeedStart, WPlusStart

_SETTINGS = "Settings of the drag (the preset's when left out)"


def drag(
    edit: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="A photo of draglab invert (.draglab), or an edit file (.json) to make again; --point adds a round.",
        ),
    ] = None,
    seed: Annotated[str | None, typer.Option("--seed", "-s", help="Start from the image of this seed.")] = None,
    point: Annotated[
        list[str] | None,
        typer.Option("--point", "-p", help="Handle and target, x,y:x,y in pixels from the top left; repeatable."),
    ] = None,
    do: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:STRENGTH",
            help="A named edit of a face, as in smile:0.5; repeatable, they add up. docs/transfer.md lists them.",
        ),
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|SHAPE",
            help="The movable region: an image (white may move, black is frozen), circle:x,y,r or rect:x0,y0,x1,y1.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The edited image: .png, .jpg or .webp.")] = Path(
        "dragged.png"
    ),
    video: Annotated[Path | None, typer.Option(help="The steps as a video: .mp4 or .gif.")] = None,
    save: Annotated[Path | None, typer.Option(help="Edit file that makes this edit again: .json.")] = None,
    paste_back: Annotated[
        bool, typer.Option("--paste-back", help="Write the whole photo with the edit put back, not the model's image.")
    ] = False,
    stitch: Annotated[
        bool,
        typer.Option("--stitch", help="With --paste-back: tune the model until the edit fits the photo at the seam."),
    ] = False,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="Bundled model or file; heads, or what the edit file names.")
    ] = None,
    truncation: Truncation = 1.0,
    class_name: Class = None,
    device: Device = None,
    as_json: Json = False,
    preset: Annotated[
        Literal["draglab", "paper"],
        typer.Option(help="Where the settings start from.", rich_help_panel=_SETTINGS),
    ] = "draglab",
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change a setting, as in --set mask_weight=10; repeatable.",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option("--steps", help="Short for --set max_steps=N.", rich_help_panel=_SETTINGS)
    ] = None,
    help_settings: Annotated[
        bool,
        typer.Option(
            "--help-settings", help="List the settings and what they do, and exit.", rich_help_panel=_SETTINGS
        ),
    ] = False,
) -> None:
    """Drag points of an image to where they should be. Ctrl-C stops and keeps the best so far."""
    if help_settings:
        from draglab.editor.settings import describe_settings

        print(describe_settings())
        return
    texts = [*(changes or []), *([] if max_steps is None else [f"max_steps={max_steps}"])]
    if edit is None and seed is None:
        raise DraglabError(
            "nothing to start from: give an edit file, or --seed and --point, as in --seed 7 --point 64,90:64,105"
        )
    if stitch and not paste_back:
        raise DraglabError("--stitch is for edits that are put back: add --paste-back")
    from_photo = edit is not None and edit.suffix.lower() == ".draglab"
    if edit is not None and (seed is not None or truncation != 1.0 or class_name is not None):
        raise DraglabError("a file has its own start: leave --seed, --truncation and --class out")
    if from_photo and not point and not do:
        raise DraglabError(
            "no points were given: add --point handle:target, in pixels of the model's image, or --do smile"
        )
    if edit is not None and not point and not do and (texts or preset != "draglab" or mask is not None):
        raise DraglabError(
            "an edit file has its own settings and mask: leave them out, or add a round with --point or --do"
        )
    if edit is None and not point and not do:
        raise DraglabError("no points were given: add --point handle:target, as in --point 64,90:64,105, or --do smile")

    number, c = None if seed is None else parse_seed(seed), parse_class(class_name)
    from draglab.geometry import parse_point_pair

    pairs: list[tuple[Any, Any]] = [parse_point_pair(text) for text in point or []]

    # torch takes a while to import: arguments that may be mistyped are checked before.
    from draglab.cli.outputs import Outputs, run_edit
    from draglab.cli.statistics import prepare
    from draglab.dragging import DragSettings
    from draglab.editor.named_edits import named_settings, parse_named
    from draglab.editor.settings import parse_settings
    from draglab.inversion.inverted_photo import open_model_or_photo
    from draglab.media.edit_file import EditFile, ModelReference, SeedStart, WPlusStart, load_edit_file

    chosen: dict[str, Any] = dict(parse_settings(texts))
    DragSettings(**chosen)  # checked before a model is loaded
    named = parse_named(do) if do else {}
    Outputs(image=output, video=video, edit=save).check()
    rounds = []
    if edit is not None and not from_photo:
        loaded = load_edit_file(edit)
        start, rounds = loaded.start, loaded.rounds
        name = model or loaded.model.name
        generator, photo = open_model_or_photo(name, device)
        reference = ModelReference(name=name, sha256=loaded.model.sha256)
    else:
        name = str(edit) if from_photo else model or "heads"
        generator, photo = open_model_or_photo(name, device, model if from_photo else None)
        reference = ModelReference(name=name, sha256=generator.sha256)
        if from_photo and photo is not None:
            start = WPlusStart.from_array(photo.w_plus[0].cpu().numpy())
        else:
            start = SeedStart(
                seed=number or 0,
                truncation_psi=truncation,
                class_index=c if isinstance(c, int) else None,
                class_vector=c if isinstance(c, list) else None,
            )
    if paste_back and photo is None:
        raise DraglabError("--paste-back needs a photo: give a file of draglab invert (.draglab)")
    outputs = Outputs(image=output, video=video, edit=save, photo=photo, paste_back=paste_back, stitch=stitch)
    suited = {} if pairs else named_settings(named)
    if named:
        pairs += _named_pairs(named, start, rounds, reference, generator)
    if pairs:
        if preset == "paper":
            settings = DragSettings.paper(**chosen)
        else:
            settings = DragSettings.for_model(generator, **{**suited, **chosen})
        rounds = [*rounds, _round(pairs, mask, settings, generator)]
    prepare(generator, rounds)
    outcome = run_edit(EditFile(model=reference, start=start, rounds=rounds), generator, outputs)
    print(json.dumps(outcome.as_json()) if as_json else outcome.as_text())
    if outcome.replay.interrupted:
        raise KeptBest


def _named_pairs(
    named: dict[str, float],
    start: "SeedStart | WPlusStart",
    rounds: "list[Round]",
    reference: "ModelReference",
    generator: "Generator",
) -> list[tuple[Any, Any]]:
    """Return the handles and targets of named edits on the image that the rounds before them lead to."""
    from draglab.cli.statistics import prepare
    from draglab.editor.faces import place_named
    from draglab.editor.replay import Replay
    from draglab.editor.start_latent import spec_of_start, start_latent
    from draglab.media.edit_file import EditFile

    w_plus = start_latent(spec_of_start(start, reference.name), generator)
    if rounds:
        prepare(generator, rounds)
        replay = Replay(EditFile(model=reference, start=start, rounds=rounds), generator)
        for _ in replay:
            pass
        w_plus = replay.w_plus
    points = place_named(generator, w_plus, named)
    return list(zip(points.handles.tolist(), points.targets.tolist(), strict=True))


def _round(pairs: list[tuple[Any, Any]], mask: str | None, settings: "DragSettings", generator: "Generator") -> "Round":
    """Make a round of the command line's points, mask and settings, checked against the model."""
    from dataclasses import asdict

    from draglab.geometry import parse_mask_shape, validate_pairs
    from draglab.media.edit_file import Round
    from draglab.media.images import load_mask

    height, width = generator.img_shape
    handles, targets = validate_pairs([h for h, _ in pairs], [t for _, t in pairs], height, width)
    movable = None
    if mask is not None:
        movable = parse_mask_shape(mask, height, width)
        movable = load_mask(mask, (height, width)) if movable is None else movable
    return Round.from_arrays(handles, targets, movable, asdict(settings))
