"""The models as all pages show them: which there are, which can be downloaded, and what is being done for them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        self._lock = threading.RLock()
        """Held while messages are made and sent: none of them overtakes a newer one."""
        self._readers: list[Reader] = []
        self._refreshing = threading.Lock()

    @contextmanager
    def joining(self, reader: Reader) -> Iterator[tuple[ModelList, ModelWork]]:
        """Yield what a client is to be told in the block; from its end on, the client is told what changes."""
        with self._lock:
            yield self._list(), self._work(reader)
            self._readers.append(reader)

    def leave(self, reader: Reader) -> None:
        """Tell a client nothing more."""
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)

    def tell_list(self) -> None:
        """Tell all clients which models there are."""
        with self._lock:
            if self._readers:
                text = encode(self._list())
                for reader in self._readers:
                    reader.outbox.put(text, "model_list")

    def tell_work(self) -> None:
        """Tell all clients what is being done."""
        with self._lock:
            for reader in self._readers:
                reader.outbox.put(encode(self._work(reader)), "model_work")

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
                with self._lock:
                    reader.outbox.put(encode(self._list()), "model_list")
                self.refresh()
            case DownloadModel():
                self._downloads.start(command.model, command.accept_licence, reader.owner)
            case StopDownload():
                self._downloads.stop(reader.owner)
            case StopMeasuring():
                if self._shared:
                    raise DraglabError("this cannot be stopped here: others use the model, too")
                self._loaded.stop_measuring(command.model)

    def _list(self) -> ModelList:
        return ModelList(
            models=self._library.models(),
            offers=self._downloads.offers(),
            licences=self._downloads.licences(),
            shared=self._shared,
        )

    def _work(self, reader: Reader) -> ModelWork:
        return ModelWork(
            loading=list(self._loaded.loading),
            measuring=self._loaded.measuring,
            download=self._downloads.view(reader.owner),
        )

    def _refresh(self) -> None:
        try:
            if self._library.refresh():
                self.tell_list()
        except Exception:
            logger.exception("the models folder could not be read")
        finally:
            self._refreshing.release()
