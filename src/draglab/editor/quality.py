"""Quality of a place as a handle: whether tracking can follow it.

Tracking (dragging/tracking.py) searches a window around the handle for the place whose feature is nearest to that of
the handle. It fails when another place of that window is no farther from the handle's feature than the handle itself is
after a step. So a place's score is a margin divided by a noise, both L1 distances of features as in tracking:

    margin: from the handle's feature to the nearest one in the window that is at least half r2 away in the image;
    noise: from a handle's feature to the best match in the window after one step of the optimiser in a random
        direction, where the image changes much (the 90th percentile over the image).

Places that score at least DISTINCTIVE can be followed; below it the person is warned. Places that score at least
OFFERED are offered instead. A straight edge scores low, like a plain area: places along it look alike.

Measured on `heads` with the default settings: score of the handle against arrival within 150 steps. The 60 drags of
benchmarks/drags_heads.json (20 images): tip of the nose 5.7 to 16.1 (median 9.6), corner of the mouth 3.2 to 20.9
(9.2), chin 0.4 to 7.9 (1.5); all arrive but one chin, whose score is 2.3. 40 even places, dragged by 10 pixels in a
random direction (seeds 101 to 114): cheek 0.23 to 5.6 (14 of 14 arrive), forehead 0.22 to 4.7 (12 of 13), plain
background 0.001 to 0.03 (0 of 13). So none of the 85 handles that arrive scores below 0.2, and 13 of the 15 that do not
arrive score below 0.03. Any threshold up to 0.3 warns of at most 5 % of those that arrive (4 of 85).

Arrival is not everything: tracked back through the images of the drag, handles on forehead and cheek miss their start
by more than 2 pixels in 0 of 6 cases below 0.5, in 4 of 9 from 0.5 to 1, in 2 of 12 from 1 on; on the background in 12
of 13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.dragging import DragSettings
from draglab.dragging.bilinear import sample_grids
from draglab.dragging.features import whole_features
from draglab.dragging.tracking import search_spacing
from draglab.editor.state import XY
from draglab.generators import Generator
from draglab.generators.windows import Windows
from draglab.geometry import image_extent, to_feature_coordinates, validate_points

DISTINCTIVE = 0.2
"""Score below which the person is warned of a handle."""
OFFERED = 1.0
"""Lowest score of a place that is offered instead."""
SEARCHED = 0.1
"""Distance from an indistinct handle within which a better place is searched, as a share of the image's longer side."""
SAMPLES = 24
"""Number of places along each side of the grid over the image on which the noise is measured."""
CHANGED = 0.9
"""Quantile of the distances on that grid that is taken as the noise."""


@dataclass(frozen=True)
class HandleQuality:
    """Quality of a handle.

    Attributes:
        distinctive: True if it can be tracked: its score is at least DISTINCTIVE. score: see the module.
        nearest: (x, y) of the nearest place that is clearly better, image pixels; None if the handle is distinctive, or
            no place near it is better.
    """

    distinctive: bool
    nearest: XY | None
    score: float


class QualityMap:
    """Scores of handles in one image; its features are kept, so that many handles can be checked.

    Args:
        generator: the model. w_plus: [1, num_ws, w_dim]. settings: settings of the drag, for features, window and step.
    """

    @torch.no_grad()
    def __init__(self, generator: Generator, w_plus: Tensor, settings: DragSettings) -> None:
        self.shape = generator.img_shape
        level = settings.feature_level(generator)
        extent = image_extent(generator.feature_shape(level), generator.feature_margin(level))
        self.radius = settings.tracking_radius(self.shape)
        self.spacing = search_spacing(extent, self.shape, settings.subpixel)
        self.reach = max(int(np.floor(self.radius / self.spacing + 1e-9)), 1)
        dtype = settings.feature_dtype()
        self.features = whole_features(generator, w_plus, level, dtype).near
        stepped = whole_features(generator, _one_step(generator, w_plus, settings), level, dtype).near
        self.noise = self._noise(stepped)

    def check(self, point: XY) -> HandleQuality:
        """Return whether a handle at (x, y), image pixels, can be tracked, and if not, a better place near it.

        Raises:
            DraglabError: the point is outside the image.
        """
        (centre,) = validate_points([point], *self.shape, name="handle")
        score = float(self.scores(centre, 0)[0, 0])
        if score >= DISTINCTIVE:
            return HandleQuality(True, None, score)
        around = int(SEARCHED * max(self.shape) / self.spacing)
        scores = self.scores(centre, around)
        line = np.arange(-around, around + 1) * self.spacing
        away = np.hypot(line[:, None], line[None, :])
        away[scores < OFFERED] = np.inf
        row, column = np.unravel_index(away.argmin(), away.shape)
        if not away[row, column] <= around * self.spacing:
            return HandleQuality(False, None, score)
        return HandleQuality(False, (float(centre[0] + line[column]), float(centre[1] + line[row])), score)

    @torch.no_grad()
    def scores(self, centre: NDArray[np.float64], around: int) -> NDArray[np.float64]:
        """Return the scores of the places on the grid of tracking around a point (x, y), image pixels.

        Args:
            around: number of places to each side.

        Returns:
            [2 * around + 1, 2 * around + 1], rows first; -inf beyond the image.
        """
        grids, insides = self._grids(self.features, centre[None], around + self.reach)
        size = 2 * around + 1
        inner = slice(self.reach, self.reach + size)
        middle = grids[0, inner, inner]
        least = np.full((size, size), np.inf)
        for dx, dy in self._others():
            place = slice(dy, dy + size), slice(dx, dx + size)
            distances = (grids[0][place] - middle).abs().sum(-1).cpu().double().numpy()
            least = np.minimum(least, np.where(insides[0][place], distances, np.inf))
        return np.where(insides[0, inner, inner], least / self.noise, -np.inf)

    def _others(self) -> list[tuple[int, int]]:
        """Return the offsets (x, y) in a window's grid of the places that count as other places."""
        line = range(2 * self.reach + 1)
        away = 0.5 * self.radius / self.spacing
        return [(x, y) for y in line for x in line if np.hypot(x - self.reach, y - self.reach) >= away]

    def _grids(self, windows: Windows, centres: NDArray[np.float64], around: int) -> tuple[Tensor, NDArray[np.bool_]]:
        """Return features [n, k, k, C] on the grids around points [n, 2], and which places are inside the image."""
        line = np.arange(-around, around + 1) * self.spacing
        pixels = centres[:, None] + line[:, None]
        held = np.clip(pixels, 0, [self.shape[1] - 1, self.shape[0] - 1])
        places = to_feature_coordinates(held, self.shape, windows.map_shape, windows.margin)
        inside = held == pixels
        values = sample_grids(windows, places[..., 0], places[..., 1])
        return values, inside[:, :, None, 1] & inside[:, None, :, 0]

    def _noise(self, stepped: Windows) -> float:
        """Return the distance of a handle's feature from its best match after a step, where the image changes much."""
        lines = [np.linspace(0, side - 1, SAMPLES) for side in reversed(self.shape)]
        centres = np.stack(np.meshgrid(*lines), axis=-1).reshape(-1, 2)
        here, _ = self._grids(self.features, centres, 0)
        there, _ = self._grids(stepped, centres, self.reach)
        matches = (there - here).abs().sum(-1).flatten(1).amin(1)
        return max(float(matches.float().quantile(CHANGED)), 1e-12)


def _one_step(generator: Generator, w_plus: Tensor, settings: DragSettings) -> Tensor:
    """Return the latent after an optimiser step in a random direction, of one length in every coordinate as in Adam."""
    shared = settings.latent_space == "w"
    rows = 1 if shared else min(settings.num_layers, generator.num_ws)
    signs = np.random.RandomState(0).choice([-1.0, 1.0], (1, rows, generator.w_dim))
    length = settings.step_size * (generator.w_std() if settings.step_unit == "w_std" else 1.0)
    step = torch.from_numpy(signs).to(w_plus) * length
    moved = w_plus.clone()
    moved[:, : generator.num_ws if shared else rows] += step
    return moved
