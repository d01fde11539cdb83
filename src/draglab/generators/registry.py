"""The architectures that draglab knows. Each signs up here; nothing else names them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from draglab.errors import DraglabError
from draglab.generators.base import Generator
from draglab.generators.config import GeneratorConfig

UNNAMED_KIND = "stylegan2"
"""The architecture of configurations that name none: files had no "kind" when there was only one."""


class GeneratorClass(Protocol):
    """A subclass of :class:`Generator` that is made of a configuration and a name, with random weights."""

    BUFFERS: tuple[str, ...]

    def __call__(self, config: Any, name: str, /) -> Generator: ...


@dataclass(frozen=True)
class Architecture:
    """What opening, building and saving need to know of an architecture. `config.kind` is its name in files.

    Attributes:
        config: its configurations; their `to_json` and `from_json` are the configuration in draglab's own files.
        generator: its generators.
        from_published: reads the arguments that the original program stores with its weights, for files of that
            program; None = there are none.
    """

    config: type[GeneratorConfig]
    generator: GeneratorClass
    from_published: Callable[[Mapping[str, Any]], GeneratorConfig] | None = None


_ARCHITECTURES: dict[str, Architecture] = {}


def register(architecture: Architecture) -> None:
    """Make an architecture known: its files open, its configurations build. To register it again changes nothing.

    Raises:
        ValueError: another architecture has the same kind.
    """
    kind = architecture.config.kind
    if _ARCHITECTURES.setdefault(kind, architecture) != architecture:
        raise ValueError(f"the kind {kind!r} is taken by {_ARCHITECTURES[kind].config.__name__}")


def find_architecture(kind: object) -> Architecture:
    """The architecture that files call `kind`.

    Raises:
        DraglabError: there is none.
    """
    found = _ARCHITECTURES.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise DraglabError(f"the model is of an unknown kind {kind!a:.80}: it may need a newer draglab")
    return found


def config_from_json(values: Mapping[str, Any]) -> GeneratorConfig:
    """Read what a configuration's `to_json` wrote. Its key "kind" names the architecture; without it, StyleGAN2.

    Raises:
        DraglabError: an unknown kind; unknown, missing or ill-typed entries.
    """
    kind = values.get("kind")
    return find_architecture(UNNAMED_KIND if kind is None else kind).config.from_json(dict(values))


def build_generator(config: GeneratorConfig, name: str = "unnamed") -> Generator:
    """The generator of a configuration, with random weights."""
    return find_architecture(config.kind).generator(config, name)
