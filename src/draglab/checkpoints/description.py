"""Descriptions of foreign checkpoints, checked: the child process that wrote them read bytes that may be hostile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from draglab.checkpoints.foreign.changes import SHAPES
from draglab.checkpoints.foreign.storages import ITEM_SIZES, MAX_DIMENSIONS
from draglab.errors import DraglabError
from draglab.problems import escape_controls

SPARE = 1 << 20
"""Bytes by which tensors may exceed their file: some programs refer to one small filter in every layer."""
MAX_TEXT = 1000

Place = tuple[int, int]
"""(start, stop) of bytes in the file."""


@dataclass(frozen=True)
class Source:
    """Bytes that hold tensors: the file itself, a decoded text in the file, or bytes given here.

    Attributes:
        text: place of the bytes in the file as UTF-8 text of the characters 0 to 255. data: the bytes. Both None: the
            bytes are the file.
    """

    text: Place | None = None
    data: bytes | bytearray | None = None


@dataclass(frozen=True)
class TensorPlace:
    """Place of one tensor.

    Attributes:
        name: the published name. dtype: type of the numbers, as safetensors names it.
        source: index of the source. start: byte of the source at which the tensor's storage begins.
        offset, shape, strides: in numbers, from that byte on.
        changes: names of functions of materialize.py that turn it into the published tensor.
    """

    name: str
    dtype: str
    source: int
    start: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    changes: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of its elements."""
        return math.prod(self.shape)

    @property
    def span(self) -> int:
        """Length of the storage from its first element to its last, in numbers."""
        return 1 + sum((side - 1) * stride for side, stride in zip(self.shape, self.strides, strict=True))


@dataclass(frozen=True)
class Description:
    """A model that a foreign file describes.

    Attributes:
        format: the kind of file, for people. family: the kind of its architecture.
        arguments: arguments of the published program's generator, or the fields of the architecture's configuration if
            `resolved`.
        tensors: places of the tensors in `sources`.
        code: the source code that the file holds for the model, or its place in the file; None = there is none.
        layers: arguments found in the layers, which take precedence over omitted ones of the generator.
        facts: further facts, for people. warnings: possible problems, for people.
    """

    format: str
    family: str
    arguments: dict[str, Any]
    resolved: bool
    tensors: tuple[TensorPlace, ...]
    sources: tuple[Source, ...]
    code: bytes | Place | None
    layers: dict[str, Any]
    facts: dict[str, Any]
    warnings: tuple[str, ...]


def check_description(answer: Any, size: int) -> Description:
    """Check the child's answer (foreign.plan.Plan.to_json) and return its description.

    The tensors must lie within a file of `size` bytes and together be no larger than it, but for SPARE.

    Raises:
        DraglabError: the file is refused, for the reason in the answer or for the size of its tensors.
        ValueError, LookupError, TypeError, AttributeError: the answer does not have the form of a description.
    """
    if "error" in answer:
        raise DraglabError(printable(answer["error"]))
    plan = dict(answer["plan"])
    # Only numbers and hexadecimal digits of these two are used.
    sources, code = tuple(_source(source, size) for source in plan.pop("sources")), _code(plan.pop("code"), size)
    plan = printable(plan)
    tensors = tuple(_tensor(row, sources, size) for row in plan.pop("tensors"))
    found = Description(**plan | {"warnings": tuple(plan["warnings"])}, tensors=tensors, sources=sources, code=code)
    _require(isinstance(found.resolved, bool) and isinstance(found.format, str) and isinstance(found.family, str))
    _require(all(isinstance(part, dict) for part in (found.arguments, found.layers, found.facts)))
    _require(all(isinstance(warning, str) for warning in found.warnings))
    total = sum(max(tensor.count, tensor.span) * ITEM_SIZES[tensor.dtype] for tensor in tensors)
    decoded = sum(_length(source, size) for source in sources if source != Source())
    if max(total, decoded) > size + SPARE:
        raise DraglabError("its tensors share their numbers, so that they are larger than the file; it is not opened")
    return found


def _source(source: dict[str, Any], size: int) -> Source:
    if "hex" in source:
        return Source(data=bytes.fromhex(source["hex"]))
    return Source(text=_place(source["text"], size)) if "text" in source else Source()


def _code(code: dict[str, Any] | None, size: int) -> bytes | Place | None:
    if code is None:
        return None
    return bytes.fromhex(code["hex"]) if "hex" in code else _place(code["place"], size)


def _place(place: list[int], size: int) -> Place:
    start, stop = place
    _require(_is_count(start) and _is_count(stop) and start <= stop <= size)
    return start, stop


def _length(source: Source, size: int) -> int:
    """Return the length of a source in bytes, at most."""
    if source.text is not None:
        return source.text[1] - source.text[0]
    return size if source.data is None else len(source.data)


def _tensor(row: dict[str, Any], sources: tuple[Source, ...], size: int) -> TensorPlace:
    values: dict[str, Any] = {**row, **{name: tuple(row[name]) for name in ("shape", "strides", "changes")}}
    tensor = TensorPlace(**values)
    numbers = (tensor.offset, tensor.start, tensor.source, *tensor.shape, *tensor.strides)
    _require(all(_is_count(number) for number in numbers) and all(tensor.shape) and len(tensor.shape) <= MAX_DIMENSIONS)
    _require(isinstance(tensor.name, str) and all(change in SHAPES for change in tensor.changes))
    end = tensor.start + (tensor.offset + tensor.span) * ITEM_SIZES[tensor.dtype]
    _require(end <= _length(sources[tensor.source], size))
    return tensor


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def printable(value: Any) -> Any:
    """Shorten the texts of a JSON value and escape their control codes and broken characters."""
    if isinstance(value, str):
        return escape_controls(value[:MAX_TEXT])
    if isinstance(value, list):
        return [printable(part) for part in value]
    if isinstance(value, dict):
        return {printable(key): printable(part) for key, part in value.items()}
    return value
