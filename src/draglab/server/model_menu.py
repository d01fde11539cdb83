"""The models as all pages show them: which there are, which can be downloaded, and what is being done for them."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from draglab.errors import DraglabError
from draglab.server.library import Library
from draglab.server.loaded_models import LoadedModels
from draglab.server.messages import encode
from draglab.server.model_downloads import ModelDownloads
from draglab.server.model_messages import (
    DownloadModel,
    ListModels,
    ModelCommand,
    ModelList,
    ModelWork,
    StopDownload,
    StopMeasuring,
)
from draglab.server.outbox import Outbox

logger = logging.getLogger("draglab.server")


class Reader(Protocol):
    """A client that is told about models. owner: the person, see Access.owner."""

    owner: str | None
    outbox: Outbox


class ModelMenu:
    """Tells clients about models. Can be used from any thread, except for :meth:`handle`.

    Args:
        shared: whether the server has several persons.
    """

    def __init__(self, library: Library, loaded: LoadedModels, downloads: ModelDownloads, shared: bool) -> None:
        self._library = library
        self._loaded = loaded
        self._downloads = downloads
        self._shared = shared
        self._lock = threading.Lock()
        self._readers: list[Reader] = []
        self._refreshing = threading.Lock()

    def join(self, reader: Reader) -> None:
        """Tell a client about models from now on."""
        with self._lock:
            self._readers.append(reader)
        self._send_list([reader])
        self._send_work([reader])

    def leave(self, reader: Reader) -> None:
        """Tell a client nothing more."""
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)

    def tell_list(self) -> None:
        """Tell all clients which models there are."""
        self._send_list(self._all())

    def tell_work(self) -> None:
        """Tell all clients what is being done."""
        self._send_work(self._all())

    def refresh(self) -> None:
        """Look again at what is in the models folder, on a thread of its own, and tell all clients what has changed."""
        if self._refreshing.acquire(blocking=False):
            threading.Thread(target=self._refresh, name="draglab-models", daemon=True).start()

    def handle(self, command: ModelCommand, reader: Reader) -> None:
        """Carry out a client's command, on the worker's thread.

        Raises:
            DraglabError: it is not possible, or not allowed.
        """
        match command:
            case ListModels():
                self._send_list([reader])
                self.refresh()
            case DownloadModel():
                self._downloads.start(command.model, command.accept_licence, reader.owner)
            case StopDownload():
                self._downloads.stop(reader.owner)
            case StopMeasuring():
                if self._shared:
                    raise DraglabError("this cannot be stopped here: others use the model, too")
                self._loaded.stop_measuring(command.model)

    def _all(self) -> list[Reader]:
        with self._lock:
            return list(self._readers)

    def _send_list(self, readers: list[Reader]) -> None:
        if not readers:
            return
        message = ModelList(
            models=self._library.models(),
            offers=self._downloads.offers(),
            licences=self._downloads.licences(),
            shared=self._shared,
        )
        for reader in readers:
            reader.outbox.put(encode(message), "model_list")

    def _send_work(self, readers: list[Reader]) -> None:
        loading, measuring = list(self._loaded.loading), self._loaded.measuring
        for reader in readers:
            download = self._downloads.view(reader.owner)
            message = ModelWork(loading=loading, measuring=measuring, download=download)
            reader.outbox.put(encode(message), "model_work")

    def _refresh(self) -> None:
        try:
            if self._library.refresh():
                self.tell_list()
        except Exception:
            logger.exception("the models folder could not be read")
        finally:
            self._refreshing.release()
