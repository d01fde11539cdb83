"""The folder of downloaded models, and the small files in it.

ffhq.pkl            the model, complete and checked
ffhq.pkl.part       the beginning of an unfinished download; ffhq.pkl.part.json names its version of the file
ffhq.pkl.json       the SHA-256 of the first download, if the publisher states none
.mobile.safetensors.fetching/   a package that is being downloaded and converted
.ffhq.pkl.lock      lock of the process that works on the model; released by the system when that process ends
licence-*.txt       licences that somebody has accepted
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from draglab.errors import DraglabError
from draglab.files import replacing
from draglab.folders import own_folder
from draglab.public_models.catalogue import Catalogue, Licence, PublicModel

VARIABLE = "DRAGLAB_MODELS"
"""Environment variable that names another folder."""


def default_folder() -> Path:
    """Return the folder that DRAGLAB_MODELS names, else "models" in draglab's folder in the system's place for caches.

    Raises:
        DraglabError: this user has no home directory.
    """
    folder = own_folder("cache", VARIABLE)
    return folder if os.environ.get(VARIABLE) else folder / "models"


class ModelFolder:
    """The folder of downloaded models. It is created by the first method that writes.

    Args:
        path: the folder; None = :func:`default_folder`.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = default_folder() if path is None else Path(path).absolute()

    def file(self, model: PublicModel) -> Path:
        """Return the path of a model's file, whether it exists or not."""
        return self.path / model.file

    def part(self, model: PublicModel) -> Path:
        """Return the path of an unfinished download."""
        return self.path / f"{model.file}.part"

    def version(self, model: PublicModel) -> Path:
        """Return the path of the record of an unfinished download's version."""
        return self.path / f"{model.file}.part.json"

    def record(self, model: PublicModel) -> Path:
        """Return the path of the record of a model's SHA-256, for models of which none is published."""
        return self.path / f"{model.file}.json"

    def fetching(self, model: PublicModel) -> Path:
        """Return the folder in which a model's package is downloaded and converted."""
        return self.path / f".{model.file}.fetching"

    def discard(self, model: PublicModel) -> None:
        """Delete an unfinished download, if there is one.

        Raises:
            DraglabError: it cannot be deleted.
        """
        with self.writing(self.part(model)):
            self.part(model).unlink(missing_ok=True)
            self.version(model).unlink(missing_ok=True)
        shutil.rmtree(self.fetching(model), ignore_errors=True)

    def has(self, model: PublicModel) -> bool:
        """Whether a model is downloaded completely."""
        return self.file(model).is_file()

    def has_accepted(self, licence: Licence) -> bool:
        """Whether somebody has accepted a licence with its present consequences."""
        try:
            return self._acceptance(licence).is_file()
        except OSError:
            return False

    def accept(self, licence: Licence) -> None:
        """Record that a licence was accepted.

        Raises:
            DraglabError: the folder cannot be written.
        """
        self.write(self._acceptance(licence), f"Accepted with draglab:\n{licence}\n")

    def _acceptance(self, licence: Licence) -> Path:
        # A changed licence has to be accepted again.
        return self.path / f"licence-{hashlib.sha256(str(licence).encode()).hexdigest()[:16]}.txt"

    def write(self, path: Path, text: str) -> None:
        """Write a small file of this folder, whole or not at all.

        Raises:
            DraglabError: it cannot be written.
        """
        with self.writing(path):
            self.path.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Turn an OSError of the block, which writes ``path``, into a DraglabError."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DraglabError(
                f"cannot write {path}: {reason}; make room or get the rights to, or set {VARIABLE} to another folder"
            ) from None

    def require_room(self, needed: int) -> None:
        """Check that the disk has room for some bytes; the folder is created.

        Raises:
            DraglabError: it has not, or the folder cannot be written.
        """
        with self.writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.path).free
        if free < needed:
            raise DraglabError(
                f"the disk of {self.path} is full: {needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free; "
                f"make room or set {VARIABLE} to another folder"
            )

    @contextmanager
    def lock(self, model: PublicModel) -> Iterator[None]:
        """Keep other processes from working on the same model.

        Raises:
            DraglabError: one does already, or the folder cannot be written.
        """
        import filelock

        lock = filelock.FileLock(self.path / f".{model.file}.lock", timeout=0)
        with self.writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except filelock.Timeout:
                raise DraglabError(
                    f"another draglab is working on {model.alias} in {self.path}: wait until it has ended"
                ) from None
        try:
            yield
        finally:
            lock.release()

    def remove(self, model: PublicModel) -> None:
        """Delete a model and an unfinished download of it.

        The record of the first download's SHA-256 is kept: the next download is compared with it. That of a converted
        package is not: the package itself is compared with its published SHA-256.

        Raises:
            DraglabError: there is nothing of it, or it cannot be deleted.
        """
        with self.lock(model):
            if not any(path.exists() for path in (self.file(model), self.part(model), self.fetching(model))):
                raise DraglabError(f"'{model.alias}' is not downloaded: there is nothing to remove in {self.path}")
            with self.writing(self.file(model)):
                self.file(model).unlink(missing_ok=True)
                if model.package is not None:
                    self.record(model).unlink(missing_ok=True)
            self.discard(model)


def how_to_get(model: PublicModel, folder: ModelFolder, catalogue: Catalogue) -> str:
    """Say why a model that is not downloaded cannot be loaded, and what to do."""
    if model.by_hand:
        return (
            f"'{model.alias}' cannot be fetched by a program: open {model.url} in a browser and save the file as "
            f"{folder.file(model)}. Its licence: {catalogue.licence_of(model)}"
        )
    return (
        f"'{model.alias}' is not downloaded ({model.source} -> {folder.file(model)}): draglab models pull {model.alias}"
    )
