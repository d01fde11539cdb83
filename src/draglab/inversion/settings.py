"""Settings of an inversion, and the presets."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from draglab.errors import DraglabError


@dataclass(frozen=True)
class InversionSettings:
    """Settings of an inversion; the defaults are draglab's own (docs/photos.md says why).

    Attributes:
        own_resolution: whether the photo is compared at its own resolution; False = at 256 px even if it is smaller.
        projection_steps: steps that look for the latent.
        natural: whether steps of the latent are measured in standard deviations of the model's latents, in each
            direction; False = each coordinate by itself, in absolute units, as published.
        projection_step: largest step of Adam, in those units.
        ramp_up, ramp_down: shares of the projection in which steps grow from 0 and shrink to 0.
        latent_noise: noise added to the latent, relative to the spread of w; it fades over the first three quarters.
        own_layers: share of the projection after which every layer has its own latent (W+); 1 = never.
        layer_pull: weight of the mean square by which the layers' latents differ from the common one, in those units.
        pixel_weight: weight of the mean squared difference of the pixels, in [-1, 1], beside LPIPS; projection.
        tuning_steps: steps that tune the weights.
        tuning_step: largest step of Adam; of each tensor, relative to the spread of its values.
        tuning_absolute: whether `tuning_step` is absolute instead, as published.
        tune_styles: whether the weights that make styles of latents learn, too, as published. Without, styles follow
            the latent as the model's own do, and only their constant parts learn.
        tune_finer: whether layers finer than the photo learn, too, as published. The photo cannot tell them anything,
            and what they make of its coarser details is a grid.
        tuning_pixel_weight: as `pixel_weight`.
        detail_weight: weight of the LPIPS of a random part at full resolution, another one in each step of the tuning;
            only for photos that are sharper than what LPIPS sees otherwise.
        enough: LPIPS at which the tuning ends early.
        locality: weight of what other images change by the tuning, LPIPS and mean square each; 0 = they may.
        locality_distance: distance from the pivot at which other latents are drawn, in absolute units.
        seed: seed of all random numbers.
    """

    own_resolution: bool = True
    projection_steps: int = 45
    natural: bool = True
    projection_step: float = 0.07
    ramp_up: float = 0.1
    ramp_down: float = 0.4
    latent_noise: float = 0.0
    own_layers: float = 1.0
    layer_pull: float = 0.02
    pixel_weight: float = 0.2
    tuning_steps: int = 40
    tuning_step: float = 0.003
    tuning_absolute: bool = False
    tune_styles: bool = False
    tune_finer: bool = False
    tuning_pixel_weight: float = 1.0
    detail_weight: float = 0.5
    enough: float = 0.03
    locality: float = 0.0
    locality_distance: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool):
                continue
            if not 0 <= value < 1e6 or (isinstance(field.default, int) and not isinstance(value, int)):
                raise DraglabError(f"{field.name} is {value}: give a number of at least 0")
        if self.own_layers > 1 or self.ramp_up > 1 or self.ramp_down > 1:
            raise DraglabError("own_layers, ramp_up and ramp_down are shares: give at most 1")

    @classmethod
    def fast(cls, **changes: Any) -> InversionSettings:
        """Return settings with half of the steps: for a first look."""
        return replace(cls(projection_steps=25, tuning_steps=20, enough=0.08), **changes)

    @classmethod
    def best(cls, **changes: Any) -> InversionSettings:
        """Return settings that go nearer to the photo."""
        return replace(cls(projection_steps=120, tuning_steps=80, enough=0.01), **changes)

    @classmethod
    def pti(cls, **changes: Any) -> InversionSettings:
        """Return the published scheme (Roich et al. 2021, "Pivotal Tuning for Latent-based Editing of Real Images").

        Two things differ: the projection's LPIPS is AlexNet's, which is bundled, instead of VGG16's; and the noise maps
        stay as they are, where the published scheme fits them, only to throw them away.
        """
        published = cls(
            own_resolution=False, projection_steps=450, natural=False, projection_step=0.01,
            ramp_up=0.05, ramp_down=0.25, latent_noise=0.05, own_layers=1.0, pixel_weight=0.0,
            tuning_steps=350, tuning_step=3e-4, tuning_absolute=True, tune_styles=True, tune_finer=True,
            detail_weight=0.0, enough=0.06,
        )  # fmt: skip
        return replace(published, **changes)
