"""StyleGAN2 generator for editing: frozen weights, features of any block, images from features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from draglab.errors import DraglabError
from draglab.generators.base import FeatureMaps, Generator, NoiseMode
from draglab.generators.block_windows import BlockWindowPlan
from draglab.generators.mapping import MappingNetwork
from draglab.generators.stylegan2.config import StyleGAN2Config
from draglab.generators.stylegan2.synthesis import NoiseSource, SynthesisNetwork
from draglab.generators.stylegan2.windows import windowed_network


class StyleGAN2(Generator):
    """A StyleGAN2 generator. The levels of its features are its blocks, by their resolution."""

    UNUSED_TENSORS: ClassVar[tuple[str, ...]] = ("resample_filter",)
    BUFFERS: ClassVar[tuple[str, ...]] = ("w_avg", "noise_const", "resample_filter")
    config: StyleGAN2Config
    synthesis: SynthesisNetwork

    def __init__(self, config: StyleGAN2Config, name: str = "unnamed"):
        super().__init__(config, name, MappingNetwork(config, config.mapping_activation), SynthesisNetwork(config))

    @property
    def feature_resolutions(self) -> list[int]:
        """Resolutions of the blocks, in ascending order."""
        return self.config.block_resolutions

    def feature_level(self, resolution: int, layer: int | None = None) -> int:
        """Check `resolution` and return it as the level; see :meth:`Generator.feature_level`."""
        if layer is not None:
            raise DraglabError("feature_layer is for StyleGAN3 models: give feature_resolution instead")
        self.check_feature_resolution(resolution)
        return resolution

    def feature_shape(self, level: int) -> tuple[int, int]:
        """Return (height, width) of a block's maps."""
        return self.synthesis.shape_at(level)

    @property
    def has_previews(self) -> bool:
        return self.config.architecture == "skip"

    def feature_maps(
        self,
        w_plus: Tensor,
        level: int,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> FeatureMaps:
        """Compute features of all blocks up to resolution `level`; see :meth:`Generator.feature_maps`."""
        self.check_w_plus(w_plus)
        self.check_feature_resolution(level)
        noise = self._noise(noise_mode, noise_seed).draw
        return FeatureMaps(self.synthesis.run_blocks(w_plus, level, noise, dtype=dtype))

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

        With the "skip" architecture, a preview is the sum of the RGB branches up to its block, without the details that
        higher blocks add, which are not computed. Otherwise it is the whole image, averaged down.
        """
        self.check_w_plus(w_plus)
        height = preview_resolution or self.img_resolution
        self.check_feature_resolution(height)
        last = height if self.has_previews else self.img_resolution
        known = {} if from_features is None else from_features.blocks
        known = {resolution: block for resolution, block in known.items() if resolution <= last}
        blocks = self.synthesis.run_blocks(w_plus, last, self._noise(noise_mode, noise_seed).draw, known)
        image = self.synthesis.rgb(blocks, w_plus)
        return image if last == height else F.avg_pool2d(image, last // height)

    def check_feature_resolution(self, resolution: int) -> None:
        """Raise a DraglabError unless the model has a block of this resolution."""
        if resolution not in self.feature_resolutions:
            known = ", ".join(str(known) for known in self.feature_resolutions)
            raise DraglabError(f"feature_resolution {resolution} is not a block of this model: choose one of {known}")

    def _noise(self, mode: NoiseMode, seed: int | None) -> NoiseSource:
        if mode not in ("const", "none", "random"):
            raise DraglabError(f"unknown noise_mode '{mode}': choose const, none or random")
        generator = torch.Generator().manual_seed(seed) if mode == "random" and seed is not None else None
        return NoiseSource(mode, generator)
