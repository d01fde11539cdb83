"""A photo in a model: what an inversion results in, and what its file holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from draglab.checkpoints import load_generator
from draglab.errors import DraglabError
from draglab.generators import Generator, to_uint8
from draglab.inversion.differences import WeightDifferences
from draglab.inversion.framing import Frame, cut
from draglab.inversion.likeness import Likeness
from draglab.inversion.pasting import paste_back
from draglab.inversion.photo_file import (
    FrameInfo,
    PhotoContent,
    PhotoInfo,
    QualityInfo,
    as_png,
    pixel_hash,
    read_photo_file,
    write_photo,
)
from draglab.inversion.report import QualityReport, heat_map
from draglab.inversion.stitching import STEPS, stitch_steps


@dataclass(frozen=True, eq=False)
class InvertedPhoto:
    """A photo in a model.

        photo = draglab.load_photo("photo.draglab")
        result = draglab.drag(photo.generator, photo.w_plus, edit)
        whole = photo.paste(result.image())

    Attributes:
        generator: a copy of the model, tuned to the photo. w_plus: [1, num_ws, w_dim], the photo's latent.
        pixels: the whole photo, uint8 [H, W, 3]. frame: the part of it that the model shows.
        quality: how near the inversion is to the photo.
        differences: of the tuned weights from the model's. model_name: the model's name; model_sha256: its hash.
    """

    generator: Generator
    w_plus: Tensor
    pixels: NDArray[np.uint8]
    frame: Frame
    quality: QualityReport
    differences: WeightDifferences
    model_name: str
    model_sha256: str

    @torch.no_grad()
    def image(self) -> NDArray[np.uint8]:
        """Compute what the model shows before any edit, uint8 [h, w, 3]."""
        return to_uint8(self.generator.image(self.w_plus))[0]

    def crop(self) -> NDArray[np.uint8]:
        """Return the framed part of the photo at the model's size, uint8 [h, w, 3]."""
        return cut(self.pixels, self.frame, self.generator.img_shape)

    def heat_map(self) -> NDArray[np.uint8]:
        """Return a picture of where the inversion differs from the photo; see :func:`heat_map`."""
        return heat_map(self.generator, self.w_plus, Likeness(self.generator, self.crop(), self.frame.size))

    def paste(self, edited: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Put an edited image of the model back into the photo; see :func:`paste_back`.

        Args:
            edited: uint8 [h, w, 3], of the model's size.

        Returns:
            uint8 [H, W, 3]; the photo's own pixels wherever the edit changed nothing.
        """
        return paste_back(self.pixels, self.frame, self.image(), edited)

    def stitch(
        self, w_plus: Tensor, steps: int = STEPS, progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.uint8]:
        """Put an edit back into the photo, and tune the model until the two fit where they meet.

        See :func:`draglab.inversion.stitching.stitch_steps`.

        Args:
            w_plus: the edit's latent, [1, num_ws, w_dim]. progress: called with the number of steps made, and of all.

        Returns:
            uint8 [H, W, 3]; the photo's own pixels wherever the edit changed nothing.
        """
        work = stitch_steps(self.generator, self.pixels, self.frame, self.image(), w_plus, steps)
        while True:
            try:
                done = next(work)
            except StopIteration as end:
                return end.value
            if progress is not None and done:
                progress(done, steps)

    def save(self, path: str | os.PathLike[str], reference: str | os.PathLike[str] | None = None) -> None:
        """Write one file with the latent, the tuned weights, the frame and the photo.

        Args:
            path: should end in .draglab.
            reference: path of the photo that the file names, in place of the photo's pixels. A relative one is taken
                from the file's folder.

        Raises:
            DraglabError: the file cannot be written.
        """
        info = PhotoInfo(
            model_name=self.model_name,
            model_sha256=self.model_sha256,
            frame=FrameInfo(**asdict(self.frame)),
            quality=QualityInfo(**asdict(self.quality)),
            photo_path=None if reference is None else os.fspath(reference),
            photo_size=(self.pixels.shape[0], self.pixels.shape[1]),
            photo_sha256=pixel_hash(self.pixels),
        )
        png = as_png(self.pixels) if reference is None else None
        write_photo(Path(path), PhotoContent(info, self.w_plus[0], self.differences, png))


def load_photo(
    path: str | os.PathLike[str],
    device: str | torch.device | None = None,
    model: str | Path | Generator | None = None,
) -> InvertedPhoto:
    """Load an inverted photo, and the model that it was inverted into.

    Args:
        path: a file of :meth:`InvertedPhoto.save`; nothing in it is ever run.
        device: as for :func:`draglab.load_generator`.
        model: the model, or where it is; None = the name in the file.

    Raises:
        DraglabError: no such file, damaged, or the model is not here or another one.
    """
    path = Path(path)
    content = read_photo_file(path)
    info = content.info
    original = model if isinstance(model, Generator) else load_generator(model or info.model_name, device=device)
    generator = tuned_generator(content, original, str(path))
    pixels = content.pixels(path.parent)
    frame = Frame(**info.frame.model_dump()).checked((pixels.shape[0], pixels.shape[1]))
    quality = QualityReport(**info.quality.model_dump())
    w_plus = content.w_plus[None].to(original.w_avg)
    return InvertedPhoto(
        generator, w_plus, pixels, frame, quality, content.differences, info.model_name, info.model_sha256
    )


def open_model_or_photo(
    name: str, device: str | None, model: str | None = None
) -> tuple[Generator, InvertedPhoto | None]:
    """Load what an edit is made with: a model, or an inverted photo with its own.

    Args:
        name: name of a model, or the file of either. model: where the photo's model is; None = by the photo's file.

    Raises:
        DraglabError: there is no such model or file.
    """
    if not name.lower().endswith(".draglab"):
        return load_generator(name, device=device), None
    photo = load_photo(name, device=device, model=model)
    return photo.generator, photo


def tuned_generator(content: PhotoContent, original: Generator, name: str) -> Generator:
    """Return the copy of a model that was tuned to the photo of a file; the photo is not decoded.

    Args:
        original: the model; it stays as it is. name: what messages call the file.

    Raises:
        DraglabError: it is another model than the file's, or the file is damaged.
    """
    info = content.info
    if original.sha256 != info.model_sha256:
        raise DraglabError(
            f"{name} was made with another model {info.model_name} (SHA-256 {info.model_sha256[:8]}..., this one is "
            f"{original.sha256[:8]}...); give the model it was made with"
        )
    original.check_w_plus(content.w_plus[None].to(original.w_avg))
    return content.differences.applied(original)
