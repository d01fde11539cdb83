"""Pictures of a session, in the size in which they are shown."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from draglab.editor.document import Document
from draglab.editor.photo import PhotoShot
from draglab.editor.rounds import Rounds
from draglab.editor.sketch import Sketch, can_be_sketched, moving_features
from draglab.editor.start_latent import start_latent
from draglab.editor.state import Node
from draglab.errors import DraglabError
from draglab.generators import FeatureMaps, Generator, to_uint8

THUMBNAIL = 96
"""Height of the pictures in lists, pixels."""


@dataclass(frozen=True)
class Shot:
    """An image that is still to be computed, which another thread may do while the session goes on.

    Attributes:
        w_plus: [1, num_ws, w_dim]. features: maps of that latent that were computed already; None = none.
        sketch: what sketches it while it moves; None = nothing.
    """

    generator: Generator
    w_plus: Tensor
    features: FeatureMaps | None = None
    sketch: Sketch | None = None

    @torch.no_grad()
    def image(self, height: int | None = None, moving: bool = False) -> NDArray[np.uint8]:
        """Compute the image, uint8 [H, W, 3].

        Args:
            height: height in which it is shown, pixels; a smaller, quicker picture is made if it suffices. None = the
                whole image.
            moving: the next picture follows soon: sketch it, or compute it in bfloat16 if that is quicker, which
                changes pixels by 0.1 of 255 on average.
        """
        generator, features = self.generator, self.features
        if moving and self.sketch is not None:
            return self.sketch.picture(generator, self.w_plus)
        if moving and features is None:
            # The layers above go on in the precision of the lowest features.
            features = moving_features(generator, self.w_plus, generator.feature_resolutions[0])
        resolution = preview_resolution(generator, height)
        return to_uint8(generator.image(self.w_plus, features, preview_resolution=resolution))[0]


class Pictures:
    """Pictures of one session. They are uint8 [H, W, 3].

    Methods take the height in which a picture is shown, pixels: a smaller, quicker picture is made if it suffices.
    None = the whole image.
    """

    def __init__(self, document: Document, rounds: Rounds) -> None:
        self.document, self.rounds = document, rounds
        self._sketch: Sketch | None = None

    def current(self, height: int | None = None) -> NDArray[np.uint8]:
        """Compute the current image; while a round runs, that of its last step."""
        return self.current_shot().image(height)

    def original(self, height: int | None = None) -> NDArray[np.uint8]:
        """Compute the image from which the current one was dragged; of a photo, its own pixels."""
        return self.original_shot().image(height)

    def current_shot(self) -> Shot:
        """Return the current image, to be computed; while a round runs, from the features of its last step."""
        run = self.rounds.run
        if run is not None and run.last is not None:
            sketch = self._sketch
            begun_there = sketch is not None and torch.equal(sketch.w_plus, run.latent.start)
            return Shot(run.generator, run.last.w_plus, run.last.features, sketch if begun_there else None)
        return shot_of(self.document, self.document.history.node)

    def prepare(self, shot: Shot) -> None:
        """Fit a sketch to an image, so that pictures of a round that begins there are quick; for any thread."""
        there = self._sketch is not None and torch.equal(self._sketch.w_plus, shot.w_plus)
        if not there and can_be_sketched(shot.generator):
            self._sketch = Sketch.fit(shot.generator, shot.w_plus)

    def original_shot(self) -> Shot | PhotoShot:
        """Return the image from which the current one was dragged, to be computed; of a photo, its own pixels."""
        history = self.document.history
        start = history.nodes[history.node.start_id]
        if (photo := self.document.photo(history.start_of(start))) is not None:
            model = history.models[start.id]
            return PhotoShot(photo, (model.height, model.width))
        return shot_of(self.document, start)

    def heat_map(self) -> Callable[[], NDArray[np.uint8]]:
        """Return a function, for any thread, that makes a picture of where the photo's inversion differs from it.

        Raises:
            DraglabError: the session shows no photo, or its model is missing.
        """
        document, history = self.document, self.document.history
        start = history.nodes[history.node.start_id]
        photo = document.photo(history.start_of(start))
        if photo is None:
            raise DraglabError("this image is not a photo: there is nothing to compare it with")
        generator = document.generator(start)
        latent = document.latent(start.latent_id, generator)
        return lambda: photo.heat_map(generator, latent)

    def frame(self, node: int, frame: int, height: int | None = None) -> NDArray[np.uint8]:
        """Compute the image of step `frame` of a round, 0 = before the first.

        Raises:
            DraglabError: there is no such step.
        """
        return picture_of(self.document, self.document.history.get(node), frame, height)

    def of_seed(self, seed: int, truncation: float = 1.0, height: int | None = None) -> NDArray[np.uint8]:
        """Compute the image of another seed of the same model and class.

        Raises:
            DraglabError: the seed is out of range.
        """
        node = self.document.history.node
        start = self.document.history.start_of(node)
        # The model's own weights, not those that were tuned to a photo.
        tuned = start.photo is not None
        generator = self.document.generator_of(start.model) if tuned else self.document.generator(node)
        spec = replace(start, seed=seed, truncation_psi=truncation, mix=None, photo=None)
        return render(generator, start_latent(spec, generator), height)

    def thumbnail(self, picture: int) -> bytes | None:
        """Return the small picture with a number (NodeView.picture) as a PNG, cached on disk.

        A number's picture never changes. None: no entry of the history shows it, maybe not any more, as when a drag
        went on.
        """
        document = self.document
        node = next((each for each in reversed(document.history.nodes.values()) if each.latent_id == picture), None)
        if node is None:
            return None
        data = document.journal.thumbnail(document.id, picture)
        if data is None or decode_thumbnail(data) is None:
            data = encode_thumbnail(picture_of(document, node, height=THUMBNAIL))
            if node.round is None or node.round.end is not None:
                document.journal.keep_thumbnail(document.id, picture, data)
        return data


def shot_of(document: Document, node: Node, frame: int | None = None) -> Shot:
    """Return the image of a node, or of a frame of a round, 0 = before the first step, to be computed."""
    generator = document.generator(node)
    return Shot(generator, document.latent(document.latent_of(node, frame), generator))


def picture_of(
    document: Document, node: Node, frame: int | None = None, height: int | None = None
) -> NDArray[np.uint8]:
    """Compute the image of a node, or of a frame of a round, 0 = before the first step; see :meth:`Shot.image`."""
    return shot_of(document, node, frame).image(height)


def preview_resolution(generator: Generator, height: int | None) -> int | None:
    """Return the height of the smallest preview of at least this height; None = only the whole image is as high."""
    if height is None:
        return None
    return min(
        (each for each in generator.feature_resolutions if height <= each < generator.img_resolution), default=None
    )


def render(generator: Generator, w_plus: Tensor, height: int | None = None) -> NDArray[np.uint8]:
    """Render the image of one latent [1, num_ws, w_dim]; see :meth:`Shot.image`."""
    return Shot(generator, w_plus).image(height)


def encode_thumbnail(picture: NDArray[np.uint8]) -> bytes:
    """Scale a picture down to the height of thumbnails and encode it as a PNG."""
    height, width = picture.shape[:2]
    size = (max(round(width * THUMBNAIL / height), 1), THUMBNAIL)
    buffer = io.BytesIO()
    Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS).save(buffer, format="PNG")
    return buffer.getvalue()


def decode_thumbnail(data: bytes) -> NDArray[np.uint8] | None:
    """Decode the bytes from :func:`encode_thumbnail` to uint8 [H, W, 3]; None if they are damaged."""
    try:
        picture = Image.open(io.BytesIO(data), formats=["PNG"])
        if picture.height != THUMBNAIL or picture.width > 100 * THUMBNAIL or picture.mode != "RGB":
            return None
        return np.asarray(picture)
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, OverflowError):
        return None
