"""The models in memory. Others are loaded, and new ones measured, on threads of their own: nobody else waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakSet

from draglab.errors import DraglabError
from draglab.server.library import Library
from draglab.server.worker import NotYet, Worker

if TYPE_CHECKING:
    from draglab.editor.document import Source
    from draglab.editor.photo import StoredPhoto
    from draglab.generators import Generator

FAILED_SECONDS = 10.0
"""Time for which a model that could not be loaded is not tried again: all who waited for it get the same answer."""
TELL_SECONDS = 0.25
"""Least time between two reports of progress."""

logger = logging.getLogger("draglab.server")


@dataclass(frozen=True)
class Measuring:
    """The measuring of a model's statistics, which drags by Gauss-Newton steps need. model: see key_of. share: done,
    0 to 1."""

    model: str
    share: float


def model_of(source: Source) -> str:
    """Return the name of a model, or of that which was tuned to a photo."""
    return source if isinstance(source, str) else source.model


def key_of(source: Source) -> str:
    """Return a text that stands for a model, or for one that was tuned to a photo."""
    return source if isinstance(source, str) else source.key


class _Stopped(Exception):
    """The measuring was stopped."""


class LoadedModels:
    """The generators in memory. Used on the worker's thread only, except for `loading` and `measuring`.

    One model is loaded at a time, and one measured: the one used last that has no statistics. A generator can be used
    while it is measured; its drags are of the first order until then.

    Args:
        limit: number of generators in memory, with the one that is being loaded. device: their device; None = the best
            of this machine.
        changed: called, from any thread, when `loading` or `measuring` has changed.
    """

    def __init__(
        self,
        library: Library,
        worker: Worker,
        limit: int,
        device: str | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._library = library
        self._worker = worker
        self._limit = limit
        self._device = device
        self._changed = changed
        self._loaded: OrderedDict[Source, Generator] = OrderedDict()
        self._wanted: OrderedDict[Source, Future[None]] = OrderedDict()
        """Models that are waited for, in turn, the first of which is being loaded if `_busy`."""
        self._busy = False
        self._failed: dict[Source, tuple[float, DraglabError]] = {}
        self._tried: WeakSet[Generator] = WeakSet()
        """Generators whose measuring was begun: not tried again if it was stopped or failed."""
        self._stop = threading.Event()
        self.loading: tuple[str, ...] = ()
        """Keys (see key_of) of the models that are being loaded or wait for that."""
        self.measuring: Measuring | None = None
        """The measuring that goes on now."""

    @property
    def count(self) -> int:
        """Number of models in memory; can be read from any thread."""
        return len(self._loaded)

    def get(self, source: Source) -> Generator:
        """Return a model that is in memory, by its name, or one that was tuned to a photo.

        Raises:
            NotYet: it is not, and is being loaded now.
            DraglabError: there is no such model, or its file cannot be used.
        """
        if source in self._loaded:
            self._loaded.move_to_end(source)
            return self._loaded[source]
        self._library.path(model_of(source))  # raises if there is none
        when, error = self._failed.get(source, (0.0, None))
        if error is not None and time.monotonic() - when < FAILED_SECONDS:
            raise error
        if source not in self._wanted:
            self._wanted[source] = Future()
            self._tell_loading()
            self._load_next()
        raise NotYet(self._wanted[source])

    def load(self, name: str) -> Generator:
        """Return a model, after loading it here if it is not in memory: for when nobody else waits.

        Raises:
            DraglabError: there is no such model, or its file cannot be used.
        """
        if name not in self._loaded:
            self._make_room()
            self._keep(name, self._read(name, None))
        return self.get(name)

    def adopt(self, photo: StoredPhoto, generator: Generator) -> None:
        """Take a generator that was tuned to a photo, so that it need not be made from the photo's file."""
        self._make_room()
        generator.name = photo.model
        self._keep(photo, generator)

    def stop_measuring(self, model: str) -> None:
        """End the measuring of a model until it is loaded again; do nothing if it is not being measured."""
        if self.measuring is not None and self.measuring.model == model:
            self._stop.set()

    def close(self) -> None:
        """End what is going on, as soon as possible. Can be called from any thread."""
        self._stop.set()

    def _load_next(self) -> None:
        if self._busy or not self._wanted:
            return
        self._busy = True
        source = next(iter(self._wanted))
        original = self._loaded.get(model_of(source))
        self._make_room()
        # Daemons: the process can end while a model loads.
        threading.Thread(target=self._load, args=(source, original), name="draglab-loading", daemon=True).start()

    def _make_room(self) -> None:
        # Before loading: two large models may not fit.
        while len(self._loaded) >= self._limit:
            self._loaded.popitem(last=False)

    def _load(self, source: Source, original: Generator | None) -> None:
        result: Generator | DraglabError
        try:
            result = self._read(source, original)
        except DraglabError as error:
            result = error
        except Exception as error:
            logger.exception("a model could not be loaded")
            result = DraglabError(
                f"the model {model_of(source)!a} could not be loaded ({type(error).__name__}): there may be too little "
                "memory; close other programs, or take a smaller model"
            )
        self._worker.call(lambda: self._settle(source, result))

    def _read(self, source: Source, original: Generator | None) -> Generator:
        """Load a model and prepare what its first use would compute: its SHA-256, and forms of its weights.

        Args:
            original: the model that a photo's weights differ from; None = it is loaded, too.
        """
        import torch

        from draglab.checkpoints import load_generator
        from draglab.inversion.inverted_photo import tuned_generator

        name = model_of(source)
        if isinstance(source, str) or original is None:
            original = load_generator(self._library.path(name), self._device)
        generator = original
        if not isinstance(source, str):
            generator = tuned_generator(source.content(), original, "the photo's file")
        generator.name = name
        assert generator.sha256
        with torch.no_grad():
            generator.image(
                generator.w_plus_from_seed(self._library.first_seed(name), c=0 if generator.c_dim else None)
            )
        return generator

    def _settle(self, source: Source, result: Generator | DraglabError) -> None:
        self._busy = False
        if isinstance(result, DraglabError):
            self._failed[source] = time.monotonic(), result
        else:
            self._keep(source, result)
        self._wanted.pop(source).set_result(None)
        self._tell_loading()
        # After those who waited for this one: the next takes its place.
        self._worker.call(self._load_next)

    def _keep(self, source: Source, generator: Generator) -> None:
        self._loaded[source] = generator
        self._failed.pop(source, None)
        self._measure_next()

    def _tell_loading(self) -> None:
        self.loading = tuple(key_of(source) for source in self._wanted)
        self._changed()

    def _measure_next(self) -> None:
        if self.measuring is not None:
            return
        for source, generator in reversed(self._loaded.items()):
            if generator.statistics is None and generator not in self._tried:
                self._tried.add(generator)
                self._stop.clear()
                self.measuring = Measuring(key_of(source), 0.0)
                threading.Thread(
                    target=self._measure, args=(source, generator), name="draglab-measuring", daemon=True
                ).start()
                return

    def _measure(self, source: Source, generator: Generator) -> None:
        from draglab.checkpoints.statistics import add_statistics

        told = 0.0

        def progress(share: float) -> None:
            nonlocal told
            if self._stop.is_set() or self._loaded.get(source) is not generator:
                raise _Stopped
            if (now := time.monotonic()) - told > TELL_SECONDS:
                told = now
                self.measuring = Measuring(key_of(source), share)
                self._changed()

        try:
            add_statistics(generator, progress)
        except _Stopped:
            pass
        except Exception:
            # Drags of the first order go on as before.
            logger.exception("the statistics of %s could not be measured", key_of(source))
        self._worker.call(self._end_measuring)

    def _end_measuring(self) -> None:
        self.measuring = None
        self._changed()
        self._measure_next()
