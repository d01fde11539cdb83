"""The models of a batch: opened once by the driver, their weights shared by the workers."""

from __future__ import annotations

import json
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.batch.executor import Arrays, SharedArrays
from draglab.checkpoints.native import read_statistics, statistics_tensors
from draglab.checkpoints.statistics import add_statistics
from draglab.errors import DraglabError
from draglab.generators import Generator, build_generator, config_from_json
from draglab.inversion.inverted_photo import open_model_or_photo
from draglab.media.edit_file import SettingValue

MOST_MODELS = 16
"""Most models that the lines of one list may name: each takes disk space as long as the batch runs."""
OPEN_MODELS = 2
"""Number of models that a worker keeps in memory."""

# Measured with heads and a StyleGAN2 of 1024 px (docs/scaling.md), rounded up.
WORKER_BYTES = 150 * 2**20
"""Memory of a worker before it has opened a model, besides what it shares with others."""
PER_WEIGHT_BYTE = 2.7
"""Further memory of a worker for each byte of the weights: forms of them that are computed once and are fast."""
PER_PIXEL = 600
"""Further memory of a worker for each pixel of an image: feature maps and their gradients."""


@dataclass(frozen=True)
class ModelFacts:
    """Facts about a model that the driver uses.

    Attributes:
        name: as the list names it. sha256: of its weights.
        img_shape: (height, width) of its images in pixels.
        drag_settings: settings of drags that suit it.
        weights: size of its weights in float32, in bytes.
    """

    name: str
    sha256: str
    img_shape: tuple[int, int]
    drag_settings: Mapping[str, SettingValue]
    weights: int

    @property
    def worker_memory(self) -> int:
        """Memory of a worker that drags with it, without the shared weights, in bytes: an estimate on the safe side."""
        pixels = self.img_shape[0] * self.img_shape[1]
        return round(WORKER_BYTES + PER_WEIGHT_BYTE * self.weights + PER_PIXEL * pixels)


@dataclass(frozen=True)
class SharedModel:
    """A model as workers get it; it can be pickled.

    Attributes:
        sha256: of its weights. header: what makes it besides its tensors, JSON. arrays: its tensors.
    """

    sha256: str
    header: str
    arrays: SharedArrays

    def open(self, device: str) -> Generator:
        """Make the generator, in a worker. On the CPU its weights stay where they are shared."""
        header = json.loads(self.header)
        config = config_from_json(header["config"])
        tensors = {name: _as_tensor(array) for name, array in self.arrays.load().items()}
        statistics = read_statistics(tensors, config, header["name"])
        with torch.device("meta"):
            generator = build_generator(config, header["name"])
        generator.load_published(tensors)
        generator.statistics = statistics
        generator.drag_settings = header["drag_settings"]
        generator.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        if statistics is not None:
            generator.statistics = statistics.to(generator.w_avg)
        return generator


def pack(generator: Generator) -> tuple[str, Arrays]:
    """Return the header of a :class:`SharedModel`, and its arrays."""
    tensors = generator.published_tensors()
    if generator.statistics is not None:
        tensors = {**tensors, **statistics_tensors(generator.statistics)}
    header = {
        "config": generator.config.to_json(),
        "name": generator.name,
        "drag_settings": dict(generator.drag_settings),
    }
    return json.dumps(header), {name: _as_array(tensor) for name, tensor in tensors.items()}


class OpenModels:
    """The models that a worker has open.

    Args:
        device: "cpu", "cuda", ...
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._open: OrderedDict[str, Generator] = OrderedDict()

    def get(self, model: SharedModel) -> Generator:
        """Return a model's generator; open it if it is not."""
        if model.sha256 not in self._open:
            while len(self._open) >= OPEN_MODELS:
                self._open.popitem(last=False)
            self._open[model.sha256] = model.open(self._device)
        self._open.move_to_end(model.sha256)
        return self._open[model.sha256]


class Models:
    """The models of a batch by name, in the driver; each is opened when it is first asked for.

    Args:
        measuring: called with the share that is measured, from 0 to 1, of the statistics of a model that has none.
    """

    def __init__(self, measuring: Callable[[float], None] | None = None) -> None:
        self._measuring = measuring
        self._packed: dict[str, tuple[ModelFacts, str, Arrays | None] | DraglabError] = {}
        self._shared: dict[str, SharedModel] = {}

    def facts(self, name: str) -> ModelFacts:
        """Return what is known of a model; open it if it is not.

        Raises:
            DraglabError: it cannot be opened, or there are too many; the same at every call.
        """
        if name not in self._packed:
            if len(self._packed) >= MOST_MODELS:
                raise DraglabError(f"the list names more than {MOST_MODELS} models: split it by model")
            try:
                self._packed[name] = self._open(name)
            except DraglabError as error:
                self._packed[name] = error
        found = self._packed[name]
        if isinstance(found, DraglabError):
            raise found
        return found[0]

    def shared(self, name: str, share: Callable[[Arrays], SharedArrays]) -> SharedModel:
        """Return a model for workers.

        Args:
            share: :meth:`Executor.share`, called once a model.
        """
        if name not in self._shared:
            facts = self.facts(name)
            found = self._packed[name]
            assert not isinstance(found, DraglabError) and found[2] is not None
            self._shared[name] = SharedModel(facts.sha256, found[1], share(found[2]))
            self._packed[name] = (facts, found[1], None)  # the executor has it now
        return self._shared[name]

    def opened(self) -> list[ModelFacts]:
        """Return what is known of the models that were opened."""
        return [found[0] for found in self._packed.values() if not isinstance(found, DraglabError)]

    def _open(self, name: str) -> tuple[ModelFacts, str, Arrays]:
        generator, _ = open_model_or_photo(name, "cpu")
        add_statistics(generator, self._measuring)
        header, arrays = pack(generator)
        weights = sum(array.nbytes for array in arrays.values())
        facts = ModelFacts(name, generator.sha256, generator.img_shape, generator.drag_settings, weights)
        return facts, header, arrays


def _as_array(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor's values; of convolutions with their channels last, so that they are used as they lie there."""
    tensor = tensor.detach().cpu()
    return np.ascontiguousarray((tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).numpy())


def _as_tensor(array: NDArray[Any]) -> Tensor:
    with warnings.catch_warnings():
        # Arrays of Ray's store cannot be written to. Frozen weights are not.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        tensor = torch.from_numpy(array)
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor
