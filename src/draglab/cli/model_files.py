"""`draglab models inspect`, `convert` and `export`: description, conversion and publication of model files."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from draglab.cli.arguments import Json
from draglab.errors import DraglabError


def inspect(
    file: Annotated[str, typer.Argument(help="A model of any kind that draglab opens: a file, a folder or a name.")],
    as_json: Json = False,
) -> None:
    """Show what a model file is. No tensor is loaded, and nothing that the file contains is run."""
    from draglab.checkpoints import find_model, inspect_file

    path, _ = find_model(file)
    found = inspect_file(path)
    height, width = found.config.img_shape
    tensors, stored = found.sizes
    description: dict[str, Any] = {
        "file": str(path),
        "bytes": found.bytes,
        "format": found.format,
        "architecture": found.architecture,
        "image": f"{width} x {height}",
        "classes": found.config.c_dim,
        "parameters": found.parameters,
        "tensors": tensors,
        "tensor_bytes": stored,
        **{name: value for name, value in found.facts.items() if value is not None},
    }
    if as_json:
        print(json.dumps(description | {"config": found.config.to_json(), "warnings": found.warnings}))
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in description.items():
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        table.add_row(name.replace("_", " "), Text(shown))
    for name, value in found.config.to_json().items():
        table.add_row(f"  {name}", Text(str(value)))
    console = Console()
    console.print(table)
    for warning in found.warnings:
        console.print(Text(f"warning: {warning}"), soft_wrap=True)


def convert(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="A model of any kind that draglab opens: a file, a folder or a name.")
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="Where to write it.")],
    half: Annotated[bool, typer.Option("--half", help="Store half-precision weights: half the size.")] = False,
    as_json: Json = False,
) -> None:
    """Write a model as draglab's safetensors: smaller, quicker to open, no code in it."""
    if target.suffix != ".safetensors":
        raise DraglabError(f"{target} should end in .safetensors: that is what is written")

    from draglab.files import check_writable

    check_writable(target)

    from draglab.checkpoints import convert_model, find_model
    from draglab.cli.statistics import statistics_progress

    with statistics_progress() as progress:
        found = convert_model(find_model(source)[0], target, half, progress=progress)
    if as_json:
        print(json.dumps({"file": str(target), "bytes": target.stat().st_size, "warnings": found.warnings}))
        return
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
    print(f"wrote {target} ({target.stat().st_size / 1e6:.1f} MB)")


def export(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="A model of any kind that draglab opens: a file, a folder or a name.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write it.")],
    licence: Annotated[
        str | None, typer.Option(help="As in Apache-2.0; what the model says of itself if left out.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Title of the card.")] = None,
    half: Annotated[bool, typer.Option("--half", help="Store half-precision weights: half the size.")] = False,
    seed: Annotated[str, typer.Option(help="Seeds of the pictures in the card, as in 1-16 or 3,7,10-12.")] = "1-16",
    as_json: Json = False,
) -> None:
    """Write a model for publication: safetensors, a model card, and a sheet of samples."""
    from draglab.cli.arguments import parse_seeds
    from draglab.files import check_writable, make_directory

    seeds = parse_seeds([seed], most=100)
    make_directory(folder)
    check_writable(folder / "samples.webp")

    from draglab.checkpoints import export_model, find_model, load_generator
    from draglab.cli.statistics import statistics_progress
    from draglab.generators import to_uint8
    from draglab.media.images import save_image
    from draglab.media.provenance.origin import generated
    from draglab.media.sheet import contact_sheet

    path, known_as = find_model(source)
    with statistics_progress() as progress:
        found = export_model(
            path,
            folder,
            name=name or known_as,
            licence=licence,
            half=half,
            samples="samples.webp",
            progress=progress,
        )
    generator = load_generator(folder / "model.safetensors")
    images = [
        to_uint8(generator.image(generator.w_plus_from_seed(number, c=_first_class(generator))))[0] for number in seeds
    ]
    origin = generated(name or known_as, generator.sha256)
    save_image(folder / "samples.webp", contact_sheet(images, [str(number) for number in seeds]), origin)
    files = sorted(
        one.name for one in folder.iterdir() if one.name in ("model.safetensors", "README.md", "samples.webp")
    )
    if as_json:
        print(json.dumps({"folder": str(folder), "files": files, "warnings": found.warnings}))
        return
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
    print(f"wrote {', '.join(files)} into {folder}; complete README.md before you publish it, then for instance:")
    print(f"hf upload OWNER/REPOSITORY {folder}")


def _first_class(generator: Any) -> int | None:
    return 0 if generator.c_dim else None
