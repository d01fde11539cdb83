"""`draglab demo`: one drag of the bundled model, with every kind of output."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import draglab
from draglab.cli.arguments import Device, Json
from draglab.cli.interrupt import KeptBest

# The drag of the demo: the nose of a head, sideways.
MODEL = "heads"
SEED = 78
HANDLES = [(93.0, 125.0)]
TARGETS = [(118.0, 125.0)]


def demo(
    out: Annotated[Path, typer.Option(help="Directory for before.png, after.png, drag.mp4 and edit.json.")] = Path(
        "demo"
    ),
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Drag the nose of a bundled head sideways, and write pictures, video and edit file."""
    import numpy as np

    from draglab.cli.outputs import Outputs, run_edit
    from draglab.files import check_writable, make_directory
    from draglab.generators import to_uint8
    from draglab.media.edit_file import EditFile, ModelReference, Round, SeedStart
    from draglab.media.images import save_image
    from draglab.media.provenance.origin import generated

    make_directory(out)
    outputs = Outputs(image=out / "after.png", video=out / "drag.mp4", edit=out / "edit.json")
    outputs.check()
    check_writable(out / "before.png")
    generator = draglab.load_generator(MODEL, device=device)
    edit = EditFile(
        model=ModelReference(name=MODEL, sha256=generator.sha256),
        start=SeedStart(seed=SEED),
        rounds=[
            Round.from_arrays(np.array(HANDLES), np.array(TARGETS), settings=asdict(draglab.DragSettings.draglab()))
        ],
    )
    before = to_uint8(generator.image(generator.w_plus_from_seed(SEED)))[0]
    save_image(out / "before.png", before, generated(generator.name, generator.sha256, SEED))
    outcome = run_edit(edit, generator, outputs)
    print(json.dumps(outcome.as_json()) if as_json else outcome.as_text())
    if outcome.replay.interrupted:
        raise KeptBest
