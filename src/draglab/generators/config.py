"""Base classes of configurations: sizes, checks of values from files, conversion to plain values for files."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from draglab.errors import DraglabError
from draglab.generators.field_types import fits, from_plain, to_plain, type_hints

# Limits, so that a file's configuration cannot make a loader build a model of any size.
MAX_RESOLUTION = 4096
MAX_MAPPING_LAYERS = 64
MAX_WIDTH = 65536


@dataclass(frozen=True)
class GeneratorConfig:
    """Everything that determines a generator but its weights. Each architecture has a subclass with further fields.

    Attributes:
        img_resolution: height of the images in pixels.
        img_channels: colour channels.
        z_dim, w_dim: lengths of the latents. c_dim: length of the class vector, 0 for unconditional models.

    Raises:
        DraglabError: a field is of another type, or out of range.
    """

    kind: ClassVar[str]
    """Name of the architecture in files."""

    img_resolution: int
    img_channels: int = 3
    z_dim: int = 512
    w_dim: int = 512
    c_dim: int = 0

    def __post_init__(self) -> None:
        hints = type_hints(type(self))
        for field in fields(self):
            value = getattr(self, field.name)
            if not fits(value, hints[field.name]):
                raise DraglabError(f"the model's configuration is not usable: {field.name} is {value!a:.80}")
        if min(self.img_resolution, self.z_dim, self.w_dim, self.img_channels) < 1 or self.c_dim < 0:
            raise DraglabError("img_resolution, z_dim, w_dim and img_channels must be at least 1 and c_dim at least 0")
        if self.img_resolution > MAX_RESOLUTION or max(self._widths()) > MAX_WIDTH:
            limits = f"{MAX_RESOLUTION} pixels and {MAX_WIDTH} channels"
            raise DraglabError(f"the model is larger than draglab's limits of {limits}: the file is not usable")

    def _widths(self) -> tuple[int, ...]:
        """Return the widths that are limited to MAX_WIDTH."""
        return self.z_dim, self.w_dim, self.c_dim, self.img_channels

    @property
    def title(self) -> str:
        """Name of the architecture for people."""
        return self.kind

    @property
    def num_ws(self) -> int:
        """Number of latents in w_plus."""
        raise NotImplementedError

    @property
    def img_shape(self) -> tuple[int, int]:
        """(height, width) of the images in pixels."""
        return self.img_resolution, self.img_resolution

    def to_json(self) -> dict[str, Any]:
        """Return plain values, which :meth:`from_json` and `config_from_json` read back."""
        return {"kind": self.kind, **to_plain(asdict(self))}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Restore from the values that :meth:`to_json` returns; the key "kind" may be missing.

        Raises:
            DraglabError: unknown, missing or ill-typed entries.
        """
        hints = type_hints(cls)
        own = {name: from_plain(value, hints.get(name)) for name, value in values.items() if name != "kind"}
        try:
            return cls(**own)
        except (TypeError, ValueError, OverflowError) as error:
            raise DraglabError(f"the model's configuration is not usable: {error}") from None


@dataclass(frozen=True)
class StyleGANConfig(GeneratorConfig):
    """Base configuration of the StyleGAN family: sizes that are powers of two, and the mapping network.

    Attributes, besides those of GeneratorConfig (img_resolution: a power of two of at least 8):
        mapping_layers: number of fully connected layers of the mapping network.
        mapping_features: width of its hidden layers; None = w_dim.
        embed_features: width of the class embedding; None = w_dim.
        mapping_lr_multiplier: runtime scale of the mapping's weights (equalised learning rate).
        label_concat: True if the class vector is multiplied by a matrix and normalised together with z, as in the
            TensorFlow programs before ADA; False if it has an embedding of its own.
    """

    mapping_layers: int = 8
    mapping_features: int | None = None
    embed_features: int | None = None
    mapping_lr_multiplier: float = 0.01
    label_concat: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        resolution = self.img_resolution
        if resolution < 8 or resolution & (resolution - 1):
            raise DraglabError(
                f"img_resolution {resolution} is not a power of two of at least 8: the file is not usable"
            )
        if not 1 <= self.mapping_layers <= MAX_MAPPING_LAYERS:
            limits = f"draglab's limits of 1 to {MAX_MAPPING_LAYERS}"
            raise DraglabError(f"mapping_layers {self.mapping_layers} is beyond {limits}: the file is not usable")
        if any(width is not None and width < 1 for width in (self.mapping_features, self.embed_features)):
            raise DraglabError("mapping_features and embed_features must be at least 1")
        if self.mapping_lr_multiplier <= 0:
            raise DraglabError("mapping_lr_multiplier must be above 0")

    def _widths(self) -> tuple[int, ...]:
        return (*super()._widths(), self.mapping_features or 0, self.embed_features or 0)
