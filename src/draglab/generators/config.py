"""The configuration space of the published StyleGAN2 generators."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from draglab.errors import DraglabError

# A file's configuration must not make a loader build for ever.
MAX_RESOLUTION = 4096
MAX_MAPPING_LAYERS = 64
MAX_WIDTH = 65536

Architecture = Literal["skip", "orig", "resnet"]


def _fits(value: Any, kind: str) -> bool:
    """Whether a value, which may come from a file, is of the type that a field's annotation names."""
    if " | " in kind:
        return any(_fits(value, part) for part in kind.split(" | "))
    if kind == "float":
        return type(value) in (int, float) and -1e30 < value < 1e30
    if kind.startswith("tuple["):
        return isinstance(value, tuple) and all(_fits(part, kind[len("tuple[") : -len(", ...]")]) for part in value)
    return type(value).__name__ == {"None": "NoneType", "Architecture": "str"}.get(kind, kind)


@dataclass(frozen=True)
class GeneratorConfig:
    """What every architecture has: images, latents and the mapping network.

    Attributes:
        img_resolution: height of the images in pixels, a power of two of at least 8.
        img_channels: colour channels.
        z_dim, w_dim: lengths of the latents. c_dim: length of the class vector, 0 for unconditional models.
        mapping_layers: fully connected layers of the mapping network.
        mapping_features: width of its hidden layers; None = w_dim.
        embed_features: width of the class embedding; None = w_dim.
        mapping_lr_multiplier: runtime scale of the mapping's weights (equalised learning rate).
        label_concat: the class vector goes through one matrix and is normalised together with z, as in the TensorFlow
            programs before ADA; else it has an embedding of its own.
    """

    img_resolution: int
    img_channels: int = 3
    z_dim: int = 512
    w_dim: int = 512
    c_dim: int = 0
    mapping_layers: int = 8
    mapping_features: int | None = None
    embed_features: int | None = None
    mapping_lr_multiplier: float = 0.01
    label_concat: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not _fits(value, str(field.type)):
                raise DraglabError(f"the model's configuration is not usable: {field.name} is {value!a:.80}")
        resolution = self.img_resolution
        if resolution < 8 or resolution & (resolution - 1):
            raise DraglabError(
                f"img_resolution {resolution} is not a power of two of at least 8: the file is not usable"
            )
        if min(self.z_dim, self.w_dim, self.img_channels, self.mapping_layers) < 1 or self.c_dim < 0:
            raise DraglabError("z_dim, w_dim, img_channels and mapping_layers must be at least 1 and c_dim at least 0")
        if any(width is not None and width < 1 for width in (self.mapping_features, self.embed_features)):
            raise DraglabError("mapping_features and embed_features must be at least 1")
        if self.mapping_lr_multiplier <= 0:
            raise DraglabError("mapping_lr_multiplier must be above 0")
        too_many = resolution > MAX_RESOLUTION or self.mapping_layers > MAX_MAPPING_LAYERS
        if too_many or max(self._widths()) > MAX_WIDTH:
            limits = f"{MAX_RESOLUTION} pixels, {MAX_MAPPING_LAYERS} mapping layers and {MAX_WIDTH} channels"
            raise DraglabError(f"the model is larger than draglab's limits of {limits}: the file is not usable")

    def _widths(self) -> tuple[int, ...]:
        """What is limited to MAX_WIDTH."""
        hidden = (self.mapping_features or 0, self.embed_features or 0)
        return (self.z_dim, self.w_dim, self.c_dim, self.img_channels, *hidden)

    @property
    def num_ws(self) -> int:
        """Number of latents in w_plus."""
        raise NotImplementedError

    @property
    def img_shape(self) -> tuple[int, int]:
        """(height, width) of the images in pixels."""
        return self.img_resolution, self.img_resolution

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values."""
        raise NotImplementedError


@dataclass(frozen=True)
class StyleGAN2Config(GeneratorConfig):
    """Everything that determines a StyleGAN2 generator but its weights; defaults are config F of the paper.

    Attributes, besides those of GeneratorConfig:
        channel_base, channel_max: a block of resolution r has min(channel_base / r, channel_max) channels.
        architecture: "skip" sums an RGB branch of every block; "orig" and "resnet" have one at the end, "resnet" with
            residual blocks.
        conv_clamp: outputs of convolutions are limited to +- this; None = no limit.
        resample_filter: taps of the separable low-pass filter.
        use_noise: whether layers add per-pixel noise.
        channels: of every block from 4 pixels up, for models whose widths no channel_base and channel_max give, else
            None.
        base_width: width of the 4-pixel high learned constant; 4 for square images, 2 for images half as wide as high.
    """

    channel_base: int = 32768
    channel_max: int = 512
    architecture: Architecture = "skip"
    conv_clamp: float | None = None
    resample_filter: tuple[float, ...] = (1.0, 3.0, 3.0, 1.0)
    use_noise: bool = True
    base_width: int = 4
    channels: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.architecture not in ("skip", "orig", "resnet"):
            raise DraglabError(f"unknown architecture '{self.architecture}': draglab knows skip, orig and resnet")
        if not 2 <= len(self.resample_filter) <= 16:
            raise DraglabError("resample_filter needs 2 to 16 taps, for instance 1, 3, 3, 1")
        if max(self.img_shape) > MAX_RESOLUTION:
            raise DraglabError(f"images of {self.img_shape} pixels are larger than draglab's limit of {MAX_RESOLUTION}")
        if self.base_width < 1 or self.channel_base < self.img_resolution or self.channel_max < 1:
            raise DraglabError("base_width, channel_max and channel_base / img_resolution must be at least 1")
        table = self.channels
        if table is not None and (
            len(table) != len(self.block_resolutions) or not 1 <= min(table) <= max(table) <= MAX_WIDTH
        ):
            raise DraglabError(
                f"channels must be one number from 1 to {MAX_WIDTH} for each block: the file is not usable"
            )

    def _widths(self) -> tuple[int, ...]:
        return (*super()._widths(), self.channel_max, self.base_width)

    @property
    def block_resolutions(self) -> list[int]:
        """4, 8, ..., img_resolution."""
        return [2**power for power in range(2, int(math.log2(self.img_resolution)) + 1)]

    @property
    def num_ws(self) -> int:
        """Number of latents in w_plus: one for every convolution and one for the last RGB layer."""
        return 2 * len(self.block_resolutions)

    @property
    def img_shape(self) -> tuple[int, int]:
        """(height, width) of the images in pixels."""
        return self.shape_at(self.img_resolution)

    def shape_at(self, resolution: int) -> tuple[int, int]:
        """(height, width) of the feature maps of the block named by `resolution`."""
        return resolution, resolution * self.base_width // 4

    def channels_at(self, resolution: int) -> int:
        """Channels of the block named by `resolution`."""
        if self.channels is not None:
            return self.channels[self.block_resolutions.index(resolution)]
        return min(self.channel_base // resolution, self.channel_max)

    def to_json(self) -> dict[str, Any]:
        """A dict of plain values; :meth:`from_json` reads it back."""
        lists = {"resample_filter": list(self.resample_filter), "channels": self.channels and list(self.channels)}
        return {**asdict(self), **lists}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> StyleGAN2Config:
        """Inverse of :meth:`to_json`.

        Raises:
            DraglabError: unknown, missing or ill-typed entries.
        """
        try:
            taps = tuple(float(tap) for tap in values.get("resample_filter", (1, 3, 3, 1)))
            table = values.get("channels")
            channels = None if table is None else tuple(int(count) for count in table)
            return cls(**{**values, "resample_filter": taps, "channels": channels})
        except (TypeError, ValueError, OverflowError) as error:
            raise DraglabError(f"the model's configuration is not usable: {error}") from None
