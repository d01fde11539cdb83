"""Models by name, and their loading."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from draglab.checkpoints.loader import open_model
from draglab.checkpoints.native import ModelHeader, read_header
from draglab.checkpoints.openvino import find_ir
from draglab.checkpoints.statistics import add_known_statistics
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.public_models.hub import find_downloaded, is_hub_name, parse_hub_name

BUNDLED = Path(__file__).resolve().parent.parent / "zoo"


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be loaded by name.

    Attributes:
        size: size of its file, in bytes. header: the file's header.
        first_seeds: seeds of varied images without flaws to begin with, chosen by eye; may be empty.
    """

    name: str
    path: Path
    size: int
    header: ModelHeader
    first_seeds: tuple[int, ...] = ()


def list_models() -> list[ModelEntry]:
    """List the models that come with draglab, by name."""
    paths = sorted(BUNDLED.glob("*.safetensors"))
    seeds = json.loads((BUNDLED / "first_seeds.json").read_text())
    return [
        ModelEntry(path.stem, path, path.stat().st_size, read_header(path), tuple(seeds.get(path.stem, ())))
        for path in paths
    ]


def load_generator(name_or_path: str | Path = "heads", device: str | torch.device | None = None) -> Generator:
    """Load a generator, ready for dragging.

    Args:
        name_or_path: a bundled model's name (see :func:`list_models`), the path of a model file, or the name of a
            public model or of one on the Hugging Face Hub ("hf:owner/repo", "hf:owner/repo/file") that was downloaded
            with `draglab models pull` or :func:`draglab.downloads.pull`. Nothing is downloaded here.
        device: "cpu", "cuda", "mps"; None = the best that this machine has.

    Raises:
        DraglabError: no such model or device, not downloaded, or the file is not a usable model.
    """
    path, name = find_model(name_or_path)
    generator = open_model(path, name)
    if generator.statistics is None:
        add_known_statistics(generator)
    return generator.to(best_device() if device is None else usable_device(device), memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def find_model(name_or_path: str | Path) -> tuple[Path, str]:
    """Return the file that a name or a path stands for, and the model's name.

    Raises:
        DraglabError: there is no such model, or it is not downloaded.
    """
    name, path = str(name_or_path), Path(name_or_path)
    bundled = BUNDLED / f"{name}.safetensors"
    if len(name) <= 255 and "\0" not in name and "/" not in name and "\\" not in name and bundled.is_file():
        return bundled, name
    try:
        is_model = path.is_file() or find_ir(path) is not None
    except (OSError, ValueError):  # too long a name, or one that no file can have
        raise DraglabError(f"there is no model {_shortened(name)!a}: give the path of a model file or a name") from None
    if is_model:
        return path, path.stem
    if is_hub_name(name):
        asked = parse_hub_name(name)
        found = find_downloaded(asked)
        if found is None:
            raise DraglabError(f"'{asked}' is not downloaded: draglab models pull {asked}")
        return found, str(asked)
    # Imported here, so that loading a bundled model does not wait for the list of public ones.
    from draglab.public_models import ModelFolder, how_to_get, read_catalogue

    catalogue = read_catalogue()
    model = catalogue.find(name)
    if model is None:
        names = ", ".join(sorted(path.stem for path in BUNDLED.glob("*.safetensors")))
        raise DraglabError(
            f"there is no model '{_shortened(name)}': give the path of a model file or one of these names: {names}; "
            "draglab models list shows those that can be downloaded"
        )
    folder = ModelFolder()
    if not folder.has(model):
        raise DraglabError(how_to_get(model, folder, catalogue))
    return folder.file(model), model.alias


def _shortened(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:100]}..."


def best_device() -> torch.device:
    """Return the best device of this machine: CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def usable_device(device: str | torch.device) -> torch.device:
    """Return a device by its name.

    Raises:
        DraglabError: there is no such device here.
    """
    try:
        chosen = torch.device(device)
        # "meta" has no memory and would lose the weights.
        if chosen.type != "meta" and torch.ones(1, device=chosen).item() == 1:
            return chosen
    except (RuntimeError, AssertionError, NotImplementedError, ImportError):
        pass
    raise DraglabError(f"device '{device}' cannot be used here: leave it out or take cpu")
