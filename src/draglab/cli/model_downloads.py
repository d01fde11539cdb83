"""`draglab models pull`, `verify` and `remove`: public models on this machine. Needs no torch."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from draglab.cli.interrupt import KeptBest
from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.public_models import Licence, ModelFolder

Names = Annotated[
    list[str],
    typer.Argument(
        help="Names as in draglab models list, or hf:owner/repo of the Hugging Face Hub, with @revision and /file."
    ),
]


def pull(
    names: Names,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You accept the models' licences; for scripts.")
    ] = False,
) -> None:
    """Download public models, or go on with what was interrupted."""
    from draglab.cli.download_progress import DownloadProgress
    from draglab.downloads import pull as download
    from draglab.downloads.hub import look_up
    from draglab.public_models import ModelFolder, read_catalogue
    from draglab.public_models.hub import find_downloaded, is_hub_name, parse_hub_name

    catalogue, folder = read_catalogue(), ModelFolder()
    # All names are checked before the first download.
    models = {name: None if is_hub_name(name) else catalogue.get(name) for name in names}
    hub_names = {name: parse_hub_name(name) for name, model in models.items() if model is None}
    for name, model in models.items():
        accepted = accept_licence
        if model is None:
            if find_downloaded(hub_names[name]) is None:
                accepted = _consent(name, look_up(hub_names[name]).licence, folder, accept_licence)
        elif not (folder.has(model) or model.by_hand):
            accepted = _consent(model.alias, catalogue.licence_of(model), folder, accept_licence)
        try:
            with DownloadProgress(name) as progress:
                path = download(name, accepted, progress.update, catalogue=catalogue)
        except KeyboardInterrupt:
            goes_on = model is None or folder.part(model).exists()
            kept = "; what has arrived is kept: the same command goes on there" if goes_on else ""
            print(f"draglab: stopped{kept}", file=sys.stderr)
            raise KeptBest from None
        if model is None:
            _check_opens(path, name)
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


def _consent(name: str, licence: "Licence", folder: "ModelFolder", accepted: bool) -> bool:
    """Show a licence before the first download under it; return whether it is accepted or needs no acceptance."""
    if folder.has_accepted(licence):
        return True
    if licence.asks and not accepted and not sys.stdin.isatty():
        return False
    print(f"{name} is under this licence. {licence}", file=sys.stderr)
    if accepted or not licence.asks:
        return True
    print("Do you accept it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise DraglabError(f"the licence was not accepted: {name} was not downloaded")
    return True


def _check_opens(path: Path, name: str) -> None:
    """Say at once when a file of the Hub is no model that draglab opens: anything can be there."""
    from draglab.checkpoints import inspect_file  # needs torch, which no other download does

    try:
        inspect_file(path)
    except DraglabError as error:
        raise DraglabError(f"{name} was downloaded, but cannot be used: {error}") from None
