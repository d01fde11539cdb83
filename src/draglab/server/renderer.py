"""Images that programs ask for: of seeds, and of the results of drags. Used on the worker's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from draglab.errors import DraglabError
from draglab.media.provenance.origin import Origin, generated
from draglab.server.api_photos import FinishedPhoto
from draglab.server.drag_messages import GenerateRequest
from draglab.server.drags import Result
from draglab.server.library import Library
from draglab.server.loaded_models import LoadedModels

if TYPE_CHECKING:
    from torch import Tensor

    from draglab.editor.document import Source
    from draglab.generators import Generator


class Renderer:
    """Makes images with the models in memory; what needs another model waits for it (NotYet)."""

    def __init__(self, library: Library, loaded: LoadedModels) -> None:
        self._library = library
        self._generator_of = loaded.get

    def generate(self, request: GenerateRequest) -> tuple[NDArray[np.uint8], Origin]:
        """Compute the image of a seed, uint8 [H, W, 3], and return it with what its file says.

        Raises:
            DraglabError: there is no such model, or the start does not fit it.
        """
        model = request.model or self._library.default
        generator = self._generator_of(model)
        start = request.start
        c = start.class_index if start.class_vector is None else start.class_vector
        w_plus = generator.w_plus_from_seed(start.seed, start.truncation_psi, start.truncation_cutoff, c)
        return _image(generator, w_plus), generated(model, generator.sha256, start.seed)

    def result(self, source: Source, result: Result) -> NDArray[np.uint8]:
        """Compute the image of the result of a drag with this model or photo, uint8 [H, W, 3].

        Raises:
            DraglabError: the model or photo is no longer here.
        """
        generator = self._generator_of(source)
        if not generator.sha256 or generator.sha256 not in result.edit:
            raise DraglabError("the model was replaced by another since: send the drag again")
        return _image(generator, _latent(result.w_plus))

    def photo(self, photo: FinishedPhoto) -> NDArray[np.uint8]:
        """Compute the image of a photo before any drag, uint8 [H, W, 3].

        Raises:
            DraglabError: the photo is no longer here.
        """
        return _image(self._generator_of(photo.stored), _latent(photo.start.array()))


def _latent(w_plus: NDArray[np.float32]) -> Tensor:
    """Return a latent [num_ws, w_dim] as a tensor [1, num_ws, w_dim]."""
    import torch

    return torch.from_numpy(w_plus)[None]


def _image(generator: Generator, w_plus: Tensor) -> NDArray[np.uint8]:
    """Compute the image of one latent [1, num_ws, w_dim]."""
    import torch

    from draglab.generators import to_uint8

    with torch.no_grad():
        return to_uint8(generator.image(w_plus.to(generator.device, generator.dtype)))[0]
