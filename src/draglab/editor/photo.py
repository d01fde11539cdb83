"""Photos as starts of sessions: their files beside the journal, and what the history says of them."""

from __future__ import annotations

from collections.abc import Generator as Steps
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.inversion.framing import Frame, cut
from draglab.inversion.likeness import Likeness
from draglab.inversion.pasting import paste_back
from draglab.inversion.photo_file import SUFFIX, read_photo_file
from draglab.inversion.report import heat_map
from draglab.inversion.stitching import STEPS, stitch_steps

if TYPE_CHECKING:
    from torch import Tensor

    from draglab.generators import Generator
    from draglab.inversion.photo_file import PhotoContent
    from draglab.inversion.report import QualityReport

PHOTOS = "photos"
"""Folder of the photos, within a journal's folder."""
PhotoKind = Literal["png", "jpg", "webp"]


@dataclass(frozen=True)
class PhotoStart:
    """A photo from which an edit starts.

    Attributes:
        file: name of its file in the folder of photos, without the suffix: letters and digits.
        name: name for people and for exported files. kind: format of the photo as it was opened, or the next best.
        width, height: size of the whole photo, pixels.
        figures, verdict: how near the inversion is, see QualityReport.
    """

    file: str
    name: str
    kind: PhotoKind
    width: int
    height: int
    figures: str
    verdict: str

    @classmethod
    def of(cls, file: str, name: str, kind: PhotoKind, size: tuple[int, int], quality: QualityReport) -> PhotoStart:
        """Describe a photo of `size` (height, width). What the verdict says of options is said as the page does."""
        verdict = quality.verdict.replace("--best", "Best")
        return cls(file, name, kind, size[1], size[0], quality.figures, verdict)

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None) -> PhotoStart | None:
        """Restore from the values that ``dataclasses.asdict`` returns; None stays None."""
        return None if values is None else cls(**values)


@dataclass(frozen=True)
class StoredPhoto:
    """An inverted photo's file (inversion/photo_file.py), which never changes.

    Attributes:
        model: name under which its model is known here.
    """

    path: Path
    model: str

    @property
    def key(self) -> str:
        """Name of the tuned generator, beside those of models."""
        return f"photo {self.path.stem}"

    def content(self) -> PhotoContent:
        """Read the file; the photo in it is not decoded.

        Raises:
            DraglabError: it is missing or damaged.
        """
        if not self.path.is_file():
            raise DraglabError("the photo's file is no longer there: open the photo itself again")
        try:
            return read_photo_file(self.path)
        except DraglabError as error:
            # Where it is on this machine is nobody's business.
            raise DraglabError(str(error).replace(str(self.path), "the photo's file")) from None

    def crop(self, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the framed part of the photo, uint8 [h, w, 3], of `shape` (height, width).

        Raises:
            DraglabError: the file is missing or damaged.
        """
        return _crop(self, shape)

    def paste(self, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Put an edit back into the whole photo; see :func:`draglab.inversion.paste_back`.

        Raises:
            DraglabError: the file is missing or damaged.
        """
        content = self.content()
        return paste_back(content.pixels(self.path.parent), Frame(**content.info.frame.model_dump()), before, after)

    def stitch(self, generator: Generator, before: NDArray[np.uint8], w_plus: Tensor) -> Steps[float, None, NDArray]:
        """Put an edit back and tune a copy of the model until the two fit, in steps.

        See :func:`draglab.inversion.stitching.stitch_steps`. Yields the share of the steps that are made.

        Args:
            generator: with the tuned weights. before: its image before the edit. w_plus: the edit's latent.

        Raises:
            DraglabError: the file is missing or damaged.
        """
        content = self.content()
        pixels, frame = content.pixels(self.path.parent), Frame(**content.info.frame.model_dump())
        work = stitch_steps(generator, pixels, frame, before, w_plus)
        while True:
            try:
                yield next(work) / STEPS
            except StopIteration as end:
                return end.value

    def heat_map(self, generator: Generator, w_plus: Tensor) -> NDArray[np.uint8]:
        """Return a picture of where the inversion differs from the photo; see :mod:`draglab.inversion.report`.

        Args:
            generator: with the tuned weights. w_plus: [1, num_ws, w_dim], the photo's latent.
        """
        size = self.content().info.frame.size
        return heat_map(generator, w_plus, Likeness(generator, self.crop(generator.img_shape), size))


@dataclass(frozen=True)
class PhotoShot:
    """The framed part of a photo, still to be read; as :class:`draglab.editor.pictures.Shot`."""

    photo: StoredPhoto
    shape: tuple[int, int]

    def image(self, height: int | None = None) -> NDArray[np.uint8]:
        """Return it in the model's size, uint8 [h, w, 3]."""
        return self.photo.crop(self.shape)


def photo_path(folder: Path, file: str) -> Path:
    """Return the path of a photo's file, given the journal's folder."""
    return folder / PHOTOS / f"{file}{SUFFIX}"


@lru_cache(maxsize=4)
def _crop(photo: StoredPhoto, shape: tuple[int, int]) -> NDArray[np.uint8]:
    content = photo.content()
    return cut(content.pixels(photo.path.parent), Frame(**content.info.frame.model_dump()), shape)
