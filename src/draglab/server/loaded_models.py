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
    from draglab.generators import Generator

FAILED_SECONDS = 10.0
"""Time for which a model that could not be loaded is not tried again: all who waited for it get the same answer."""
TELL_SECONDS = 0.25
"""Least time between two reports of progress."""

logger = logging.getLogger("draglab.server")


@dataclass(frozen=True)
class Measuring:
    """The measuring of a model's statistics, which drags by Gauss-Newton steps need. share: done, 0 to 1."""

    model: str
    share: float


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
        measured: called on the worker's thread when a model has got its statistics.
    """

    def __init__(
        self,
        library: Library,
        worker: Worker,
        limit: int,
        device: str | None = None,
        changed: Callable[[], None] = lambda: None,
        measured: Callable[[], None] = lambda: None,
    ) -> None:
        self._library = library
        self._worker = worker
        self._limit = limit
        self._device = device
        self._changed = changed
        self._tell_measured = measured
        self._loaded: OrderedDict[str, Generator] = OrderedDict()
        self._wanted: OrderedDict[str, Future[None]] = OrderedDict()
        """Models that are waited for, in turn, the first of which is being loaded if `_busy`."""
        self._busy = False
        self._failed: dict[str, tuple[float, DraglabError]] = {}
        self._tried: WeakSet[Generator] = WeakSet()
        """Generators whose measuring was begun: not tried again if it was stopped or failed."""
        self._stop = threading.Event()
        self.loading: tuple[str, ...] = ()
        """Names of the models that are being loaded or wait for that."""
        self.measuring: Measuring | None = None
        """The measuring that goes on now."""

    def get(self, name: str) -> Generator:
        """Return a model that is in memory.

        Raises:
            NotYet: it is not, and is being loaded now.
            DraglabError: there is no such model, or its file cannot be used.
        """
        if name in self._loaded:
            self._loaded.move_to_end(name)
            return self._loaded[name]
        self._library.path(name)  # raises if there is none
        when, error = self._failed.get(name, (0.0, None))
        if error is not None and time.monotonic() - when < FAILED_SECONDS:
            raise error
        if name not in self._wanted:
            self._wanted[name] = Future()
            self._tell_loading()
            self._load_next()
        raise NotYet(self._wanted[name])

    def load(self, name: str) -> Generator:
        """Return a model, after loading it here if it is not in memory: for when nobody else waits.

        Raises:
            DraglabError: there is no such model, or its file cannot be used.
        """
        if name not in self._loaded:
            self._make_room()
            self._keep(name, self._read(name))
        return self.get(name)

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
        name = next(iter(self._wanted))
        self._make_room()
        # Daemons: the process can end while a model loads.
        threading.Thread(target=self._load, args=(name,), name="draglab-loading", daemon=True).start()

    def _make_room(self) -> None:
        # Before loading: two large models may not fit.
        while len(self._loaded) >= self._limit:
            self._loaded.popitem(last=False)

    def _load(self, name: str) -> None:
        result: Generator | DraglabError
        try:
            result = self._read(name)
        except DraglabError as error:
            result = error
        except Exception as error:
            logger.exception("a model could not be loaded")
            result = DraglabError(
                f"the model {name!a} could not be loaded ({type(error).__name__}): there may be too little memory; "
                "close other programs, or take a smaller model"
            )
        self._worker.call(lambda: self._settle(name, result))

    def _read(self, name: str) -> Generator:
        """Load a model and prepare what its first use would compute: its SHA-256, and forms of its weights."""
        import torch

        from draglab.checkpoints import load_generator

        generator = load_generator(self._library.path(name), self._device)
        generator.name = name
        assert generator.sha256
        with torch.no_grad():
            generator.image(
                generator.w_plus_from_seed(self._library.first_seed(name), c=0 if generator.c_dim else None)
            )
        return generator

    def _settle(self, name: str, result: Generator | DraglabError) -> None:
        self._busy = False
        if isinstance(result, DraglabError):
            self._failed[name] = time.monotonic(), result
        else:
            self._keep(name, result)
        self._wanted.pop(name).set_result(None)
        self._tell_loading()
        # After those who waited for this one: the next takes its place.
        self._worker.call(self._load_next)

    def _keep(self, name: str, generator: Generator) -> None:
        self._loaded[name] = generator
        self._failed.pop(name, None)
        self._measure_next()

    def _tell_loading(self) -> None:
        self.loading = tuple(self._wanted)
        self._changed()

    def _measure_next(self) -> None:
        if self.measuring is not None:
            return
        for name, generator in reversed(self._loaded.items()):
            if generator.statistics is None and generator not in self._tried:
                self._tried.add(generator)
                self._stop.clear()
                self.measuring = Measuring(name, 0.0)
                threading.Thread(
                    target=self._measure, args=(name, generator), name="draglab-measuring", daemon=True
                ).start()
                return

    def _measure(self, name: str, generator: Generator) -> None:
        from draglab.checkpoints.statistics import add_statistics

        told = 0.0

        def progress(share: float) -> None:
            nonlocal told
            if self._stop.is_set() or self._loaded.get(name) is not generator:
                raise _Stopped
            if (now := time.monotonic()) - told > TELL_SECONDS:
                told = now
                self.measuring = Measuring(name, share)
                self._changed()

        try:
            add_statistics(generator, progress)
        except _Stopped:
            pass
        except Exception:
            # Drags of the first order go on as before.
            logger.exception("the statistics of %s could not be measured", name)
        self._worker.call(self._end_measuring)

    def _end_measuring(self) -> None:
        self.measuring = None
        self._changed()
        self._tell_measured()
        self._measure_next()
