"""The models that the editor offers: which there are, and the files in which they are."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from draglab.errors import DraglabError
from draglab.public_models import Catalogue, ModelFolder, read_catalogue

if TYPE_CHECKING:
    from draglab.generators import GeneratorConfig

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
    """The bundled models and those in one folder. Can be used from any thread.

    Args:
        folder: folder of model files; None = that of `draglab models pull`.
        catalogue: the public models, whose files have short names; None = draglab's list.
    """

    def __init__(self, folder: Path | None, catalogue: Catalogue | None = None) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._files: dict[str, Path] = {}
        self._models: dict[str, ModelInfo] = {}
        self._inspected: dict[Path, tuple[int, int]] = {}
        """Files that were inspected -> size and time of change: a file that cannot be used is tried again later."""

    def models(self) -> list[ModelInfo]:
        """List the models known so far, the default one first."""
        with self._lock:
            return list(self._models.values())

    @property
    def default(self) -> str:
        """Name of the model of a new session.

        Raises:
            DraglabError: there is no model at all.
        """
        for model in self.models():
            return model.name
        raise DraglabError("there is no model here: start draglab edit with --models FOLDER")

    @property
    def folder(self) -> ModelFolder:
        """The folder of model files."""
        return ModelFolder(self._folder)

    @property
    def catalogue(self) -> Catalogue:
        """The public models."""
        return read_catalogue() if self._catalogue is None else self._catalogue

    def first_seed(self, name: str) -> int:
        """Return the seed with which a new session of a model begins."""
        with self._lock:
            model = self._models.get(name)
        return model.first_seeds[0] if model is not None and model.first_seeds else 0

    def path(self, name: str) -> Path:
        """Return the file of a model.

        Raises:
            DraglabError: there is no such model here.
        """
        with self._lock:
            path = self._files.get(name)
        if path is None:
            raise DraglabError(f"there is no model {name!a} here: put its file into the models folder")
        return path

    def find(self) -> None:
        """Find the bundled models and the files of the folder, without opening files of other programs.

        If two models have the same name, the first one keeps it; bundled models come first.
        """
        from draglab.checkpoints import list_models

        for entry in sorted(list_models(), key=lambda entry: entry.name != DEFAULT):
            self._add(entry.name, entry.path, entry.header.config, entry.first_seeds)
        self._find_files()
        self._inspect(lambda path: path.suffix == ".safetensors")

    def refresh(self) -> bool:
        """Look again at what is in the folder, and inspect the files of other programs, a second each.

        Files can be loaded by name before they are inspected.

        Returns:
            whether the list of models has changed.
        """
        before = self.models()
        self._find_files()
        self._inspect(lambda path: True)
        return self.models() != before

    def name_of(self, given: str) -> str:
        """Return the name under which an edit file's model is known here; the file may hold a path of another machine.

        Raises:
            DraglabError: there is no such model here.
        """
        # Only the last part of a path counts, whichever system wrote it.
        stem = PurePath(given.replace("\\", "/")).stem
        for name in (given, stem):
            with self._lock:
                if name in self._files:
                    return name
        if given.endswith(".draglab"):
            raise DraglabError(f"the edit was made with the photo {stem[:100]!a}: open {stem[:100]!a}.draglab instead")
        raise DraglabError(f"the edit was made with the model {stem[:100]!a}, which is not here: get it, and try again")

    def _find_files(self) -> None:
        aliases = {model.file: model.alias for model in self.catalogue.models}
        try:
            files = sorted(path for path in self.folder.path.iterdir() if path.suffix in SUFFIXES and path.is_file())
        except (OSError, DraglabError):
            files = []
        with self._lock:
            for name in [name for name, path in self._files.items() if not path.is_file()]:
                self._inspected.pop(self._files.pop(name), None)
                self._models.pop(name, None)
            for path in files:
                self._files.setdefault(aliases.get(path.name, path.stem), path)

    def _inspect(self, wanted: Callable[[Path], bool]) -> None:
        from draglab.checkpoints import inspect_file

        with self._lock:
            unknown = {name: path for name, path in self._files.items() if name not in self._models and wanted(path)}
        for name, path in unknown.items():
            try:
                facts = path.stat()
                version = facts.st_size, facts.st_mtime_ns
                if self._inspected.get(path) != version:
                    self._inspected[path] = version
                    self._add(name, path, inspect_file(path).config)
            except OSError:
                pass  # it has just been deleted
            except DraglabError as error:
                logger.warning("%s", error)

    def _add(self, name: str, path: Path, config: GeneratorConfig, first_seeds: tuple[int, ...] = ()) -> None:
        if config.img_channels != 3:
            return
        height, width = config.img_shape
        with self._lock:
            self._files.setdefault(name, path)
            self._models[name] = ModelInfo(
                name, title_of(name), width, height, config.c_dim, config.num_ws, first_seeds
            )


def title_of(name: str) -> str:
    """Return a model's name as it is written for people."""
    return name.replace("_", " ").replace("-", " ")
