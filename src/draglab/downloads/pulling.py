"""Download of a public model: licence, transfer, check, final name."""

from __future__ import annotations

from pathlib import Path

from draglab.downloads.checking import WrongFile, check
from draglab.downloads.transfer import Progress, Rules, transfer
from draglab.errors import DraglabError
from draglab.files import move_into_place
from draglab.public_models.catalogue import Catalogue, PublicModel, read_catalogue
from draglab.public_models.folder import ModelFolder, how_to_get


def pull(
    name: str,
    accept_licence: bool = False,
    progress: Progress | None = None,
    folder: str | Path | None = None,
    catalogue: Catalogue | None = None,
    rules: Rules | None = None,
) -> Path:
    """Download a public model, unless it is here already, and check it.

    The file has its name only once it is complete, has the right SHA-256 and is safely on the disk. An interrupted
    download is kept, and the next call continues it.

    Args:
        name: short name ("ffhq-512") or the published file's.
        accept_licence: you accept the model's licence; remembered in the folder.
        progress: called with the number of bytes that have arrived and that of the whole file, None = unknown.
        folder: the folder of models; None = DRAGLAB_MODELS, else the platform's folder for caches.
        catalogue: the list of models; None = draglab's own.
        rules: patience and limits; None = the defaults.

    Returns:
        The model's file.

    Raises:
        DraglabError: no such model; its licence is not accepted; it has to be downloaded in a browser; another process
            pulls it; the transfer failed; the disk is full; or the file is not the published one.
    """
    catalogue = read_catalogue() if catalogue is None else catalogue
    model = catalogue.get(name)
    place = ModelFolder(folder)
    with place.lock(model):
        if place.has(model):
            check(model, place)
        elif model.by_hand:
            raise DraglabError(how_to_get(model, place, catalogue))
        else:
            _accept(model, place, catalogue, accept_licence)
            try:
                part = transfer(model, place, catalogue.redirects_of(model), progress, rules or Rules())
                check(model, place, part)
            except WrongFile:
                place.discard(model)
                raise
            _finish(model, place, part)
    return place.file(model)


def _accept(model: PublicModel, folder: ModelFolder, catalogue: Catalogue, accepted: bool) -> None:
    licence = catalogue.licence_of(model)
    if folder.has_accepted(licence):
        return
    if licence.asks and not accepted:
        raise DraglabError(
            f"{model.alias} has a licence to accept first. {licence} If you agree: "
            f"draglab models pull {model.alias} --accept-licence"
        )
    if accepted:
        folder.accept(licence)


def _finish(model: PublicModel, folder: ModelFolder, part: Path) -> None:
    """Bring a complete and checked file onto the disk, and only then under the model's name."""
    with folder.writing(part):
        move_into_place(part, folder.file(model))
    folder.discard(model)
