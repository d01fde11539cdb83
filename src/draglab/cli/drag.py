"""`draglab drag`: drag points, or make an edit again from its file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import draglab
from draglab.cli.arguments import Class, Device, Json, Truncation, finite, parse_class, parse_seed
from draglab.cli.interrupt import KeptBest
from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.generators import Generator
    from draglab.media.edit_file import Round

_SETTINGS = "Settings of the drag (the preset's when left out)"


def drag(
    edit: Annotated[
        Path | None, typer.Argument(metavar="EDIT.json", help="An edit file to make again; --point adds a round.")
    ] = None,
    seed: Annotated[str | None, typer.Option("--seed", "-s", help="Start from the image of this seed.")] = None,
    point: Annotated[
        list[str] | None,
        typer.Option("--point", "-p", help="Handle and target, x,y:x,y in pixels from the top left; repeatable."),
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
    max_steps: Annotated[
        int | None, typer.Option("--steps", help="Stop after this many steps.", rich_help_panel=_SETTINGS)
    ] = None,
    step_size: Annotated[
        float | None, typer.Option(callback=finite, help="Adam's step size.", rich_help_panel=_SETTINGS)
    ] = None,
    mask_weight: Annotated[
        float | None,
        typer.Option(callback=finite, help="How strongly the frozen region is kept.", rich_help_panel=_SETTINGS),
    ] = None,
    r1: Annotated[
        float | None,
        typer.Option(
            callback=finite, help="Radius that is moved, in pixels of a 512-pixel image.", rich_help_panel=_SETTINGS
        ),
    ] = None,
    r2: Annotated[
        float | None,
        typer.Option(
            callback=finite,
            help="Half-width in which a handle is looked for, in pixels of a 512-pixel image.",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    feature_resolution: Annotated[
        int | None, typer.Option(help="Which block's features are used.", rich_help_panel=_SETTINGS)
    ] = None,
    feature_layer: Annotated[
        int | None,
        typer.Option(help="Which layer's features are used, from 0, of StyleGAN3 models.", rich_help_panel=_SETTINGS),
    ] = None,
    stop_distance: Annotated[
        float | None,
        typer.Option(callback=finite, help="Arrived when this near, in pixels.", rich_help_panel=_SETTINGS),
    ] = None,
    latent_space: Annotated[
        Literal["w+", "w"] | None, typer.Option(help="What is optimised.", rich_help_panel=_SETTINGS)
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(
            help="What features are computed in; bfloat16 is faster where the processor has it.",
            rich_help_panel=_SETTINGS,
        ),
    ] = None,
    num_layers: Annotated[
        int | None, typer.Option(help="How many of the first layers of w+ may change.", rich_help_panel=_SETTINGS)
    ] = None,
) -> None:
    """Drag points of an image to where they should be. Ctrl-C stops and keeps the best so far."""
    overrides = {
        "max_steps": max_steps,
        "step_size": step_size,
        "mask_weight": mask_weight,
        "r1": r1,
        "r2": r2,
        "feature_resolution": feature_resolution,
        "feature_layer": feature_layer,
        "stop_distance": stop_distance,
        "latent_space": latent_space,
        "num_layers": num_layers,
        "precision": precision,
    }
    overrides = {name: value for name, value in overrides.items() if value is not None}
    if edit is None and seed is None:
        raise DraglabError(
            "nothing to start from: give an edit file, or --seed and --point, as in --seed 7 --point 64,90:64,105"
        )
    if edit is not None and (seed is not None or truncation != 1.0 or class_name is not None):
        raise DraglabError("an edit file has its own start: leave --seed, --truncation and --class out")
    if edit is not None and not point and (overrides or preset != "draglab" or mask is not None):
        raise DraglabError("an edit file has its own settings and mask: leave them out, or add a round with --point")
    if edit is None and not point:
        raise DraglabError("no points were given: add --point handle:target, for instance --point 64,90:64,105")

    number, c = None if seed is None else parse_seed(seed), parse_class(class_name)
    from draglab.geometry import parse_point_pair

    pairs = [parse_point_pair(text) for text in point or []]

    # What needs torch is imported after what a person may have mistyped.
    from draglab.cli.outputs import Outputs, run_edit
    from draglab.media.edit_file import EditFile, ModelReference, SeedStart, load_edit_file

    outputs = Outputs(image=output, video=video, edit=save)
    outputs.check()
    if edit is not None:
        loaded = load_edit_file(edit)
        start, rounds = loaded.start, loaded.rounds
        name = model or loaded.model.name
        generator = draglab.load_generator(name, device=device)
        reference = ModelReference(name=name, sha256=loaded.model.sha256)
    else:
        start = SeedStart(
            seed=number or 0,
            truncation_psi=truncation,
            class_index=c if isinstance(c, int) else None,
            class_vector=c if isinstance(c, list) else None,
        )
        rounds = []
        name = model or "heads"
        generator = draglab.load_generator(name, device=device)
        reference = ModelReference(name=name, sha256=generator.sha256)
    if pairs:
        rounds = [*rounds, _round(pairs, mask, preset, overrides, generator)]
    outcome = run_edit(EditFile(model=reference, start=start, rounds=rounds), generator, outputs)
    print(json.dumps(outcome.as_json()) if as_json else outcome.as_text())
    if outcome.replay.interrupted:
        raise KeptBest


def _round(
    pairs: list[tuple[Any, Any]],
    mask: str | None,
    preset: str,
    overrides: dict[str, Any],
    generator: "Generator",
) -> "Round":
    """One round from the command line's points, mask and settings, checked against the model."""
    from dataclasses import asdict, replace

    from draglab.drag import DragSettings
    from draglab.geometry import parse_mask_shape, validate_pairs
    from draglab.media.edit_file import Round
    from draglab.media.images import load_mask

    height, width = generator.img_shape
    handles, targets = validate_pairs([h for h, _ in pairs], [t for _, t in pairs], height, width)
    movable = None
    if mask is not None:
        movable = parse_mask_shape(mask, height, width)
        movable = load_mask(mask, (height, width)) if movable is None else movable
    settings = DragSettings.paper() if preset == "paper" else DragSettings.draglab()
    return Round.from_arrays(handles, targets, movable, asdict(replace(settings, **overrides)))
