"""How near an inversion is to its photo, in figures and words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from draglab.generators import Generator, to_uint8
from draglab.inversion.faces import has_dlib, mean_image
from draglab.inversion.likeness import Likeness, resized
from draglab.inversion.projection import typicality
from draglab.perception import FaceDescriptor, found, identity_distance

FAITHFUL, ROUGH = 0.06, 0.15
"""LPIPS up to which an inversion shows the photo, and from which it does not."""
SAME_FACE = 0.35
"""Distance of descriptors up to which the face is the photo's."""
FOREIGN = 0.5
"""LPIPS of the projection from which the model makes nothing like the photo by itself."""
SMALL = 100
"""Height in pixels below which a photo is small."""
PLAIN = 2.0
"""Standard deviation of the pixels, in steps of 255, below which there is nothing to see in a photo."""
UNUSUAL = 1.3
"""Spread of a latent from which the model has seen little of the kind."""
_HEAT = np.array([(0, 0, 0), (80, 0, 110), (200, 40, 60), (250, 160, 20), (255, 255, 200)], np.float32)
_HOTTEST = 0.5


@dataclass(frozen=True)
class QualityReport:
    """Distances of an inversion from its photo.

    Attributes:
        lpips: LPIPS (AlexNet) at 256 px, both images with the photo's detail.
        compared: height in pixels at which the projection compares: the photo's own, at most 256.
        lpips_projection: that of the projection, before the tuning.
        lpips_enlarged: LPIPS at 256 px; where the photo has less, details that only the model has count.
        mean_absolute_error: of the pixels with the photo's detail, in steps of 255.
        identity: distance of dlib's face descriptors, both images with the photo's detail; None = dlib is not
            installed, or there was no face.
        spread: how far the latent is from the mean: about 1 for the model's own images.
        seconds: time of the inversion. projection_steps, tuning_steps: steps that were made.
        face: whether dlib finds a face in the photo's frame; None = it was not looked for, because dlib is not
            installed or because the model shows no faces.
        plain: whether the photo has one colour there.
    """

    lpips: float
    lpips_projection: float
    lpips_enlarged: float
    compared: int
    mean_absolute_error: float
    identity: float | None
    spread: float
    seconds: float
    projection_steps: int
    tuning_steps: int
    face: bool | None = None
    plain: bool = False

    @property
    def figures(self) -> str:
        """One line of figures."""
        identity = "" if self.identity is None else f", identity distance {self.identity:.2f}"
        return (
            f"LPIPS {self.lpips:.3f} (projection alone {self.lpips_projection:.3f}; compared at {self.compared} px), "
            f"mean error {self.mean_absolute_error:.1f} of 255{identity}; "
            f"{self.projection_steps} + {self.tuning_steps} steps in {self.seconds:.0f} s"
        )

    @property
    def verdict(self) -> str:
        """Sentences on whether drags will be faithful to the photo, and what would help."""
        if self.plain:
            return "The photo is of one colour in the frame: there is nothing to drag. Choose another frame."
        # Where the photo shows a face and the inversion none, there is no distance.
        other = self.identity > SAME_FACE if self.identity is not None else self.face is True
        foreign = self.lpips_projection > FOREIGN
        if self.lpips > ROUGH:
            text = (
                "The inversion does not show the photo: a drag would change another picture. "
                "Try --best, another frame, or a model that was trained on such pictures."
            )
        elif self.face is False:
            text = (
                "The inversion looks like the photo, but no frontal face is found in the frame, and the model shows "
                "faces: it was bent to the photo, and drags may tear it. Place the frame on a face, or take a model "
                "that was trained on such pictures."
            )
        elif foreign:
            text = (
                "The inversion looks like the photo, but the model by itself makes nothing like it and was bent to: "
                "drags will tear it. Try another frame, or a model that was trained on such pictures."
            )
        elif self.lpips <= FAITHFUL and not other:
            text = "The inversion shows the photo: a drag changes what you see in it."
        else:
            lost = "the face is not quite the same" if other else "small details differ"
            text = f"The inversion is near the photo, but {lost}: a drag will show that. More steps (--best) help."
        if self.compared < SMALL:
            text += (
                f" The photo has only about {self.compared} pixels there: what is finer is made up by the model, and "
                "pasting back leaves it out."
            )
        if self.spread > UNUSUAL:
            text += (
                " Its latent is far from those of the model's own images, as for a profile, a hand or hat at the face, "
                "hard shadows, or with the published scheme: drags there may look less natural."
            )
        return text


@torch.no_grad()
def measure_quality(
    generator: Generator,
    w_plus: torch.Tensor,
    likeness: Likeness,
    lpips_projection: float,
    steps: tuple[int, int],
    seconds: float,
) -> QualityReport:
    """Compare the image of a latent with the photo.

    Args:
        generator: with the tuned weights. w_plus: the pivot. steps: of projection and tuning.
    """
    image = generator.image(w_plus).clamp(-1, 1)
    made, crop = (to_uint8(likeness.as_in_photo(one))[0] for one in (image, likeness.target))
    error = float(np.abs(made.astype(np.float32) - crop).mean())
    identity = face = None
    if has_dlib():
        describe = FaceDescriptor()
        pair = describe([made, crop])
        distance = float(identity_distance(pair[0], pair[1]))
        identity = distance if np.isfinite(distance) else None
        face = bool(found(pair)[1])
        if not face and not found(describe(mean_image(generator)))[0]:
            face = None
    lpips = float(likeness.as_seen(image))
    return QualityReport(
        lpips=lpips,
        lpips_projection=lpips_projection,
        lpips_enlarged=float(likeness.enlarged(image)),
        compared=likeness.compared,
        mean_absolute_error=error,
        identity=identity,
        spread=typicality(generator, w_plus),
        seconds=seconds,
        projection_steps=steps[0],
        tuning_steps=steps[1],
        face=face,
        plain=bool(crop.std((0, 1)).max() < PLAIN),
    )


@torch.no_grad()
def heat_map(generator: Generator, w_plus: torch.Tensor, likeness: Likeness) -> NDArray[np.uint8]:
    """Return a picture of where the inversion differs, uint8 [h, w, 3]: black = alike, white = LPIPS 0.5 and more."""
    image = resized(generator.image(w_plus).clamp(-1, 1), likeness.compared)
    values = likeness.network(image, likeness.small, spatial=True)[0, 0].cpu().numpy()
    place = (values / _HOTTEST).clip(0, 1) * (len(_HEAT) - 1)
    low = np.minimum(place.astype(int), len(_HEAT) - 2)
    colours = _HEAT[low] + (_HEAT[low + 1] - _HEAT[low]) * (place - low)[..., None]
    return colours.round().astype(np.uint8)
