"""Names of models -> files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from draglab.checkpoints.native import ModelHeader, read_generator, read_header
from draglab.errors import DraglabError
from draglab.generators import StyleGAN2

BUNDLED = Path(__file__).resolve().parent.parent / "zoo"


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be loaded by name.

    Attributes:
        size: bytes of its file. header: what the file says about itself.
    """

    name: str
    path: Path
    size: int
    header: ModelHeader


def list_models() -> list[ModelEntry]:
    """Models that come with draglab, by name."""
    paths = sorted(BUNDLED.glob("*.safetensors"))
    return [ModelEntry(path.stem, path, path.stat().st_size, read_header(path)) for path in paths]


def load_generator(name_or_path: str | Path = "heads", device: str | torch.device | None = None) -> StyleGAN2:
    """Load a generator, ready for dragging.

    Args:
        name_or_path: a bundled model's name (see :func:`list_models`) or the path of a model file.
        device: "cpu", "cuda", "mps"; None = the best that this machine has.

    Raises:
        DraglabError: no such model or device, or the file is not a usable model.
    """
    name, path = str(name_or_path), Path(name_or_path)
    bundled = BUNDLED / f"{name}.safetensors"
    if "/" not in name and "\\" not in name and bundled.is_file():
        generator = read_generator(bundled, name)
    elif path.is_file():
        generator = read_generator(path)
    else:
        names = ", ".join(sorted(path.stem for path in BUNDLED.glob("*.safetensors")))
        raise DraglabError(f"there is no model '{name}': give the path of a model file or one of these names: {names}")
    return generator.to(best_device() if device is None else _device(device), memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def best_device() -> torch.device:
    """CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _device(device: str | torch.device) -> torch.device:
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
        return chosen
    except (RuntimeError, AssertionError, NotImplementedError):
        raise DraglabError(f"device '{device}' cannot be used here: leave it out or take cpu") from None
