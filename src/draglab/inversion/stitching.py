"""Stitching: a short tuning after an edit, so that the edited picture fits the photo where the two meet.

After Tzaban et al. 2022, "Stitch it in Time: GAN-Based Facial Editing of Real Videos": at the edit's latent, the
generator learns to show the photo in a seam around what is pasted, and the edit within. Between the two, and where the
border of the crop cuts off the edited part, it is loose, so that a neck may bend towards the photo's collar.
"""

from __future__ import annotations

from collections.abc import Generator as Steps

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.generators import Generator, to_uint8
from draglab.inversion.descent import Adam, ramp
from draglab.inversion.differences import own_copy
from draglab.inversion.edited_region import border_distance, border_fade
from draglab.inversion.filters import grown
from draglab.inversion.framing import Frame
from draglab.inversion.likeness import Likeness, resized
from draglab.inversion.pasting import Patch, lay_over, make_patch
from draglab.inversion.settings import InversionSettings
from draglab.inversion.tuning import learning, step_of, weights_to_tune

STEPS = 30
SEAM_WEIGHT = 2.0
"""Weight of the seam's likeness to the photo beside that of the inside to the edit."""
LOOSE = 0.1
"""Weight of a pixel between the two, where the edit is wanted, too, beside one of the inside."""
_SEAM = 0.03
"""Width of the seam, and of what is loose within it, relative to the height of the crop."""
_FREE = 0.12
"""Distance from the border of the crop up to which the edited part is loose."""
_FADE = 0.02
"""Width of the fade towards the border of the crop that is left, relative to its height."""
_RAMP_UP, _RAMP_DOWN = 0.05, 0.5


class Stitching:
    """The tuning, step by step; the generator that is given stays as it is.

    Args:
        generator: as tuned to the photo. w_plus: the edit's latent, [1, num_ws, w_dim].
        patch: what the edit puts over the photo. likeness: the photo, for what is compared.
        steps: number of steps. settings: for what learns, and the size of the steps; None = the defaults.

    Attributes:
        done: number of steps made.
    """

    def __init__(
        self,
        generator: Generator,
        w_plus: Tensor,
        patch: Patch,
        likeness: Likeness,
        steps: int = STEPS,
        settings: InversionSettings | None = None,
    ):
        self.generator, self.w_plus, self.patch, self.likeness = own_copy(generator), w_plus, patch, likeness
        self.steps, self.done = steps, 0
        settings = settings or InversionSettings()
        weights, size = weights_to_tune(self.generator, likeness, settings), settings.tuning_step
        self.adam = Adam(weights, {name: size * step_of(weight) for name, weight in weights.items()})
        seam, inside = regions(patch.share)
        wanted = np.where(inside[..., None] > 0, patch.picture, patch.crop).astype(np.float32)
        self.wanted, self.seam, self.inside = (
            resized(torch.from_numpy(one).to(w_plus).permute(2, 0, 1)[None], likeness.compared)
            for one in (wanted / 127.5 - 1, seam[..., None], inside[..., None])
        )

    def step(self) -> float:
        """Make a step; return the loss before it: LPIPS and mean square, of the inside and, by its weight, the seam."""
        weights = list(self.adam.tensors.values())
        with learning(weights):
            image = resized(self.generator.image(self.w_plus), self.likeness.compared)
            off = self.likeness.network(image, self.wanted, spatial=True)
            off = off + (image - self.wanted).square().mean(1, keepdim=True)
            loss = _mean(off, self.inside) + SEAM_WEIGHT * _mean(off, self.seam)
            found = torch.autograd.grad(loss, weights, allow_unused=True)
        gradients = {name: g for name, g in zip(self.adam.tensors, found, strict=True) if g is not None}
        self.adam.step(gradients, ramp(self.done / max(1, self.steps) + _RAMP_UP / 2, _RAMP_UP, _RAMP_DOWN))
        self.done += 1
        return float(loss.detach())

    @torch.no_grad()
    def picture(self) -> NDArray[np.float32]:
        """Return what the generator shows now, float32 [h, w, 3] in steps of 255."""
        image = self.generator.image(self.w_plus).clamp(-1, 1)[0].permute(1, 2, 0)
        return ((image + 1) * 127.5).float().cpu().numpy()

    def share(self) -> NDArray[np.float32]:
        """Return how much of each pixel is taken from it, [h, w]: up to the border of the crop."""
        height, width = self.patch.share.shape
        return self.patch.share * border_fade(height, width, _FADE)


def stitch_steps(
    generator: Generator,
    pixels: NDArray[np.uint8],
    frame: Frame,
    before: NDArray[np.uint8],
    w_plus: Tensor,
    steps: int = STEPS,
) -> Steps[int, None, NDArray[np.uint8]]:
    """Put an edit back into the photo and tune a copy of the model until the two fit, in steps.

    It takes as long as so many steps of the tuning, and helps where an edit reaches the border of the frame, as when
    the whole head turns, with the neck.

    Args:
        generator: as tuned to the photo; it stays as it is. pixels: the whole photo, uint8 [H, W, 3].
        frame: the part of it that the model shows. before: image of the model before the edit, uint8 [h, w, 3].
        w_plus: the edit's latent, [1, num_ws, w_dim].

    Yields:
        the number of steps that are made, from 0 on; it can be left at any of them.

    Returns:
        uint8 [H, W, 3]; the photo's own pixels wherever the edit changed nothing.
    """
    yield 0
    with torch.no_grad():
        edited = to_uint8(generator.image(w_plus))[0]
    patch = make_patch(pixels, frame, before, edited)
    if not patch.share.any():
        return pixels.copy()
    stitching = Stitching(generator, w_plus, patch, Likeness(generator, patch.crop, frame.size), steps)
    while stitching.done < steps:
        stitching.step()
        yield stitching.done
    return lay_over(pixels, frame, stitching.picture(), stitching.share())


def regions(share: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where the photo is wanted, [h, w] of 0 and 1, and how much the edit is, [h, w] of 0, LOOSE and 1.

    Args:
        share: how much of each pixel an edit replaces, [h, w].
    """
    height, width = share.shape
    pixels = max(1, round(height * _SEAM))
    border = border_distance(height, width)
    taken = share > 0.5
    inside = ~grown(~taken, pixels) & (border > _FREE)
    seam = (grown(taken, pixels) & ~taken) | (taken & (border < _SEAM))
    return seam.astype(np.float32), np.where(inside, 1, LOOSE * (taken & ~seam)).astype(np.float32)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Return the mean of values [1, 1, h, w] by weights; 0 where there are none."""
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)
