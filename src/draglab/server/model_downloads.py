"""Public models that people can download from the editor, and the download that goes on."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from draglab.errors import DraglabError
from draglab.public_models import PublicModel, how_to_get
from draglab.server.library import Library, title_of

if TYPE_CHECKING:
    from draglab.downloads.transfer import Rules

TELL_SECONDS = 0.25
"""Least time between two reports of progress."""
END_SECONDS = 0.5
"""Time for a download to end when the server ends."""

logger = logging.getLogger("draglab.server")


@dataclass(frozen=True)
class OfferedLicence:
    """A licence of offered models.

    Attributes:
        key: as in ModelOffer.licence. consequences: what it means, in plain words. url: address of its text.
        asks: whether it must be accepted. accepted: whether the person need not be asked any more.
    """

    key: str
    name: str
    consequences: str
    url: str | None
    asks: bool
    accepted: bool


@dataclass(frozen=True)
class ModelOffer:
    """A public model that is not here.

    Attributes:
        title: name for people. shows: what its images show, "" = not said. width, height: size of its images, pixels.
        size: of the download, as text.
        licence: key of its licence. by_hand: what to do where a program cannot download it; None = it can.
    """

    name: str
    title: str
    shows: str
    width: int
    height: int
    size: str
    licence: str
    by_hand: str | None


@dataclass(frozen=True)
class Download:
    """The download that goes on, or has failed.

    Attributes:
        done, total: bytes; total None = unknown. What has arrived completely is being checked.
        stopping: whether it was stopped and ends soon. error: why it failed; None = it has not.
        mine: whether the person who asks has started it, and may stop it.
    """

    model: str
    title: str
    done: int = 0
    total: int | None = None
    stopping: bool = False
    error: str | None = None
    mine: bool = True


class ModelDownloads:
    """Downloads of public models into the models folder, one at a time. Can be used from any thread.

    The person who started a download may stop it, nobody else: others might wait for it, and what has arrived costs
    the starter's time. It goes on when her page is closed.

    Args:
        allowed: whether people may download. shared: whether they are several persons, each of whom is asked about
            licences.
        rules: see :func:`draglab.downloads.pull`.
        changed: called when :meth:`view` has changed. arrived: called when a model was added to the library.
    """

    def __init__(
        self,
        library: Library,
        allowed: bool,
        shared: bool,
        rules: Rules | None = None,
        changed: Callable[[], None] = lambda: None,
        arrived: Callable[[], None] = lambda: None,
    ) -> None:
        self.allowed = allowed
        self._library = library
        self._shared = shared
        self._rules = rules
        self._changed = changed
        self._arrived = arrived
        self._lock = threading.Lock()
        self._download: Download | None = None
        self._owner: str | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def offers(self) -> list[ModelOffer]:
        """List the public models that are not here, small ones first; none if people may not download."""
        if not self.allowed:
            return []
        catalogue, folder = self._library.catalogue, self._library.folder
        here = {model.name for model in self._library.models()}
        missing = [model for model in catalogue.models if model.alias not in here and not folder.has(model)]
        missing.sort(key=lambda model: (model.by_hand, (model.bytes or 0) / 1e6 or model.megabytes or math.inf))
        return [
            ModelOffer(
                name=model.alias,
                title=title_of(model.alias),
                shows=catalogue.subject_of(model),
                width=model.width,
                height=model.height,
                size=model.size_text,
                licence=model.licence,
                by_hand=self._by_hand(model),
            )
            for model in missing
        ]

    def licences(self) -> list[OfferedLicence]:
        """List the licences of public models."""
        if not self.allowed:
            return []
        folder = self._library.folder
        return [
            OfferedLicence(
                key=key,
                name=licence.name,
                consequences=licence.consequences,
                url=licence.url,
                asks=licence.asks,
                accepted=not self._shared and folder.has_accepted(licence),
            )
            for key, licence in self._library.catalogue.licences.items()
        ]

    def view(self, owner: str | None) -> Download | None:
        """Return the download as a person sees it: the failure of another's is not her concern."""
        with self._lock:
            download, mine = self._download, self._owner == owner
        if download is None or (download.error is not None and not mine):
            return None
        return replace(download, mine=mine)

    def start(self, name: str, accept_licence: bool, owner: str | None) -> None:
        """Start to download a model.

        Raises:
            DraglabError: people may not download, there is no such model, its licence is not accepted, a program cannot
                download it, or another download goes on.
        """
        if not self.allowed:
            raise DraglabError("nobody may download here: ask whoever runs this server (draglab edit --downloads)")
        model = self._library.catalogue.get(name)
        if (problem := self._by_hand(model)) is not None:
            raise DraglabError(problem)
        (licence,) = (each for each in self.licences() if each.key == model.licence)
        if licence.asks and not (accept_licence or licence.accepted):
            raise DraglabError(f"{title_of(name)} has a licence to accept first: {licence.name}")
        with self._lock:
            if self._download is not None and self._download.error is None:
                raise DraglabError(f"{self._download.title} is being downloaded: wait until it is here, or stop it")
            self._download = Download(model.alias, title_of(model.alias), total=model.bytes)
            self._owner, self._stop = owner, threading.Event()
            arguments = (model, accept_licence, self._stop)
            self._thread = threading.Thread(target=self._run, args=arguments, name="draglab-download", daemon=True)
        self._thread.start()
        self._changed()

    def stop(self, owner: str | None) -> None:
        """Stop the download; what has arrived of a file is kept, and the next download continues it.

        Raises:
            DraglabError: another person has started it.
        """
        with self._lock:
            if self._download is None:
                return
            if self._owner != owner:
                raise DraglabError("somebody else is downloading this: only they can stop it")
            if self._download.error is None:
                self._stop.set()
                self._download = replace(self._download, stopping=True)
            else:
                self._download = None  # has been read
        self._changed()

    def close(self) -> None:
        """Stop the download and wait a moment for its end: pip must not outlive the server."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(END_SECONDS)

    def _by_hand(self, model: PublicModel) -> str | None:
        if not model.by_hand:
            return None
        if self._shared:
            return "This one cannot be downloaded by a program: ask whoever runs this server."
        return how_to_get(model, self._library.folder, self._library.catalogue)

    def _run(self, model: PublicModel, accept_licence: bool, stop: threading.Event) -> None:
        # Only here: the server starts without what downloads need.
        from draglab.downloads import Stopped, pull

        told = 0.0

        def progress(done: int, total: int | None) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told > TELL_SECONDS or done == total:
                told = now
                self._update(done=done, total=total)

        library = self._library
        error: str | None = None
        try:
            pull(model.alias, accept_licence, progress, library.folder.path, library.catalogue, self._rules, stop)
            library.refresh()
            if model.alias not in [each.name for each in library.models()]:
                error = f"{title_of(model.alias)} was downloaded, but draglab cannot use it: its log says why"
        except Stopped:
            pass
        except DraglabError as problem:
            error = str(problem)
        except Exception as problem:
            logger.exception("a download failed")
            error = f"the download failed ({type(problem).__name__}): try again"
        with self._lock:
            assert self._download is not None
            self._download = None if error is None else replace(self._download, error=error, stopping=False)
        # In this order: a page that sees the end of a download has the model already.
        self._arrived()
        self._changed()

    def _update(self, done: int, total: int | None) -> None:
        with self._lock:
            if self._download is None or (self._download.done, self._download.total) == (done, total):
                return
            self._download = replace(self._download, done=done, total=total)
        self._changed()
