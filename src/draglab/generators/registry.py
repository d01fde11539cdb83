"""Registry of the architectures. Each registers itself here; nothing else lists them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from draglab.errors import DraglabError
from draglab.generators.base import Generator
from draglab.generators.config import GeneratorConfig

UNNAMED_KIND = "stylegan2"
"""Architecture of configurations without a "kind", from files of the time when there was only one."""


class GeneratorClass(Protocol):
    """A subclass of :class:`Generator`, called with a configuration and a name to build one with random weights."""

    BUFFERS: tuple[str, ...]

    def __call__(self, config: Any, name: str, /) -> Generator: ...


@dataclass(frozen=True)
class Architecture:
    """An architecture, as files are opened, built and saved with it. `config.kind` is its name in files.

    Attributes:
        config: class of its configurations; their `to_json` and `from_json` define draglab's own files.
        generator: class of its generators.
        from_published: reads the arguments that the original program stores with its weights; None = that program's
            files cannot be opened.
    """

    config: type[GeneratorConfig]
    generator: GeneratorClass
    from_published: Callable[[Mapping[str, Any]], GeneratorConfig] | None = None


_ARCHITECTURES: dict[str, Architecture] = {}


def register(architecture: Architecture) -> None:
    """Register an architecture, so that its files can be opened and its generators built; repeating it has no effect.

    Raises:
        ValueError: another architecture has the same kind.
    """
    kind = architecture.config.kind
    if _ARCHITECTURES.setdefault(kind, architecture) != architecture:
        raise ValueError(f"the kind {kind!r} is taken by {_ARCHITECTURES[kind].config.__name__}")


def find_architecture(kind: object) -> Architecture:
    """Return the architecture whose name in files is `kind`.

    Raises:
        DraglabError: there is none.
    """
    found = _ARCHITECTURES.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise DraglabError(f"the model is of an unknown kind {kind!a:.80}: it may need a newer draglab")
    return found


def config_from_json(values: Mapping[str, Any]) -> GeneratorConfig:
    """Restore a configuration from its `to_json`. The key "kind" names the architecture; without it, StyleGAN2.

    Raises:
        DraglabError: an unknown kind; unknown, missing or ill-typed entries.
    """
    kind = values.get("kind")
    return find_architecture(UNNAMED_KIND if kind is None else kind).config.from_json(dict(values))


def build_generator(config: GeneratorConfig, name: str = "unnamed") -> Generator:
    """Build the generator of a configuration, with random weights."""
    return find_architecture(config.kind).generator(config, name)
