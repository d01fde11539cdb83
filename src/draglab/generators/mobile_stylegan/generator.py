"""MobileStyleGAN generator for editing: frozen weights, features of any block, images from features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.errors import DraglabError
from draglab.generators.base import FeatureMaps, Generator, NoiseMode
from draglab.generators.block_windows import BlockWindowPlan
from draglab.generators.mobile_stylegan.config import MobileStyleGANConfig
from draglab.generators.mobile_stylegan.haar import inverse_haar, low_band
from draglab.generators.mobile_stylegan.mapping import MobileMapping
from draglab.generators.mobile_stylegan.synthesis import NoiseSource, SynthesisNetwork
from draglab.generators.mobile_stylegan.windows import windowed_network


class MobileStyleGAN(Generator):
    """A MobileStyleGAN generator. The levels of its features are its blocks, by their resolution."""

    # Of the FFHQ model. One pixel of its features is 8 of the image: a stop distance of 1 is finer than they tell. With
    # fewer layers, and beyond 7 standard deviations, faces tear: seen in the first list of docs/algorithm.md.
    DRAG_SETTINGS: ClassVar[dict[str, bool | int | float | str | None]] = {
        "num_layers": 12,
        "largest_step": 2.0,
        "stop_distance": 2.0,
        "reach": 7.0,
    }
    BUFFERS: ClassVar[tuple[str, ...]] = ("w_avg", "noise_const")
    config: MobileStyleGANConfig
    synthesis: SynthesisNetwork

    def __init__(self, config: MobileStyleGANConfig, name: str = "unnamed"):
        super().__init__(config, name, MobileMapping(config), SynthesisNetwork(config))

    @property
    def feature_resolutions(self) -> list[int]:
        """Resolutions of the blocks, in ascending order: up to half the image's."""
        return self.config.block_resolutions

    def feature_level(self, resolution: int, layer: int | None = None) -> int:
        """Check `resolution` and return it as the level; see :meth:`Generator.feature_level`."""
        if layer is not None:
            raise DraglabError("feature_layer is for StyleGAN3 models: give feature_resolution instead")
        if resolution not in self.feature_resolutions:
            known = ", ".join(str(known) for known in self.feature_resolutions)
            raise DraglabError(f"feature_resolution {resolution} is not a block of this model: choose one of {known}")
        return resolution

    def feature_shape(self, level: int) -> tuple[int, int]:
        """Return (height, width) of a block's maps."""
        return level, level

    def feature_maps(
        self,
        w_plus: Tensor,
        level: int,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> FeatureMaps:
        """Compute the features of the block of resolution `level`; see :meth:`Generator.feature_maps`."""
        self.check_w_plus(w_plus)
        noise = self._noise(noise_mode, noise_seed)
        return FeatureMaps({level: self.synthesis.features(w_plus, self.feature_level(level), noise.draw, dtype=dtype)})

    def window_plan(
        self, level: int, groups: Sequence[tuple[tuple[int, int], int]], samples: int = 1
    ) -> BlockWindowPlan | None:
        """Plan which blocks run whole and which on windows; see :meth:`Generator.window_plan`."""
        plan = BlockWindowPlan(windowed_network(self.synthesis), level, groups, samples)
        return plan if plan.whole_until < level else None

    def image(
        self,
        w_plus: Tensor,
        from_features: FeatureMaps | None = None,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        preview_resolution: int | None = None,
    ) -> Tensor:
        """Compute the images of latents; see :meth:`Generator.image`.

        A preview is the whole image, averaged down: only the last block has colours.
        """
        self.check_w_plus(w_plus)
        height = self.img_resolution if preview_resolution is None else preview_resolution
        last = self.feature_resolutions[-1]
        if height != self.img_resolution:
            self.feature_level(height)
        known = None if from_features is None else (from_features.level, from_features.top)
        x = self.synthesis.features(w_plus, last, self._noise(noise_mode, noise_seed).draw, known)
        bands = self.synthesis.image_bands(x, w_plus)
        if height == self.img_resolution:
            return inverse_haar(bands, torch.ones_like(bands[:1, :, 0, 0]))
        image = low_band(bands)
        return image if height == last else F.avg_pool2d(image, last // height)

    def _noise(self, mode: NoiseMode, seed: int | None) -> NoiseSource:
        if mode not in ("const", "none", "random"):
            raise DraglabError(f"unknown noise_mode '{mode}': choose const, none or random")
        generator = torch.Generator().manual_seed(seed) if mode == "random" and seed is not None else None
        return NoiseSource(mode, generator)
