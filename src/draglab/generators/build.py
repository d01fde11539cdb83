"""Which architecture a configuration is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from draglab.errors import DraglabError
from draglab.generators.config import GeneratorConfig, StyleGAN2Config
from draglab.generators.generator import Generator
from draglab.generators.stylegan2 import StyleGAN2
from draglab.generators.stylegan3 import StyleGAN3
from draglab.generators.stylegan3_config import StyleGAN3Config


def config_from_json(values: Mapping[str, Any]) -> GeneratorConfig:
    """Read what a configuration's `to_json` wrote. Its key "kind" names the architecture; without it, StyleGAN2.

    Raises:
        DraglabError: an unknown kind; unknown, missing or ill-typed entries.
    """
    kind = values.get("kind")
    if kind is None:
        return StyleGAN2Config.from_json(dict(values))
    if kind == StyleGAN3Config.kind:
        return StyleGAN3Config.from_json(dict(values))
    raise DraglabError(f"the model is of an unknown kind {kind!a}: it may need a newer draglab")


def build_generator(config: GeneratorConfig, name: str = "unnamed") -> Generator:
    """The generator of a configuration, with random weights."""
    if isinstance(config, StyleGAN3Config):
        return StyleGAN3(config, name)
    assert isinstance(config, StyleGAN2Config)
    return StyleGAN2(config, name)
