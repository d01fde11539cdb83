"""Photos for tests: pictures that a program draws, as files."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.inversion.pictures import smooth_picture


def photo(height: int = 60, width: int = 80, kind: str = "PNG", seed: int = 0) -> bytes:
    """The file of a picture of slow waves of colour."""
    buffer = io.BytesIO()
    Image.fromarray(smooth_picture(height, width, seed)).save(buffer, format=kind)
    return buffer.getvalue()


def pixels(data: bytes) -> NDArray[np.uint8]:
    """Decode a picture, uint8 [H, W, 3]."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
