"""Settings of a drag, and the presets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_type_hints

import torch

from draglab.dragging.setting_info import SettingInfo
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.geometry import REFERENCE_SIZE, scale_from_512

FFHQ_W_STD = 0.46
"""Spread of w of the FFHQ model for which the paper states its step size (root mean square of w - w_avg per coordinate,
measured on a descendant of that model). Relative to it, other models get steps of the same reach."""

LatentSpace = Literal["w+", "w"]
Reduction = Literal["sum", "mean"]
MaskTerm = Literal["exact", "sampled"]
Descent = Literal["auto", "gauss-newton", "first-order", "adam", "normalized"]
StepUnit = Literal["absolute", "w_std"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class DragSettings:
    """Settings of the optimisation; the defaults are the `draglab` preset (docs/algorithm.md says why).

    Distances are in pixels of the image unless they are said to be in pixels of a 512-pixel image, as the paper's are.
    """

    # fmt: off
    locality: Annotated[float, SettingInfo(
        "What may follow (locality)",
        "How strongly what is far from the points is kept; 0 = everything may follow. With a mask, the mask decides.",
        minimum=0, slider=(0, 1000), middle=100, ends=("Just this", "Everything"), panel="handles",
    )] = 100.0
    largest_step: Annotated[float, SettingInfo(
        "Largest step",
        "Length of the largest gauss-newton step for one point, in standard deviations of the model's latents; for n "
        "points, times the square root of n.",
        minimum=0, above=True,
    )] = 1.5
    reach: Annotated[float | None, SettingInfo(
        "How far it may go (reach)",
        "A gauss-newton drag stops where the picture would leave what the model can make: so many standard deviations "
        "of its latents from the start. None = no limit; with a mask there is none.",
        minimum=0, above=True, optional=True, slider=(1, 20), step=0.5, panel="more",
    )] = 8.0
    # The latent.
    regularize_mean: Annotated[float, SettingInfo(
        "Stay realistic (mean regularisation)",
        "Keeps the image similar to the training images; points may then not arrive. Weight of the squared distance "
        "of w_plus to w_avg, per coordinate, in units of the spread of w.",
        minimum=0, slider=(0, 0.1), step=0.001, panel="main",
    )] = 0.0
    latent_space: Annotated[LatentSpace, SettingInfo(
        "Parts or whole (latent space)",
        "w+ moves parts of the image on their own; w moves all latents by one shared vector, which changes the "
        "whole image and keeps it more realistic.",
        choices=("w+", "w"), panel="main",
    )] = "w+"
    num_layers: Annotated[int, SettingInfo(
        "How deep it may change (layers of w+)",
        "Number of the first latents of w_plus that may change in w+; with more of them, colours and light change, "
        "too.",
        minimum=1, whole=True, slider=(1, 40), step=1, panel="more",
    )] = 6
    regularize_start: Annotated[float, SettingInfo(
        "Stay near the start (regularisation)",
        "Keeps the image similar to the one before the drag: like regularize_mean, but with the start's latent in "
        "place of w_avg.",
        minimum=0, slider=(0, 0.1), step=0.001, panel="more",
    )] = 0.0
    # The optimiser.
    descent: Annotated[Descent, SettingInfo(
        "Method",
        "gauss-newton = few large steps, each the likeliest change of the image that moves the points; "
        "first-order = small steps along a gradient: adam as in the paper, or, with a mask, normalized: steps of one "
        "length, which change less of what is frozen; auto = gauss-newton where it can be used.",
        choices=("auto", "gauss-newton", "first-order", "adam", "normalized"),
    )] = "auto"
    step_size: Annotated[float, SettingInfo(
        "Speed (step size)",
        "How far one step may change the image: larger is quicker and less exact. Adam's step size, in step_unit.",
        minimum=0, above=True, slider=(0.001, 1), step=0.001, panel="main",
    )] = 0.06
    step_unit: Annotated[StepUnit, SettingInfo(
        "Unit of the step",
        "absolute = step_size as it is; w_std = step_size times the model's spread of w (root mean square of "
        "w - w_avg per coordinate), so that one value suits models whose latents differ in scale.",
        choices=("absolute", "w_std"),
    )] = "w_std"
    beta1: Annotated[float, SettingInfo(
        "Memory of the gradient",
        "Adam's decay of the mean gradient; 0.9 in the paper. Each step pulls from another place, so a long memory "
        "overshoots.",
        minimum=0, maximum=1, below=True,
    )] = 0.3
    beta2: Annotated[float, SettingInfo(
        "Memory of the squared gradient",
        "Adam's decay of the mean squared gradient; 0.999 in the paper.",
        minimum=0, maximum=1, below=True,
    )] = 0.95
    back_off: Annotated[int | None, SettingInfo(
        "Back off after",
        "After this number of steps that bring no point closer, go back to the best step and halve the step size, "
        "three times at most; None = never, as in the paper.",
        minimum=1, whole=True, optional=True,
    )] = 6
    # The mask.
    mask_weight: Annotated[float, SettingInfo(
        "Hold what must stay (lambda)",
        "How strongly everything outside the movable region is kept: lambda of the paper.",
        minimum=0, slider=(0, 200), step=1, panel="main",
    )] = 20.0
    mask_limit: Annotated[float | None, SettingInfo(
        "Limit of the hold (mask limit)",
        "Limits the gradient of a first-order drag's mask term to this multiple of the pull's, so that points still "
        "arrive; None = no limit, as in the paper.",
        minimum=0, above=True, optional=True, slider=(0.1, 20), step=0.1, panel="more",
    )] = 2.0
    settle_steps: Annotated[int | None, SettingInfo(
        "Settle after arrival (settle steps)",
        "Number of steps after arrival, with a mask, that undo changes of the frozen region while the points hold "
        "their places; gauss-newton makes 3 at most. None = none, as in the paper.",
        minimum=1, maximum=1000, whole=True, optional=True, slider=(1, 50), step=1, panel="more",
    )] = 10
    mask_term: Annotated[MaskTerm, SettingInfo(
        "Mask term",
        "exact = from the whole frozen region; sampled = an unbiased estimate from mask_windows small windows, drawn "
        "anew for every step from seed, which is cheaper. Where windows save nothing, it is always exact.",
        choices=("exact", "sampled"),
    )] = "exact"
    mask_windows: Annotated[int, SettingInfo(
        "Windows of the sampled mask term",
        "Number of windows drawn for each step.",
        minimum=1, whole=True,
    )] = 4
    seed: Annotated[int, SettingInfo(
        "Seed",
        "Seed for drawing the windows of the sampled mask term.",
        minimum=0, maximum=2**32 - 1, whole=True,
    )] = 0
    # The end.
    max_steps: Annotated[int, SettingInfo(
        "Longest drag (max steps)",
        "A drag ends after this number of steps at the latest, counted from the last move of a target.",
        minimum=1, whole=True, slider=(1, 10_000), step=1, panel="main",
    )] = 300
    stop_distance: Annotated[float | None, SettingInfo(
        "Arrived within (stop distance)",
        "A drag ends when every point is this close to its target, in pixels: d of the paper. None = the paper's "
        "rule, 1 for up to 5 handles and 2 for more.",
        minimum=0, above=True, optional=True, slider=(0.01, 100), step=0.01, panel="more",
    )] = None
    patience: Annotated[int | None, SettingInfo(
        "Give up after (patience)",
        "A drag ends after this number of steps that bring no point closer; None = never.",
        minimum=1, whole=True, optional=True, slider=(1, 10_000), step=1, panel="more",
    )] = 24
    # Motion supervision.
    r1: Annotated[float, SettingInfo(
        "Size of the pull (r1)",
        "Radius around a point that is pulled, in pixels of a 512-pixel image: r1 of the paper. The point's own "
        "pixel always counts.",
        minimum=0, above=True, maximum=REFERENCE_SIZE, slider=(0.1, 100), step=0.1, panel="more",
    )] = 3.0
    r1_features: Annotated[float, SettingInfo(
        "Least size of the pull",
        "Lower limit of r1, in pixels of the feature map; 0 = none.",
        minimum=0,
    )] = 0.0
    clip_step: Annotated[bool, SettingInfo(
        "Stop at the target",
        "Never pull further than to the target; False = always by one pixel, as in the paper.",
    )] = True
    anchor: Annotated[float, SettingInfo(
        "Hold on to the start (anchor)",
        "How much the look of the first image counts when points are pulled: share of the supervision that comes "
        "from its features (GoodDrag); 0 = none, as in the paper.",
        minimum=0, maximum=1, step=0.05, panel="more",
    )] = 0.7
    reduction: Annotated[Reduction, SettingInfo(
        "Sums or means",
        "sum = absolute differences are added up, as in the paper's equation; mean = averaged over patch and "
        "channels (summed over handles) and over the frozen pixels and channels, so that lambda means the same for "
        "every image size, radius and mask.",
        choices=("sum", "mean"),
    )] = "mean"
    # Tracking.
    r2: Annotated[float, SettingInfo(
        "Size of the search (r2)",
        "How far from its last position a point is looked for after a step: half the side of a square, in pixels of "
        "a 512-pixel image; r2 of the paper.",
        minimum=0, above=True, maximum=REFERENCE_SIZE, slider=(0.1, 200), step=0.1, panel="more",
    )] = 12.0
    subpixel: Annotated[bool, SettingInfo(
        "Track between pixels",
        "Track to a fraction of a pixel and read features between the pixels of their own map; False = whole "
        "pixels, and features as if resized to the image, as in the paper.",
    )] = True
    # Features.
    feature_resolution: Annotated[int | None, SettingInfo(
        "Detail that is followed (feature block)",
        "Resolution of the model's block in which points are tracked: higher is finer. None = half the image's "
        "height, at most 128; 128 in the paper. For StyleGAN3 models, the first layer with this sampling rate.",
        minimum=1, whole=True, optional=True, slider=(4, 1024), step=1, panel="more",
    )] = None
    feature_layer: Annotated[int | None, SettingInfo(
        "Feature layer",
        "For StyleGAN3 models: index of the layer, from 0, in place of feature_resolution.",
        minimum=0, whole=True, optional=True,
    )] = None
    precision: Annotated[Precision, SettingInfo(
        "Exactness (precision)",
        "Precision of the features: bfloat16 is quicker on processors that support it, and less exact; pictures "
        "always have full precision.",
        choices=("float32", "bfloat16"), panel="more",
    )] = "float32"
    windowed: Annotated[bool, SettingInfo(
        "Windows",
        "Compute only windows of the features where that is quicker; False = always whole maps, with the same "
        "result.",
    )] = True
    # fmt: on

    def __post_init__(self) -> None:
        for name, info in self.infos().items():
            value = getattr(self, name)
            if problem := info.problem(value):
                raise DraglabError(f"{name} is {value!a:.80}: {problem}")

    @classmethod
    def infos(cls) -> dict[str, SettingInfo]:
        """Return title, help text and range of every setting, by name."""
        hints = get_type_hints(cls, include_extras=True)
        return {each.name: hints[each.name].__metadata__[0] for each in fields(cls)}

    @classmethod
    def for_model(cls, generator: Generator, **changes: Any) -> DragSettings:
        """Return the settings that suit a model (its `drag_settings`; otherwise the defaults), with `changes`."""
        return cls(**{**generator.drag_settings, **changes})

    @classmethod
    def draglab(cls, **changes: Any) -> DragSettings:
        """Return the `draglab` preset, the defaults, with `changes`."""
        return cls(**changes)

    @classmethod
    def paper(cls, **changes: Any) -> DragSettings:
        """Return the settings of the paper (section 4, "Implementation Details"), with `changes`.

        The step size is the paper's for FFHQ, 2e-3, relative to the spread of that model's w: models with a wider
        spread of w get larger steps. For exactly 2e-3, give step_size=2e-3 and step_unit="absolute".
        """
        values: dict[str, Any] = {
            "step_size": 2e-3 / FFHQ_W_STD,
            "step_unit": "w_std",
            "descent": "adam",
            "beta1": 0.9,
            "beta2": 0.999,
            "feature_resolution": 128,
            "mask_term": "exact",
            "mask_limit": None,
            "settle_steps": None,
            "reduction": "sum",
            "patience": None,
            "back_off": None,
            "subpixel": False,
            "clip_step": False,
            "r1_features": 0.0,
            "anchor": 0.0,
        }
        return cls(**{**values, **changes})

    def resolved_step_size(self, generator: Generator) -> float:
        """Return the step size in units of w_plus."""
        return self.step_size * (generator.w_std() if self.step_unit == "w_std" else 1.0)

    def feature_dtype(self) -> torch.dtype | None:
        """Return the dtype in which features are computed; None = that of the weights."""
        return torch.bfloat16 if self.precision == "bfloat16" else None

    def resolved_feature_resolution(self, img_resolution: int) -> int:
        """Return the resolution of the feature block for images of this height, which limits `feature_resolution`."""
        if self.feature_resolution is None:
            return min(128, img_resolution // 2)
        return min(self.feature_resolution, img_resolution)

    def feature_level(self, generator: Generator) -> int:
        """Return the level of this model's features that is supervised and tracked.

        Raises:
            DraglabError: the model has no such block or layer.
        """
        resolution = self.resolved_feature_resolution(generator.img_resolution)
        return generator.feature_level(resolution, self.feature_layer)

    def motion_radius(self, image_shape: tuple[int, int], feature_height: int) -> float:
        """Return r1 in image pixels, for an image of (height, width)."""
        floor = self.r1_features * image_shape[0] / feature_height
        return max(scale_from_512(self.r1, *image_shape), floor)

    def tracking_radius(self, image_shape: tuple[int, int]) -> float:
        """Return r2 in image pixels, at least 1."""
        return max(scale_from_512(self.r2, *image_shape), 1.0)

    def resolved_stop_distance(self, handles: int) -> float:
        """Return the stop distance d in image pixels, for this number of handles."""
        if self.stop_distance is not None:
            return self.stop_distance
        return 1.0 if handles <= 5 else 2.0
