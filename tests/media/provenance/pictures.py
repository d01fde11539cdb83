"""Small pictures and films in every kind of file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from draglab.media.images import save_image
from draglab.media.provenance.origin import Origin
from draglab.media.video import FrameSink, open_video

KINDS = ["a.png", "a.jpg", "a.webp", "a.gif", "a.mp4"]


def picture(height: int = 40, width: int = 50) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 2, y * 2, x + y], axis=-1).astype(np.uint8)


def film(sink: FrameSink) -> None:
    for shift in (0, 5, 9):
        sink.add(np.roll(picture(), shift, axis=1))


def written(path: Path, origin: Origin) -> bytes:
    """Write a picture or film, and return the file."""
    if path.suffix in (".gif", ".mp4"):
        with open_video(path, origin) as sink:
            film(sink)
    else:
        save_image(path, picture(), origin)
    return path.read_bytes()
