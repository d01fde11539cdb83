"""Which models the editor offers, and the generators in memory."""

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
"""Of files in the models folder that may be models; others are not looked into."""

logger = logging.getLogger("draglab.server")


@dataclass(frozen=True)
class ModelInfo:
    """A model as the editor's menu and programs see it: by name, never by path.

    Attributes:
        title: for people. width, height: of its images, pixels. c_dim: number of classes, 0 = none. num_ws: layers.
        first_seeds: good images to begin with; a new session begins with the first, or with seed 0 where there is none.
    """

    name: str
    title: str
    width: int
    height: int
    c_dim: int
    num_ws: int
    first_seeds: tuple[int, ...] = ()


class Library:
    """Bundled models, and those found in one folder.

    Args:
        folder: of model files; None = where `draglab models pull` keeps them.
        limit: generators in memory. device: what they compute on; None = the best that this machine has.
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
        """Those known so far, the default one first. From any thread, once :meth:`find` has run."""
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
        """Of the image that a new session of a model begins with."""
        with self._lock:
            model = self._models.get(name)
        return model.first_seeds[0] if model is not None and model.first_seeds else 0

    def find(self) -> None:
        """Find the files: the bundled models, then those of the folder. Quick: files of other programs are not opened.

        A bundled model's name, or a name of two files, is the first one's.
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
        """Find out what the files of other programs are, a second each; the menu has them from then on.

        From any thread. They can be loaded by name before that.
        """
        self._inspect(lambda path: True)

    def generator(self, name: str) -> Generator:
        """A model, loaded if it is not in memory. Only on the thread that computes with it.

        Raises:
            DraglabError: there is no such model, or its file cannot be used.
        """
        if name not in self._loaded:
            from draglab.checkpoints import load_generator

            path = self._files.get(name)
            if path is None:
                raise DraglabError(f"there is no model {name!a} here: put its file into the models folder, start again")
            # Makes room before it takes some.
            while len(self._loaded) >= self._limit:
                self._loaded.popitem(last=False)
            self._loaded[name] = load_generator(path, self._device)
            self._loaded[name].name = name
        self._loaded.move_to_end(name)
        return self._loaded[name]

    def name_of(self, given: str) -> str:
        """The name here of what an edit file calls a model, which may be a path on another machine.

        Raises:
            DraglabError: there is no such model here.
        """
        # Both kinds of path, wherever this runs; only the last part of it is looked at.
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
