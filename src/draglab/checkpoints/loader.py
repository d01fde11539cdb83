"""Opening of model files of every kind, recognised by their content."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from draglab.checkpoints import native
from draglab.checkpoints.description import Description
from draglab.checkpoints.foreign.storages import ITEM_SIZES
from draglab.checkpoints.materialize import read_tensors
from draglab.checkpoints.openvino import find_ir, read_ir
from draglab.checkpoints.revision import add_revision
from draglab.checkpoints.sandbox import read_description
from draglab.errors import DraglabError
from draglab.generators import Generator, GeneratorConfig, build_generator, find_architecture

AVERAGED = 10_000
"""Number of samples of w that are averaged for a file without an average."""


@dataclass(frozen=True)
class ModelFile:
    """Facts about a model file, read without loading a tensor.

    Attributes:
        format: the kind of file. bytes: its size; of a model of several files, that of all.
        config: the architecture.
        parameters: number of weights, without buffers. sizes: number of tensors and their bytes as stored.
        facts: further facts in the file. warnings: possible problems.
    """

    path: Path
    format: str
    bytes: int
    config: GeneratorConfig
    parameters: int
    sizes: tuple[int, int]
    facts: dict[str, Any]
    warnings: list[str]

    @property
    def architecture(self) -> str:
        """Name of the architecture: "StyleGAN2", "StyleGAN3-T", "StyleGAN3-R"."""
        return self.config.title


def inspect_file(path: str | Path) -> ModelFile:
    """Read the facts about a model file; no tensor is loaded, and nothing that the file contains is run.

    Args:
        path: a file, or the folder with the four files of an OpenVINO IR.

    Raises:
        DraglabError: no such file, or it is not a model that draglab can run; the message says why.
    """
    return _inspect(Path(path))[0]


def _inspect(path: Path) -> tuple[ModelFile, Description | None]:
    """Return the facts about a model file, and of one of another program its description."""
    if is_safetensors(path):
        header = native.read_header(path)
        facts = {**header.card, "stored as": header.dtype}
        size = path.stat().st_size
        file = ModelFile(path, "draglab safetensors", size, header.config, header.parameters, header.sizes, facts, [])
        return file, None
    files = find_ir(path)
    found = read_ir(path, files) if files is not None else add_revision(path, read_description(path))
    config = _config(path, found)
    buffers = find_architecture(config.kind).generator.BUFFERS
    parameters = sum(tensor.count for tensor in found.tensors if not tensor.name.endswith(buffers))
    sizes = len(found.tensors), sum(tensor.count * ITEM_SIZES[tensor.dtype] for tensor in found.tensors)
    size = path.stat().st_size if files is None else files.bytes
    facts, warnings = found.facts, list(found.warnings)
    return ModelFile(path, found.format, size, config, parameters, sizes, facts, warnings), found


def open_model(path: str | Path, name: str | None = None) -> Generator:
    """Load any model file that draglab knows into float32.

    Args:
        path: a file, or the folder with the four files of an OpenVINO IR.
        name: the model's name; None = the file's name without its suffix.

    Raises:
        DraglabError: as :func:`inspect_file`; also tensors that do not fit the architecture.
    """
    path = Path(path)
    if is_safetensors(path):
        return native.read_generator(path, name)
    file, found = _inspect(path)
    assert found is not None
    config, tensors = file.config, read_tensors(path, found)
    del found  # it may hold the content of whole files
    # Built without storage: a small file with a large configuration allocates nothing.
    with torch.device("meta"):
        generator = build_generator(config, name or path.stem)
    lacks_average = "mapping.w_avg" not in tensors
    _add_missing(generator, tensors)
    generator.load_published(tensors)
    if lacks_average:
        generator.w_avg.copy_(average_w(generator))
    return generator


def is_safetensors(path: Path) -> bool:
    """Whether a file begins like safetensors: the header's length, then its JSON."""
    try:
        if not path.is_file():  # opening a pipe could block for ever
            return False
        with path.open("rb") as file:
            start = file.read(9)
            return len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size
    except (OSError, ValueError):
        return False  # the next attempt to open it says why


@torch.no_grad()
def average_w(generator: Generator) -> Tensor:
    """Return the mean of w [w_dim] over 10,000 fixed samples of z, evenly over all classes.

    In float64: the float32 numbers that it is rounded to are then the same on every machine, and with them the model's
    SHA-256, by which edit files know it.
    """
    network = copy.deepcopy(generator.get_submodule("mapping_network")).double()
    random = np.random.RandomState(0)
    total = torch.zeros(generator.w_dim, dtype=torch.float64)
    # In batches: a small file can have wide latents or many classes.
    for indices in torch.arange(AVERAGED).split(100):
        z = torch.from_numpy(random.randn(len(indices), generator.z_dim))
        c = None
        if generator.c_dim:
            c = torch.nn.functional.one_hot(indices % generator.c_dim, generator.c_dim).double()
        total += network(z, c).sum(0)
    return (total / AVERAGED).float()


def _config(path: Path, description: Description) -> GeneratorConfig:
    try:
        architecture = find_architecture(description.family)
        if description.resolved or architecture.from_published is None:
            return architecture.config.from_json(description.arguments)
        return architecture.from_published(description.arguments)
    except DraglabError as error:
        raise DraglabError(f"cannot open {path}: {error}") from None
    except (TypeError, ValueError, AttributeError, OverflowError):
        raise DraglabError(f"cannot open {path}: its construction arguments are not readable; get it again") from None


def _add_missing(generator: Generator, tensors: dict[str, Tensor]) -> None:
    """Add the buffers that some programs do not store: an average to be computed later, and noise maps."""
    missing = {name: wanted for name, wanted in generator.published_tensors().items() if name not in tensors}
    if not missing:  # importing numpy.random would take longer than the rest of this function
        return
    random = np.random.RandomState(0)
    for name, wanted in missing.items():
        if name == "mapping.w_avg":
            tensors[name] = torch.zeros(wanted.shape)
        elif name.endswith("noise_const"):
            tensors[name] = torch.from_numpy(random.randn(*wanted.shape)).float()
