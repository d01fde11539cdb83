"""A whole inversion, step by step: projection, then pivotal tuning."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.errors import DraglabError
from draglab.generators import Generator, to_uint8
from draglab.inversion.differences import WeightDifferences
from draglab.inversion.faces import find_frame
from draglab.inversion.framing import Frame, cut
from draglab.inversion.inverted_photo import InvertedPhoto
from draglab.inversion.likeness import Likeness
from draglab.inversion.photo_file import pixel_hash
from draglab.inversion.projection import Projection
from draglab.inversion.reading import read_photo
from draglab.inversion.report import measure_quality
from draglab.inversion.settings import InversionSettings
from draglab.inversion.tuning import Tuning

Stage = Literal["projection", "tuning"]
TUNING_COST = 1.4
"""Time of a step of the tuning relative to one of the projection, before the first is made."""


@dataclass(frozen=True)
class InversionStep:
    """One step.

    Attributes:
        index, total: number of steps made in the stage, and the most there will be. lpips: before the step.
        seconds_left: estimate of the time that is left.
    """

    stage: Stage
    index: int
    total: int
    lpips: float
    seconds_left: float


class Inversion:
    """The inversion of a photo: iterate over it to run it.

        inversion = Inversion(generator, pixels, frame)
        for step in inversion:
            ...              # call inversion.stop() to end after this step
        photo = inversion.photo()

    Args:
        generator: the model; its weights stay as they are.
        pixels: the photo, uint8 [H, W, 3].
        frame: the part of the photo that the model is to show; None = the largest face (:func:`find_frame`).
        settings: None = the defaults.
        model_name: name by which the model is loaded again; None = the generator's.

    Raises:
        DraglabError: the frame does not fit the photo, or there is no face.
    """

    def __init__(
        self,
        generator: Generator,
        pixels: NDArray[np.uint8],
        frame: Frame | None = None,
        settings: InversionSettings | None = None,
        model_name: str | None = None,
    ):
        if generator.img_channels != 3:
            raise DraglabError("photos need a model of colour images")
        self.generator, self.pixels = generator, pixels
        self.settings = settings or InversionSettings()
        self.model_name = generator.name if model_name is None else model_name
        self.frame = (find_frame(pixels, generator) if frame is None else frame).checked(pixels.shape[:2])
        crop = cut(pixels, self.frame, generator.img_shape)
        self.likeness = Likeness(generator, crop, self.frame.size if self.settings.own_resolution else None)
        self.projection = Projection(generator, self.likeness, self.settings)
        self.tuning: Tuning | None = None
        self._stop = False
        self._seconds = 0.0

    def stop(self) -> None:
        """End after the current step and keep the best so far."""
        self._stop = True

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stop

    def __iter__(self) -> Iterator[InversionStep]:
        settings, projection = self.settings, self.projection
        if self.tuning is None:
            while projection.done < settings.projection_steps and not self._stop:
                tick = time.perf_counter()
                lpips = projection.step()
                cost = self._spent(tick)
                left = settings.projection_steps - projection.done + TUNING_COST * settings.tuning_steps
                yield InversionStep("projection", projection.done, settings.projection_steps, lpips, cost * left)
            if self._stop:
                return
            projection.finish()
            self.tuning = Tuning(self.generator, self.likeness, settings, projection.best)
        tuning = self.tuning
        while tuning.done < settings.tuning_steps and not tuning.enough and not self._stop:
            tick = time.perf_counter()
            lpips = tuning.step()
            left = 0 if tuning.enough else settings.tuning_steps - tuning.done
            yield InversionStep("tuning", tuning.done, settings.tuning_steps, lpips, self._spent(tick) * left)

    def _spent(self, tick: float) -> float:
        """Add the time since `tick` to the whole; return it."""
        spent = time.perf_counter() - tick
        self._seconds += spent
        return spent

    def preview(self) -> NDArray[np.uint8] | None:
        """Return the image of the last step, uint8 [h, w, 3], maybe smaller than the model's; None before the first."""
        shown = self.projection.shown if self.tuning is None or self.tuning.shown is None else self.tuning.shown
        return None if shown is None else to_uint8(shown)[0]

    def photo(self) -> InvertedPhoto:
        """Return the result so far, with its report. Take :meth:`state` before, if the inversion is to go on later."""
        projection, tuning = self.projection, self.tuning
        if tuning is None:
            projection.finish()
            tuning = Tuning(self.generator, self.likeness, self.settings, projection.best)
        if tuning.done:
            tick = time.perf_counter()
            tuning.finish()
            self._spent(tick)
        differences = WeightDifferences.between(self.generator, tuning.generator)
        # As it will be read from a file.
        generator = differences.applied(self.generator)
        generator.name = self.generator.name
        steps = projection.done, tuning.done
        with torch.no_grad():
            projected = float(self.likeness.as_seen(self.generator.image(tuning.pivot)))
        report = measure_quality(generator, tuning.pivot, self.likeness, projected, steps, self._seconds)
        return InvertedPhoto(
            generator,
            tuning.pivot,
            self.pixels,
            self.frame,
            report,
            differences,
            self.model_name,
            self.generator.sha256,
        )

    def identity(self) -> dict[str, str]:
        """Return what a stored state must agree with: the photo, its frame, the model, the settings."""
        return {
            "photo": pixel_hash(self.pixels),
            "frame": repr(self.frame),
            "model": self.generator.sha256,
            "settings": repr(self.settings),
        }

    def state(self) -> dict[str, Tensor]:
        """Return tensors from which :meth:`restore` goes on."""
        kept = {f"projection.{name}": tensor for name, tensor in self.projection.state().items()}
        if self.tuning is not None:
            kept |= {f"tuning.{name}": tensor for name, tensor in self.tuning.state().items()}
        return kept | {"seconds": torch.tensor(self._seconds)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state of the same photo, model and settings (:meth:`identity`).

        Raises:
            KeyError, RuntimeError: it is another one's.
        """
        parts: dict[str, dict[str, Tensor]] = {"projection": {}, "tuning": {}}
        for name, tensor in state.items():
            part, _, rest = name.partition(".")
            parts.get(part, {})[rest] = tensor
        self.projection.restore(parts["projection"])
        if parts["tuning"]:
            pivot = parts["tuning"]["pivot"].to(self.generator.w_avg)
            self.tuning = Tuning(self.generator, self.likeness, self.settings, pivot)
            self.tuning.restore(parts["tuning"])
        self._seconds = float(state["seconds"])


def invert(
    generator: Generator,
    photo: str | os.PathLike[str] | NDArray[np.uint8],
    frame: Frame | None = None,
    settings: InversionSettings | None = None,
    progress: Callable[[InversionStep], None] | None = None,
) -> InvertedPhoto:
    """Bring a photo into a model: find its latent and tune a copy of the model until it shows the photo.

    Args:
        generator: the model; its weights stay as they are.
        photo: a file, or its pixels, uint8 [H, W, 3].
        frame: the part of the photo that the model is to show; None = the largest face.
        settings: None = the defaults; see also :meth:`InversionSettings.fast`, ``best`` and ``pti``.
        progress: called after every step.

    Returns:
        the photo with the tuned generator, which drags like any other.

    Raises:
        DraglabError: the photo cannot be read, shows no face, or does not fit the frame.
    """
    pixels = photo if isinstance(photo, np.ndarray) else read_photo(photo).pixels
    inversion = Inversion(generator, pixels, frame, settings)
    for step in inversion:
        if progress is not None:
            progress(step)
    return inversion.photo()
