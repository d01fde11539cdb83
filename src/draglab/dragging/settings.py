"""How to drag."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch

from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.geometry import REFERENCE_SIZE, scale_from_512

LatentSpace = Literal["w+", "w"]
Reduction = Literal["sum", "mean"]
MaskTerm = Literal["exact", "sampled"]
StepUnit = Literal["absolute", "w_std"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class DragSettings:
    """Settings of the optimisation; the defaults are the `draglab` preset (docs/algorithm.md says why).

    Attributes:
        step_size: Adam's step size, in `step_unit`.
        beta1, beta2: Adam's decay of the mean gradient and of its square, 0 to below 1; 0.9 and 0.999 = the paper. Each
            step pulls from another place, so long memories overshoot.
        step_unit: "absolute" as in the paper, or "w_std": times the model's spread of w (root mean square of w - w_avg
            per coordinate), so that one value suits models whose latents differ in scale.
        mask_weight: lambda, the weight of the mask term.
        mask_term: "exact" compares the whole feature map every step; "sampled" estimates that, without bias, from
            `mask_windows` small windows drawn anew for every step (from `seed`), which is far cheaper. Where windows
            save nothing, the whole map is compared in any case.
        reduction: "sum" adds up absolute differences as the paper's equation does; "mean" averages motion supervision
            over patch and channels (summed over handles) and the mask term over the frozen pixels and channels, which
            keeps lambda's meaning the same for every image size, radius and mask.
        r1: radius of motion supervision, pixels of a 512-pixel image. A handle's own pixel always counts.
        r1_features: lower limit of that radius in pixels of the feature map; 0 = none.
        r2: half-width of the tracking window, pixels of a 512-pixel image.
        feature_resolution: block whose features are supervised and tracked. None = min(128, half the image's height);
            the paper takes 128. Of StyleGAN3 models the first layer that is sampled at this rate.
        feature_layer: of StyleGAN3 models: index of the layer, from 0, in place of that one.
        num_layers: in "w+", how many of the first latents of w_plus are optimised.
        latent_space: "w+" optimises those separately, "w" moves all latents by one shared vector.
        stop_distance: d, in image pixels. None = the paper's rule: 1 up to 5 handles, 2 beyond.
        max_steps: stop after so many.
        patience: stop when the mean distance has not improved for so many steps; None = never.
        subpixel: track to a fraction of a pixel, and read features between the pixels of their own map; False = whole
            pixels and the features' values as if resized to the image, as in the paper.
        clip_step: never supervise further than the target; False = always one pixel, as in the paper.
        anchor: share of the supervision that comes from the features of the start (GoodDrag), 0 to 1; 0 = the paper.
        windowed: synthesise only windows of the features where that is cheaper; False = always whole maps, which give
            the same values.
        precision: what features are computed in. "bfloat16" is faster on processors that have it, and less exact
            (docs/performance.md); pictures are in full precision in any case. "float32" = as the weights.
        regularize_start, regularize_mean: weight of the squared distance, per coordinate and in units of the spread of
            w, to the latent that the round started from and to w_avg. Higher = more like the training images.
    """

    step_size: float = 0.06
    beta1: float = 0.3
    beta2: float = 0.95
    step_unit: StepUnit = "w_std"
    mask_weight: float = 20.0
    mask_term: MaskTerm = "exact"
    mask_windows: int = 4
    seed: int = 0
    reduction: Reduction = "mean"
    r1: float = 3.0
    r1_features: float = 0.0
    r2: float = 12.0
    feature_resolution: int | None = None
    feature_layer: int | None = None
    num_layers: int = 6
    latent_space: LatentSpace = "w+"
    stop_distance: float | None = None
    max_steps: int = 300
    patience: int | None = 50
    subpixel: bool = True
    clip_step: bool = True
    anchor: float = 0.7
    windowed: bool = True
    precision: Precision = "float32"
    regularize_start: float = 0.0
    regularize_mean: float = 0.0

    def __post_init__(self) -> None:
        positive = {"step_size": self.step_size, "r1": self.r1, "r2": self.r2}
        if self.stop_distance is not None:
            positive["stop_distance"] = self.stop_distance
        for name, value in positive.items():
            if not (math.isfinite(value) and value > 0):
                raise DraglabError(f"{name} is {value}: it must be a number above 0")
        if max(self.r1, self.r2) > REFERENCE_SIZE:
            raise DraglabError(f"r1 and r2 are {self.r1} and {self.r2}: more than {REFERENCE_SIZE} is beyond any image")
        not_negative = ("mask_weight", "r1_features", "regularize_start", "regularize_mean", "anchor")
        for name in not_negative:
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise DraglabError(f"{name} is {value}: it must be a number of at least 0")
        for name, value in {"beta1": self.beta1, "beta2": self.beta2}.items():
            if not 0 <= value < 1:
                raise DraglabError(f"{name} is {value}: it must be at least 0 and below 1")
        if self.anchor > 1:
            raise DraglabError(f"anchor is {self.anchor}: it must be from 0 to 1")
        names = ("num_layers", "max_steps", "patience", "mask_windows")
        counts = {name: getattr(self, name) for name in names}
        for name, value in counts.items():
            if value is not None and (isinstance(value, bool) or int(value) != value or value < 1):
                raise DraglabError(f"{name} is {value}: it must be a whole number of at least 1")
        layer = self.feature_layer
        if layer is not None and (isinstance(layer, bool) or int(layer) != layer or layer < 0):
            raise DraglabError(f"feature_layer is {layer}: it must be a whole number of at least 0")
        if isinstance(self.seed, bool) or not 0 <= self.seed < 2**32:
            raise DraglabError(f"seed is {self.seed}: it must be a whole number from 0 to {2**32 - 1}")
        if self.latent_space not in ("w+", "w"):
            raise DraglabError(f"unknown latent_space '{self.latent_space}': choose w+ or w")
        if self.mask_term not in ("exact", "sampled"):
            raise DraglabError(f"unknown mask_term '{self.mask_term}': choose exact or sampled")
        if self.reduction not in ("sum", "mean"):
            raise DraglabError(f"unknown reduction '{self.reduction}': choose sum or mean")
        if self.precision not in ("float32", "bfloat16"):
            raise DraglabError(f"unknown precision '{self.precision}': choose float32 or bfloat16")
        if self.step_unit not in ("absolute", "w_std"):
            raise DraglabError(f"unknown step_unit '{self.step_unit}': choose absolute or w_std")

    @classmethod
    def draglab(cls, **changes: Any) -> DragSettings:
        """The defaults, with `changes`."""
        return cls(**changes)

    @classmethod
    def paper(cls, **changes: Any) -> DragSettings:
        """As the paper (section 4, "Implementation Details"), with `changes`: the step size is the one for FFHQ."""
        values: dict[str, Any] = {
            "step_size": 2e-3,
            "step_unit": "absolute",
            "beta1": 0.9,
            "beta2": 0.999,
            "feature_resolution": 128,
            "mask_term": "exact",
            "reduction": "sum",
            "patience": None,
            "subpixel": False,
            "clip_step": False,
            "r1_features": 0.0,
            "anchor": 0.0,
        }
        return cls(**{**values, **changes})

    def feature_dtype(self) -> torch.dtype | None:
        """What features are computed in; None = as the weights."""
        return torch.bfloat16 if self.precision == "bfloat16" else None

    def resolved_feature_resolution(self, img_resolution: int) -> int:
        """The block for images of this height; `feature_resolution` is limited to the image's own."""
        if self.feature_resolution is None:
            return min(128, img_resolution // 2)
        return min(self.feature_resolution, img_resolution)

    def feature_level(self, generator: Generator) -> int:
        """Which features of this model are supervised and tracked.

        Raises:
            DraglabError: it has no such block or layer.
        """
        resolution = self.resolved_feature_resolution(generator.img_resolution)
        return generator.feature_level(resolution, self.feature_layer)

    def motion_radius(self, image_shape: tuple[int, int], feature_height: int) -> float:
        """r1 in image pixels, for an image of (height, width)."""
        floor = self.r1_features * image_shape[0] / feature_height
        return max(scale_from_512(self.r1, *image_shape), floor)

    def tracking_radius(self, image_shape: tuple[int, int]) -> float:
        """r2 in image pixels, at least one."""
        return max(scale_from_512(self.r2, *image_shape), 1.0)

    def resolved_stop_distance(self, handles: int) -> float:
        """d in image pixels."""
        if self.stop_distance is not None:
            return self.stop_distance
        return 1.0 if handles <= 5 else 2.0
