"""One round of dragging: what its start fixes, and the features of the present latent."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.drag.features import FeatureReader, Reading, window_side
from draglab.drag.frozen import ExactMaskLoss, SampledMaskLoss, frozen_weights
from draglab.drag.latent import EditedLatent
from draglab.drag.motion import directions, motion_loss
from draglab.drag.sampling import sample_points
from draglab.drag.settings import DragSettings
from draglab.drag.tracking import track_points, tracking_reach
from draglab.generators import Generator
from draglab.geometry import Mask, disc_offsets, image_extent, to_feature_coordinates


class Round:
    """Motion supervision, mask term and tracking against the features that the round started from.

    Args:
        generator: the model. latent: at the round's start.
        handles: [n, 2] image pixels, at the round's start.
        mask: [H, W], bool, True = movable, or floats, 1 = movable; or None.

    Attributes:
        reading: features of the present latent. reader: what reads them.
    """

    def __init__(
        self,
        generator: Generator,
        latent: EditedLatent,
        handles: NDArray[np.float64],
        mask: Mask | None,
        settings: DragSettings,
    ):
        self.latent, self.settings, self.shape = latent, settings, generator.img_shape
        level = settings.feature_level(generator)
        extent = image_extent(generator.feature_shape(level), generator.feature_margin(level))
        self.offsets = disc_offsets(settings.motion_radius(self.shape, extent[0]))
        self.radius = settings.tracking_radius(self.shape)
        # Handles are tracked first, then supervised where they were found, one pixel ahead at most. Features as if
        # resized to the image are interpolated between pixels of the image, which takes one more.
        tracked = tracking_reach(self.radius, extent, self.shape, settings.subpixel)
        reach = tracked + np.abs(self.offsets).max() + (1 if settings.subpixel else 2)
        self.term: ExactMaskLoss | SampledMaskLoss | None = None
        others = None
        if mask is not None and not (mask == 1).all():
            self.term = self._mask_term(generator, level, mask, window_side(reach, extent, self.shape))
            others = (self.term.size, len(self.term.draw()))
        dtype = settings.feature_dtype()
        self.reader = FeatureReader(generator, level, reach, len(handles), others, dtype)
        if isinstance(self.term, SampledMaskLoss) and not self.reader.windowed:
            # The whole map is there: nothing is saved by looking at parts of it.
            self.term = ExactMaskLoss(self.term.start, self.term.frozen[0, 0])
        self.reading = self.read(handles)
        averaged = settings.reduction == "mean"
        self.motion_scale = 1 / (len(self.offsets) * self.reading.near.values.shape[1]) if averaged else 1.0
        self.templates = self._at_start(handles[:, None])[:, 0]
        self.anchors = self._at_start(handles[:, None] + self.offsets[None]) if settings.anchor else None

    def read(self, handles: NDArray[np.float64]) -> Reading:
        """Features of the present latent, near the handles and wherever else they are needed."""
        with torch.enable_grad():
            others = None if self.term is None else self.term.draw()
            return self.reader.read(self.latent.w_plus(), handles, others)

    def losses(self, handles: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[Tensor, Tensor]:
        """Motion supervision and mask term, without its weight, of the present latent: two scalars."""
        steps = directions(handles, targets, self.settings.clip_step)
        supervised = (handles, steps, self.offsets, self.shape, self.anchors, self.settings.anchor)
        motion = motion_loss(self.reading.near, *supervised, resized=not self.settings.subpixel) * self.motion_scale
        if self.term is None or self.reading.others is None:
            return motion, motion.new_zeros(())
        return motion, self.term(self.reading.others) * self.mask_scale

    def track(self, handles: NDArray[np.float64]) -> Tensor:
        """Where the handles are in the present features, [n, 2], where the features are."""
        return track_points(self.reading.near, self.templates, handles, self.radius, self.shape, self.settings.subpixel)

    @torch.no_grad()
    def _mask_term(self, generator: Generator, level: int, mask: Mask, side: int) -> ExactMaskLoss | SampledMaskLoss:
        start = generator.feature_maps(self.latent.w_plus(), level, dtype=self.settings.feature_dtype()).top
        frozen = frozen_weights(mask, generator.feature_shape(level), generator.feature_margin(level))
        averaged = self.settings.reduction == "mean"
        self.mask_scale = 1 / (frozen.sum().item() * start.shape[1]) if averaged else 1.0
        if self.settings.mask_term == "exact":
            return ExactMaskLoss(start, frozen)
        return SampledMaskLoss(start, frozen, side, self.settings.mask_windows, self.settings.seed)

    @torch.no_grad()
    def _at_start(self, pixels: NDArray[np.float64]) -> Tensor:
        near = self.reading.near
        return sample_points(near, to_feature_coordinates(pixels, self.shape, near.map_shape, near.margin))
