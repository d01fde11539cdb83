"""The child process's answer about a file: an architecture's arguments and each tensor's place, as JSON."""

from __future__ import annotations

from .values import LongText, Refused, Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from .tensors import TensorRef

MAX_TENSORS = 5_000
MAX_NAME = 200
MAX_INLINE = 4 << 20
"""Most bytes of tensors that the plan may hold itself, all together."""


class Plan:
    """A model that a file describes.

    Attributes:
        format: the kind of file, for people. family: "stylegan2", "stylegan3".
        arguments: arguments of the published program's generator, or the fields of StyleGAN2Config if `resolved`.
        resolved: see `arguments`.
        tensors: published name -> (reference, changes). Changes are the names of functions of materialize.py that turn
            the file's tensor into the published one.
        facts: further facts, for people. warnings: possible problems, for people.
        code: the source code that the file holds for the model; only hashed, by revision.py.
        layers: arguments found in the layers, which take precedence over omitted ones of the generator.
    """

    __slots__ = ("arguments", "code", "facts", "family", "format", "layers", "resolved", "tensors", "warnings")

    def __init__(self, format_name: str, family: str, arguments: dict[str, Any], resolved: bool = False):
        self.format = format_name
        self.family = family
        self.arguments = arguments
        self.resolved = resolved
        self.tensors: dict[str, tuple[TensorRef, tuple[str, ...]]] = {}
        self.facts: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.code: LongText | bytes | None = None
        self.layers: dict[str, Any] = {}

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; storages in decoded text are given as the place of that text."""
        check_tensors(self.tensors)
        sources: list[dict[str, Any]] = []
        known: dict[int, int] = {}
        inline = 0
        rows = []
        for name, (tensor, changes) in self.tensors.items():
            storage = tensor.storage
            if id(storage.region) not in known:
                known[id(storage.region)] = len(sources)
                sources.append(_source(storage.region))
                inline += len(storage.region.view) if storage.region.origin == "inline" else 0
                if inline > MAX_INLINE:
                    raise Refused("the file is damaged: bytes are not where they should be; get it again")
            rows.append(
                {
                    "name": name,
                    "dtype": storage.dtype,
                    "shape": tensor.shape,
                    "strides": tensor.strides,
                    "offset": tensor.offset,
                    "source": known[id(storage.region)],
                    "start": storage.start,
                    "changes": changes,
                }
            )
        return {
            "format": self.format,
            "family": self.family,
            "arguments": self.arguments,
            "resolved": self.resolved,
            "facts": self.facts,
            "warnings": self.warnings,
            "code": _place(self.code),
            "layers": self.layers,
            "sources": sources,
            "tensors": rows,
        }


def check_tensors(names: Collection[str]) -> None:
    """Check that there are no more tensors, and no longer names, than any generator has.

    Raises:
        Refused: there are.
    """
    if len(names) > MAX_TENSORS:
        raise Refused(f"the model has more than {MAX_TENSORS:,} tensors, more than any checkpoint")
    if any(len(name) > MAX_NAME for name in names):
        raise Refused(f"the model has tensors with names of more than {MAX_NAME} letters; draglab does not open it")


def _place(code: LongText | bytes | None) -> dict[str, Any] | None:
    if isinstance(code, LongText):
        return {"place": [code.start, code.stop]}
    return None if code is None else {"hex": code.hex()}


def _source(region: Region) -> dict[str, Any]:
    if region.origin == "file":
        return {}
    if region.origin == "text":
        return {"text": list(region.place)}
    return {"hex": bytes(region.view).hex()}
