"""The models that the editor offers, and the generators in memory."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.generators import Generator, GeneratorConfig

DEFAULT = "heads"
SUFFIXES = {".safetensors", ".pkl", ".pt", ".pth", ".npz"}
"""Suffixes of files in the models folder that may be models; other files are not opened."""

logger = logging.getLogger("draglab.server")


@dataclass(frozen=True)
class ModelInfo:
    """Facts about a model, for the editor's menu and for programs, which know it by name, never by path.

    Attributes:
        title: name for people. width, height: size of its images, pixels. c_dim: number of classes, 0 = none.
        num_ws: number of layers.
        first_seeds: seeds of good images; a new session begins with the first, or with seed 0 if there is none.
    """

    name: str
    title: str
    width: int
    height: int
    c_dim: int
    num_ws: int
    first_seeds: tuple[int, ...] = ()


class Library:
    """The bundled models and those in one folder.

    Args:
        folder: folder of model files; None = that of `draglab models pull`.
        limit: number of generators in memory. device: their device; None = the best of this machine.
    """

    def __init__(self, folder: Path | None, limit: int, device: str | None = None) -> None:
        self._folder = folder
        self._device = device
        self._limit = limit
        self._lock = threading.Lock()
        self._files: dict[str, Path] = {}
        self._models: dict[str, ModelInfo] = {}
        self._loaded: OrderedDict[str, Generator] = OrderedDict()

    def models(self) -> list[ModelInfo]:
        """List the models known so far, the default one first. Can be called from any thread, after :meth:`find`."""
        with self._lock:
            return list(self._models.values())

    @property
    def default(self) -> str:
        """Name of the model of a new session.

        Raises:
            DraglabError: there is no model at all.
        """
        with self._lock:
            for name in self._models:
                return name
        raise DraglabError("there is no model here: start draglab edit with --models FOLDER")

    def first_seed(self, name: str) -> int:
        """Return the seed with which a new session of a model begins."""
        with self._lock:
            model = self._models.get(name)
        return model.first_seeds[0] if model is not None and model.first_seeds else 0

    def find(self) -> None:
        """Find the bundled models and the files of the folder, without opening files of other programs.

        If two models have the same name, the first one keeps it; bundled models come first.
        """
        from draglab.checkpoints import list_models
        from draglab.public_models import ModelFolder, read_catalogue

        for entry in sorted(list_models(), key=lambda entry: entry.name != DEFAULT):
            self._add(entry.name, entry.path, entry.header.config, entry.first_seeds)
        aliases = {model.file: model.alias for model in read_catalogue().models}
        folder = ModelFolder().path if self._folder is None else self._folder
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
        except OSError:
            files = []
        for path in files:
            self._files.setdefault(aliases.get(path.name, path.stem), path)
        self._inspect(lambda path: path.suffix == ".safetensors")

    def inspect(self) -> None:
        """Inspect the files of other programs, which takes about a second each, and add them to the menu.

        Can be called from any thread. The files can be loaded by name before that.
        """
        self._inspect(lambda path: True)

    def generator(self, name: str) -> Generator:
        """Return a model, after loading it if it is not in memory. Only for the thread that computes.

        Raises:
            DraglabError: there is no such model, or its file cannot be used.
        """
        if name not in self._loaded:
            from draglab.checkpoints import load_generator

            path = self._files.get(name)
            if path is None:
                raise DraglabError(f"there is no model {name!a} here: put its file into the models folder, start again")
            # Make room first: two large models may not fit.
            while len(self._loaded) >= self._limit:
                self._loaded.popitem(last=False)
            self._loaded[name] = load_generator(path, self._device)
            self._loaded[name].name = name
        self._loaded.move_to_end(name)
        return self._loaded[name]

    def name_of(self, given: str) -> str:
        """Return the name under which an edit file's model is known here; the file may hold a path of another machine.

        Raises:
            DraglabError: there is no such model here.
        """
        # Only the last part of a path counts, whichever system wrote it.
        stem = PurePath(given.replace("\\", "/")).stem
        for name in (given, stem):
            if name in self._files:
                return name
        raise DraglabError(
            f"the edit was made with the model {stem[:100]!a}, which is not here: get it, then start again"
        )

    def _inspect(self, wanted: Callable[[Path], bool]) -> None:
        from draglab.checkpoints import inspect_file

        for name, path in self._files.items():
            if name in self._models or not wanted(path):
                continue
            try:
                self._add(name, path, inspect_file(path).config)
            except DraglabError as error:
                logger.warning("%s", error)

    def _add(self, name: str, path: Path, config: GeneratorConfig, first_seeds: tuple[int, ...] = ()) -> None:
        if config.img_channels != 3:
            return
        height, width = config.img_shape
        title = name.replace("_", " ").replace("-", " ")
        self._files.setdefault(name, path)
        with self._lock:
            self._models[name] = ModelInfo(name, title, width, height, config.c_dim, config.num_ws, first_seeds)
