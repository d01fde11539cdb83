"""`draglab models`: the list of models that have names; its subcommands download, convert and export."""

import json
from typing import Any

import typer

from draglab.cli.arguments import Json
from draglab.cli.model_downloads import pull, remove, verify
from draglab.cli.model_files import convert, export, inspect
from draglab.errors import DraglabError

models = typer.Typer(
    name="models",
    help="Models that can be loaded by name: which there are, and getting them. Alone, it lists them.",
    invoke_without_command=True,
)


@models.callback()
def _alone(context: typer.Context, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_models(as_json)
    elif as_json:
        raise DraglabError(f"--json belongs to the command: draglab models {context.invoked_subcommand} --json")


def list_models(as_json: Json = False) -> None:
    """List models: bundled, downloaded, and to be had."""
    from draglab.public_models import ModelFolder, read_catalogue

    rows = [*_bundled(), *_public()]
    if as_json:
        licences = {key: licence.model_dump() for key, licence in read_catalogue().licences.items()}
        print(json.dumps({"models": rows, "licences": licences}))
        return

    from rich.console import Console
    from rich.table import Table

    console = Console()
    here = Table("name", "resolution", "parameters", "size", "licence", title="On this machine", title_justify="left")
    there = Table("name", "resolution", "size", "licence", "how", title="To be had", title_justify="left")
    for row in rows:
        sides = {row["width"], row["resolution"]}
        pixels = f"{row['resolution']} px" if len(sides) == 1 else f"{row['width']}x{row['resolution']} px"
        millions = "" if row["parameters"] is None else f"{row['parameters'] / 1e6:.1f} M"
        if row["path"] is not None:
            here.add_row(row["name"], pixels, millions, f"{row['bytes'] / 1e6:.1f} MB", row["licence"])
        else:
            how = "by hand" if row["state"] == "by hand" else "pull"
            there.add_row(row["name"], pixels, row["size_text"], row["licence"], how)
    console.print(here, there)
    for key, licence in read_catalogue().licences.items():
        console.print(f"{key}: {licence}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"Models are kept in {ModelFolder().path}", markup=False, highlight=False, soft_wrap=True)


def _bundled() -> list[dict[str, Any]]:
    from draglab.checkpoints import list_models

    rows = []
    for entry in list_models():
        height, width = entry.header.config.img_shape
        rows.append(
            {
                "name": entry.name,
                "state": "bundled",
                "file": entry.path.name,
                "path": str(entry.path),
                "resolution": height,
                "width": width,
                "parameters": entry.header.parameters,
                "bytes": entry.size,
                "licence": str(entry.header.card.get("licence", "not stated")),
            }
        )
    return rows


def _public() -> list[dict[str, Any]]:
    from draglab.public_models import ModelFolder, read_catalogue

    folder, rows = ModelFolder(), []
    for model in read_catalogue().models:
        path = folder.file(model) if folder.has(model) else None
        rows.append(
            {
                "name": model.alias,
                "state": "downloaded" if path else "by hand" if model.by_hand else "available",
                "file": model.file,
                "path": path and str(path),
                "resolution": model.height,
                "width": model.width,
                "parameters": None,
                "bytes": path.stat().st_size if path else model.bytes,
                "size_text": model.size_text,
                "licence": model.licence,
                "family": model.family,
                "format": model.format,
                "url": model.url,
                "package": None if model.package is None else str(model.package),
                "sha256": model.sha256,
            }
        )
    return rows


models.command("list")(list_models)
models.command()(pull)
models.command()(verify)
models.command()(remove)
models.command()(inspect)
models.command()(convert)
models.command()(export)
