"""StyleGAN3 generator for editing: frozen weights, features of any layer, images from features."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.errors import DraglabError
from draglab.generators.base import FeatureMaps, Generator, NoiseMode
from draglab.generators.mapping import MappingNetwork
from draglab.generators.stylegan3.config import StyleGAN3Config
from draglab.generators.stylegan3.synthesis import StyleGAN3Synthesis


class StyleGAN3(Generator):
    """A StyleGAN3 generator, configuration T or R. The levels of its features are its layers, counted from 0.

    Maps extend beyond the borders of the image. There is no noise: `noise_mode` has no effect.
    """

    EXACT: ClassVar[tuple[str, ...]] = tuple(
        "up_filter down_filter magnitude_ema input.freqs input.phases input.transform".split()
    )
    BUFFERS: ClassVar[tuple[str, ...]] = (*EXACT, "w_avg")
    config: StyleGAN3Config
    synthesis: StyleGAN3Synthesis

    def __init__(self, config: StyleGAN3Config, name: str = "unnamed"):
        super().__init__(config, name, MappingNetwork(config), StyleGAN3Synthesis(config))

    @property
    def feature_resolutions(self) -> list[int]:
        """Rates of the layers, in pixels of a map along the image's side, in ascending order."""
        return sorted({spec.outputs.rate for spec in self.synthesis.specs})

    def feature_level(self, resolution: int, layer: int | None = None) -> int:
        """Return `layer`, or the first layer of the rate `resolution` (docs/algorithm.md says why).

        See :meth:`Generator.feature_level`.
        """
        if layer is None:
            self.check_feature_resolution(resolution)
            return [spec.outputs.rate for spec in self.synthesis.specs].index(resolution)
        self._check_layer(layer)
        return layer

    def feature_shape(self, level: int) -> tuple[int, int]:
        """Return (height, width) of a layer's maps, margins included."""
        size = self.synthesis.specs[level].outputs.size
        return size, size

    def feature_margin(self, level: int) -> int:
        """Return the number of pixels by which a layer's maps extend beyond each border of the image."""
        return self.synthesis.specs[level].outputs.margin

    def feature_maps(
        self,
        w_plus: Tensor,
        level: int,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> FeatureMaps:
        """Compute the features of layer `level`; see :meth:`Generator.feature_maps`."""
        self.check_w_plus(w_plus)
        self._check_layer(level)
        return FeatureMaps({level: self.synthesis.run_layers(w_plus, level, dtype=dtype)})

    def image(
        self,
        w_plus: Tensor,
        from_features: FeatureMaps | None = None,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        preview_resolution: int | None = None,
    ) -> Tensor:
        """Compute the images of latents; see :meth:`Generator.image`. A preview is the whole image, averaged down."""
        self.check_w_plus(w_plus)
        height = preview_resolution or self.img_resolution
        self.check_feature_resolution(height)
        known = None if from_features is None else (from_features.level, from_features.top)
        image = self.synthesis.image(w_plus, known)
        return image if height == self.img_resolution else F.avg_pool2d(image, self.img_resolution // height)

    def check_feature_resolution(self, resolution: int) -> None:
        """Raise a DraglabError unless the model has layers of this rate."""
        if resolution not in self.feature_resolutions:
            known = ", ".join(str(known) for known in self.feature_resolutions)
            raise DraglabError(f"feature_resolution {resolution} is not a rate of this model: choose one of {known}")

    def _check_layer(self, layer: int) -> None:
        last = self.config.num_layers - 1
        if not 0 <= layer <= last:
            raise DraglabError(f"feature_layer {layer} is not a layer of this model: choose one from 0 to {last}")
