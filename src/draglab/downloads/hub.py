"""Download of models from the Hugging Face Hub, with huggingface_hub: its cache, its tokens, its offline mode hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from draglab._version import __version__
from draglab.downloads.checking import WrongFile
from draglab.downloads.transfer import Progress, Rules, Stopped
from draglab.errors import DraglabError
from draglab.problems import escape_controls
from draglab.public_models.catalogue import Licence
from draglab.public_models.folder import ModelFolder
from draglab.public_models.hub import HubName, import_hub

FREE = {
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "zlib", "unlicense", "cc0-1.0", "cc-by-4.0",
    "cc-by-sa-4.0", "0bsd", "wtfpl", "mpl-2.0", "bsl-1.0", "afl-3.0", "postgresql", "ncsa", "ecl-2.0", "ms-pl",
}  # fmt: skip
"""The Hub's keys of licences that allow any use and need no consent. All others, and none at all, do."""
_TEXT = 200


@dataclass(frozen=True)
class HubFile:
    """A file on the Hub, before it is downloaded.

    Attributes:
        name: the name that was asked for. file: path in the repository. commit: its version.
        bytes: its size. sha256: its SHA-256; None = the Hub does not state it. licence: what its repository says.
    """

    name: HubName
    file: str
    commit: str
    bytes: int
    sha256: str | None
    licence: Licence


def look_up(name: HubName, rules: Rules | None = None) -> HubFile:
    """Ask the Hub for the file of a name, its size and its licence.

    Raises:
        DraglabError: huggingface_hub is not installed, no connection, no such repository or file, no access to it, or
            a file that is too large.
    """
    limit = (rules or Rules()).limit
    with _hub_errors(name) as hub:
        found = hub.HfApi(library_name="draglab", library_version=__version__).model_info(
            name.repo, revision=name.revision, files_metadata=True
        )
        address = f"{hub.constants.ENDPOINT}/{name.repo}"
    files = {sibling.rfilename: sibling for sibling in found.siblings or []}
    chosen = name.choose(files)
    size, large = files[chosen].size, files[chosen].lfs
    if size is None or not found.sha:
        raise DraglabError(f"{address} does not say how large {chosen} is: fetch it by other means")
    if not 0 < size <= limit:
        raise DraglabError(f"{name} has {size} bytes: no model that draglab opens is of that size; not downloaded")
    licence = _licence(name, address, found.card_data or {})
    return HubFile(name, chosen, found.sha, size, large.sha256 if large else None, licence)


def pull_from_hub(
    found: HubFile,
    accept_licence: bool = False,
    progress: Progress | None = None,
    folder: ModelFolder | None = None,
    stop: Event | None = None,
) -> Path:
    """Download a file of the Hub into huggingface_hub's cache, unless it is there, and check it.

    Args:
        found: from :func:`look_up`.
        accept_licence: you accept the licence; remembered in the folder.
        progress: called with the number of bytes that have arrived and that of the file.
        folder: where acceptances are kept; None = the folder of models.
        stop: event that ends the call.

    Returns:
        The file, in the cache.

    Raises:
        Stopped: `stop` was set. WrongFile: another SHA-256; it is deleted.
        DraglabError: as :func:`look_up`, the licence is not accepted, or the disk is full.
    """
    place = folder or ModelFolder()
    _accept(found, place, accept_licence)
    with _hub_errors(found.name) as hub:
        api = hub.HfApi(library_name="draglab", library_version=__version__)
        path = Path(
            api.hf_hub_download(
                found.name.repo, found.file, revision=found.name.revision, tqdm_class=_bar(found, progress, stop)
            )
        )
    if found.sha256 is not None:
        with path.open("rb") as file:
            arrived = hashlib.file_digest(file, "sha256").hexdigest()
        if arrived != found.sha256:
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            raise WrongFile(
                f"{found.name} is not the file that the Hub lists, it was changed or damaged: its SHA-256 is "
                f"{arrived}, not {found.sha256}; deleted, pull again"
            )
    return path


def _accept(found: HubFile, place: ModelFolder, accepted: bool) -> None:
    if place.has_accepted(found.licence):
        return
    if found.licence.asks and not accepted:
        raise DraglabError(
            f"{found.name} has a licence to accept first. {found.licence} If you agree: "
            f"draglab models pull {found.name} --accept-licence"
        )
    if accepted:
        place.accept(found.licence)


def _licence(name: HubName, address: str, card: Any) -> Licence:
    """Return what a repository's card says, in plain words. Anybody may have written it, and anything."""
    key, other, link = (_text(card.get(field)) for field in ("license", "license_name", "license_link"))
    stated = other if key == "other" and other else key
    where = link if link.startswith("https://") else address
    if not stated:
        said = f"{name.repo} states no licence: no permission beyond the law; ask its authors."
        return Licence(name="not stated", url=address, consequences=said, asks=True)
    free = key.lower() in FREE
    what = "it allows any use under its terms" if free else "read it: it may restrict what you do with the model"
    said = f"stated by {name.repo} on the Hub, not checked by draglab; {what}."
    return Licence(name=stated, url=where, consequences=said, asks=not free)


def _text(value: Any) -> str:
    if isinstance(value, list):  # some cards name several
        value = ", ".join(str(one) for one in value[:10])
    return escape_controls(str(value))[:_TEXT] if value else ""


def _bar(found: HubFile, progress: Progress | None, stop: Event | None) -> type:
    """Return a class that huggingface_hub takes for a progress bar, and that reports instead of drawing."""

    class Bar:
        def __init__(self, *_: Any, initial: int = 0, **__: Any) -> None:
            self.done = initial

        def update(self, number: float | None = 1) -> None:
            self.done += int(number or 0)
            if self.done > found.bytes:
                raise WrongFile(f"{found.name} has more than the {found.bytes} bytes that the Hub lists; not kept")
            if stop is not None and stop.is_set():
                raise Stopped(f"the download of {found.name} was stopped")
            if progress is not None:
                progress(self.done, found.bytes)

        def __enter__(self) -> Bar:
            self.update(0)
            return self

        def __exit__(self, *_: object) -> None: ...

        def __getattr__(self, name: str) -> Any:  # the rest of a bar's methods draws
            return lambda *_, **__: None

    return Bar


@contextmanager
def _hub_errors(name: HubName) -> Iterator[Any]:
    """Yield huggingface_hub, and turn what it raises into errors that say what to do."""
    hub = import_hub()
    from huggingface_hub import errors  # pyright: ignore[reportMissingImports]

    page = f"{hub.constants.ENDPOINT}/{name.repo}"
    try:
        yield hub
    except errors.GatedRepoError:
        raise DraglabError(
            f"{name} is given to those who ask: do so on {page}, then log in with 'hf auth login'"
        ) from None
    except errors.RepositoryNotFoundError:
        raise DraglabError(
            f"there is no model {name}, or it is private: log in with 'hf auth login'; see {page}"
        ) from None
    except errors.RevisionNotFoundError:
        raise DraglabError(f"{name.repo} has no revision {name.revision!r}: see {page}") from None
    except errors.OfflineModeIsEnabled:
        raise DraglabError(f"HF_HUB_OFFLINE is set, so {name} cannot be downloaded: unset it") from None
    except errors.HfHubHTTPError as error:
        raise DraglabError(f"the Hub answered for {name}: {_first_line(error)}") from None
    except DraglabError:
        raise
    except OSError as error:
        if error.strerror:
            raise DraglabError(f"{name} cannot be kept in {hub.constants.HF_HUB_CACHE}: {error.strerror}") from None
        raise DraglabError(f"{name} could not be downloaded: {_first_line(error)}") from None
    except Exception as error:
        # Its HTTP library's errors are of no common class, and that library has changed between versions.
        if type(error).__module__.partition(".")[0] in ("httpx", "httpx2", "httpcore", "httpcore2", "requests"):
            raise DraglabError(
                f"no connection to {hub.constants.ENDPOINT}; check the network, its proxy and HF_ENDPOINT:"
                f" {_first_line(error)}"
            ) from None
        raise


def _first_line(error: BaseException) -> str:
    return escape_controls((str(error).strip().splitlines() or [type(error).__name__])[0])[:300]
