"""What the process that read a foreign checkpoint answered, checked again: it had hostile bytes to work with."""

from __future__ import annotations

import math
from typing import Any

from draglab.checkpoints.foreign.changes import SHAPES
from draglab.checkpoints.foreign.tensors import ITEM_SIZES, MAX_DIMENSIONS
from draglab.errors import DraglabError

SPARE = 1 << 20
"""Bytes of tensors beyond the file's own: some programs name a small filter in every layer."""
MAX_TEXT = 1000
_KINDS = {"format": str, "family": str, "arguments": dict, "resolved": bool, "facts": dict, "layers": dict}


def check_description(answer: Any, size: int) -> dict[str, Any]:
    """A plan (foreign.plan.Plan.to_json) whose tensors lie in a file of `size` bytes and together are no larger.

    Raises:
        DraglabError: the file is refused, for the reason that the answer gives or for the size of its tensors.
        ValueError, LookupError, TypeError, AttributeError: the answer has not the form of one.
    """
    if "error" in answer:
        raise DraglabError(printable(answer["error"]))
    # Of these two only numbers and hexadecimal digits are used.
    plan = {key: value if key in ("sources", "code") else printable(value) for key, value in answer["plan"].items()}
    for key, kind in _KINDS.items():
        _require(isinstance(plan[key], kind))
    if plan["code"] is not None:
        _check_code(plan["code"], size)
    _require(all(isinstance(warning, str) for warning in plan["warnings"]))
    lengths = [_length(source, size) for source in plan["sources"]]
    total = sum(_bytes_of(row, lengths) for row in plan["tensors"])
    decoded = sum(length for source, length in zip(plan["sources"], lengths, strict=True) if source)
    if max(total, decoded) > size + SPARE:
        raise DraglabError("its tensors share their numbers, so that they are larger than the file; it is not opened")
    return plan


def _length(source: dict[str, Any], size: int) -> int:
    """Bytes of a source at most."""
    if "hex" in source:
        return len(bytes.fromhex(source["hex"]))
    if "text" in source:
        return _length_of_place(source["text"], size)
    return size


def _check_code(code: dict[str, Any], size: int) -> None:
    if "hex" in code:
        bytes.fromhex(code["hex"])
    else:
        _length_of_place(code["place"], size)


def _length_of_place(place: list[int], size: int) -> int:
    start, stop = place
    _require(_is_count(start) and _is_count(stop) and start <= stop <= size)
    return stop - start


def _bytes_of(row: dict[str, Any], lengths: list[int]) -> int:
    """Bytes that a tensor needs while it is read."""
    shape, strides, item = row["shape"], row["strides"], ITEM_SIZES[row["dtype"]]
    numbers = [row["offset"], row["start"], row["source"], row["count"], *shape, *strides]
    _require(all(_is_count(number) for number in numbers) and all(shape) and len(shape) <= MAX_DIMENSIONS)
    _require(isinstance(row["name"], str) and all(change in SHAPES for change in row["changes"]))
    count = math.prod(shape)
    span = 1 + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
    _require(row["count"] == count and row["start"] + (row["offset"] + span) * item <= lengths[row["source"]])
    return max(count, span) * item


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError


def printable(value: Any) -> Any:
    """A JSON value whose texts are short and have neither control codes nor broken characters."""
    if isinstance(value, str):
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in value[:MAX_TEXT])
    if isinstance(value, list):
        return [printable(part) for part in value]
    if isinstance(value, dict):
        return {printable(key): printable(part) for key, part in value.items()}
    return value
