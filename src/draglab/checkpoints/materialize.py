"""Reading of the tensors that a description locates in a file. Only their bytes are read."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from draglab.checkpoints.description import Description, Source, TensorPlace
from draglab.errors import DraglabError

_THREADS = 2
"""Number of reading threads. Most time goes into allocation by the system, which two threads share; more are slower."""

_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}

# The effects of these on shapes are in foreign/changes.py.
_CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "transpose": lambda x: x.t(),
    "channels_first": lambda x: x.permute(3, 2, 0, 1),
    "flip": lambda x: x.flip(-2, -1),
    "plus_one": lambda x: x + 1,
    "first": lambda x: x[0],
    "flatten": lambda x: x.reshape(-1),
    "scalar": lambda x: x.reshape(()) if x.numel() == 1 else x,
    "bands": lambda x: torch.cat([x[: len(x) // 4], _by_band(x[len(x) // 4 :])]),
}


def _by_band(details: Tensor) -> Tensor:
    """Order the details of a Haar transform by band instead of by channel: [3 C, ...] of [C, 3] -> of [3, C]."""
    return details.unflatten(0, (len(details) // 3, 3)).transpose(0, 1).flatten(0, 1)


def read_tensors(path: Path, description: Description) -> dict[str, Tensor]:
    """Read all tensors of a description (sandbox.read_description), contiguous and in float32, by published name.

    Raises:
        DraglabError: the file changed meanwhile, or there is not enough memory.
    """
    parts, read = _shares(description), partial(_read_share, path, description.sources)
    try:
        with ThreadPoolExecutor(len(parts)) as pool:
            found = [pair for part in pool.map(read, parts) for pair in part]
    except OSError as error:
        raise DraglabError(f"cannot read {path}: {error.strerror}") from None
    except (EOFError, UnicodeError):
        raise DraglabError(f"{path} is not what it was a moment ago: is it still being written? Try again") from None
    except (MemoryError, RuntimeError):
        raise DraglabError(f"there is not enough memory for the tensors of {path}: close other programs") from None
    return dict(found)


def _shares(description: Description) -> list[list[TensorPlace]]:
    """Split the tensors into shares of about equal size, one for each thread, that keep each decoded text together."""
    shares: list[list[TensorPlace]] = [[] for _ in range(_THREADS)]
    loads = [0] * _THREADS
    for place in description.tensors:
        whole_file = description.sources[place.source] == Source()
        index = loads.index(min(loads)) if whole_file else place.source % _THREADS
        shares[index].append(place)
        loads[index] += place.count
    return shares


def _read_share(path: Path, sources: tuple[Source, ...], places: list[TensorPlace]) -> list[tuple[str, Tensor]]:
    used = {place.source: sources[place.source] for place in places}
    elsewhere = all(source.data is not None for source in used.values())
    with nullcontext() if elsewhere else path.open("rb", buffering=0) as file:  # the path may be a folder's
        opened = {index: _OpenSource(file, source) for index, source in used.items()}
        return [(place.name, _tensor(opened[place.source], place)) for place in places]


class _OpenSource:
    """Open source of bytes: the file, or one decoded text in it."""

    def __init__(self, file: BinaryIO | None, source: Source):
        self.file = file
        self.decoded = None if source.data is None else memoryview(source.data)
        if source.text is not None:
            assert file is not None
            start, stop = source.text
            file.seek(start)
            data = bytearray(stop - start)
            _fill(file, memoryview(data))
            self.decoded = memoryview(data.decode("utf-8").encode("latin-1"))

    def fill(self, start: int, target: memoryview) -> None:
        """Copy the bytes from `start` on into `target`."""
        if self.decoded is None:
            assert self.file is not None
            self.file.seek(start)
            _fill(self.file, target)
            return
        part = self.decoded[start : start + len(target)]
        if len(part) < len(target):
            raise EOFError
        target[:] = part


def _fill(file: BinaryIO, target: memoryview) -> None:
    while len(target):
        count = file.readinto(target)  # pyright: ignore[reportAttributeAccessIssue]
        if not count:
            raise EOFError
        target = target[count:]


def _tensor(source: _OpenSource, place: TensorPlace) -> Tensor:
    numbers = torch.empty(place.span, dtype=_TYPES[place.dtype])
    start = place.start + place.offset * numbers.element_size()
    source.fill(start, memoryview(numbers.view(torch.uint8).numpy()))  # pyright: ignore[reportArgumentType]
    tensor = numbers.as_strided(place.shape, place.strides)
    for change in place.changes:
        tensor = _CHANGES[change](tensor)
    return tensor.float().contiguous()
