"""`draglab generate`: images of seeds."""

import json
from pathlib import Path
from typing import Annotated

import typer

import draglab
from draglab.cli.arguments import Class, Device, Json, Model, Truncation, parse_class, parse_seeds


def generate(
    seed: Annotated[list[str], typer.Option("--seed", "-s", help="For instance 7, 1-16 or 3,7,10-12.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="An image (several seeds become one sheet), or a directory for one file a seed."
        ),
    ] = Path("seeds.png"),
    truncation: Truncation = 1.0,
    class_name: Class = None,
    model: Model = "heads",
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Generate images of seeds, to look for one to drag."""
    seeds, c = parse_seeds(seed), parse_class(class_name)
    files = _files(output, seeds)

    from draglab.generators import to_uint8
    from draglab.media.images import save_image
    from draglab.media.provenance.origin import generated
    from draglab.media.sheet import contact_sheet

    generator = draglab.load_generator(model, device=device)

    def image(number: int):
        return to_uint8(generator.image(generator.w_plus_from_seed(number, truncation, c=c)))[0]

    if len(files) == len(seeds):
        for path, number in zip(files, seeds, strict=True):
            save_image(path, image(number), generated(generator.name, generator.sha256, number))
    else:
        sheet = contact_sheet([image(number) for number in seeds], [str(number) for number in seeds])
        save_image(files[0], sheet, generated(generator.name, generator.sha256))
    if as_json:
        print(json.dumps({"model": generator.name, "seeds": seeds, "files": [str(path) for path in files]}))
    else:
        print(f"wrote {files[0]}" if len(files) == 1 else f"wrote {len(files)} images into {output}")


def _files(output: Path, seeds: list[int]) -> list[Path]:
    """Return the files to write: one for all seeds, or one for each in a directory, which is made if it is missing."""
    from draglab.files import check_writable, make_directory
    from draglab.media.images import check_image_suffix
    from draglab.media.provenance.credentials import check_signing

    check_signing()
    if output.suffix and not output.is_dir():
        check_image_suffix(output)
        check_writable(output)
        return [output]
    make_directory(output)
    files = [output / f"seed{number:04d}.png" for number in seeds]
    check_writable(files[0])
    return files
