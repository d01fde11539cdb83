"""`draglab models pull`, `verify` and `remove`: public models on this machine. Needs no torch."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from draglab.cli.interrupt import KeptBest
from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.public_models import Catalogue, ModelFolder, PublicModel

Names = Annotated[list[str], typer.Argument(help="Names as in draglab models list.")]


def pull(
    names: Names,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You accept the models' licences; for scripts.")
    ] = False,
) -> None:
    """Download public models, or go on with what was interrupted."""
    from draglab.cli.download_progress import DownloadProgress
    from draglab.downloads import pull as download
    from draglab.public_models import ModelFolder, read_catalogue

    catalogue, folder = read_catalogue(), ModelFolder()
    for model in [catalogue.get(name) for name in names]:
        accepted = accept_licence
        if not (folder.has(model) or model.by_hand):
            accepted = _consent(model, folder, catalogue, accept_licence)
        try:
            with DownloadProgress(model.alias) as progress:
                path = download(model.alias, accepted, progress.update, catalogue=catalogue)
        except KeyboardInterrupt:
            kept = "; what has arrived is kept: the same command goes on there" if folder.part(model).exists() else ""
            print(f"draglab: stopped{kept}", file=sys.stderr)
            raise KeptBest from None
        print(path)


def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Names; all downloaded models when left out.")] = None,
) -> None:
    """Compare downloaded models with their SHA-256."""
    from draglab.downloads import verify as check
    from draglab.public_models import ModelFolder, read_catalogue

    catalogue, folder = read_catalogue(), ModelFolder()
    models = [catalogue.get(name) for name in names or []] or [model for model in catalogue.models if folder.has(model)]
    if not models:
        print(f"no model is downloaded into {folder.path}")
    said = {
        "published": "as published",
        "remembered": "as at the first download",
        "first": "its SHA-256 is now remembered: none was known",
    }
    failures = []
    for model in models:
        try:
            print(f"{model.alias}: {said[check(model, folder)]}")
        except DraglabError as error:
            failures.append(str(error))
    if failures:
        raise DraglabError("; ".join(failures))


def remove(names: Names) -> None:
    """Delete downloaded models."""
    from draglab.public_models import ModelFolder, read_catalogue

    catalogue, folder = read_catalogue(), ModelFolder()
    for model in [catalogue.get(name) for name in names]:
        folder.remove(model)
        print(f"removed {model.alias}")


def _consent(model: "PublicModel", folder: "ModelFolder", catalogue: "Catalogue", accepted: bool) -> bool:
    """Show a licence before the first download under it; return whether it is accepted or needs no acceptance."""
    licence = catalogue.licence_of(model)
    if folder.has_accepted(licence):
        return True
    if licence.asks and not accepted and not sys.stdin.isatty():
        return False
    print(f"{model.alias} is under this licence. {licence}", file=sys.stderr)
    if accepted or not licence.asks:
        return True
    print("Do you accept it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise DraglabError(f"the licence was not accepted: {model.alias} was not downloaded")
    return True
