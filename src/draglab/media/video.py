"""Videos, frame by frame: MP4 (H.264) through PyAV, GIF through Pillow."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from draglab.errors import DraglabError
from draglab.files import write_atomically, write_error
from draglab.media.images import as_rgb, enlarge
from draglab.media.provenance.containers import add_xmp, xmp_box
from draglab.media.provenance.credentials import seal_file
from draglab.media.provenance.mark import marked
from draglab.media.provenance.origin import Origin
from draglab.media.provenance.xmp import packet_of

_CODEC = "libx264"


class FrameSink(Protocol):
    """Receiver of a video's frames, from :func:`open_video`."""

    def add(self, frame: NDArray[np.uint8], repeat: int = 1) -> None:
        """Append a frame, uint8 [H, W, 3], ``repeat`` times. All frames have the first one's size."""
        ...


def check_video_support(path: str | os.PathLike[str]) -> None:
    """Find out before a long computation whether a video with this suffix can be written.

    Raises:
        DraglabError: unknown suffix; for .mp4, PyAV or its H.264 encoder is missing.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".mp4":
        _import_av(Path(path))
    elif suffix != ".gif":
        raise DraglabError(f"cannot write {path}: unknown video suffix {suffix!r}; use .mp4 or .gif")


@contextmanager
def open_video(path: str | os.PathLike[str], origin: Origin, fps: int = 20, sealed: bool = True) -> Iterator[FrameSink]:
    """Write a video that says how it was made; it appears under its name only when the block ends well.

    Images smaller than 512 pixels are enlarged by a whole factor, odd sizes get one more row or column.

    Args:
        path: suffix .mp4 or .gif.
        origin: what the file says, as XMP with IPTC's digital source type and as a comment.
        fps: frames a second, 1 to 50.
        sealed: see :func:`draglab.media.images.encode_image`.

    Raises:
        DraglabError: as :func:`check_video_support`; the file cannot be written or signed; no frame was added.
    """
    check_video_support(path)
    path = Path(path)
    with write_atomically(path) as temporary:
        make = _Mp4Writer if path.suffix.lower() == ".mp4" else _GifWriter
        sink = make(path, temporary, origin, fps)
        try:
            yield sink
        except BaseException:
            sink.abandon()
            raise
        sink.close()
        if sealed:
            seal_file(temporary)


def _import_av(path: Path) -> Any:
    try:
        import av
        import av.error
    except ImportError:
        raise DraglabError(
            f"cannot write {path}: MP4 needs PyAV; run `pip install av`, or give a name that ends in .gif"
        ) from None
    if _CODEC not in av.codecs_available:
        raise DraglabError(
            f"cannot write {path}: this PyAV has no H.264 encoder ({_CODEC}); "
            "run `pip install --force-reinstall av`, or give a name that ends in .gif"
        )
    return av


class _Mp4Writer:
    """Writer of MP4: H.264, yuv420p with BT.709 colours, which browsers and phones play."""

    def __init__(self, path: Path, temporary: Path, origin: Origin, fps: int) -> None:
        self._av = _import_av(path)
        self._path = path
        self._temporary = temporary
        self._origin = origin
        self._fps = fps
        self._container: Any = None
        self._stream: Any = None
        self._count = 0

    def add(self, frame: NDArray[np.uint8], repeat: int = 1) -> None:
        frame = _even(_prepared(frame, self._origin))
        try:
            container = self._container or self._open(*frame.shape[:2])
            picture = self._av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            picture.time_base = Fraction(1, self._fps)
            for _ in range(repeat):
                picture.pts = self._count
                self._count += 1
                for packet in self._stream.encode(picture):
                    container.mux(packet)
        except self._av.error.FFmpegError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        if self._container is None:
            raise DraglabError(f"cannot write {self._path}: there are no frames")
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
            self._container.close()
        except self._av.error.FFmpegError as error:
            raise self._failed(error) from error
        with self._temporary.open("ab") as file:
            file.write(xmp_box(packet_of(self._origin)))

    def abandon(self) -> None:
        if self._container is not None:
            # The file is about to be removed, so an error while finishing it does not matter.
            with suppress(self._av.error.FFmpegError):
                self._container.close()

    def _open(self, height: int, width: int) -> Any:
        # Given by name, not as an open file: moving the index to the front (faststart) reads the file again.
        self._container = self._av.open(
            str(self._temporary), mode="w", format="mp4", options={"movflags": "+faststart"}
        )
        self._container.metadata["comment"] = self._origin.description
        stream = self._container.add_stream(_CODEC, rate=self._fps, options={"crf": "17", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        # Untagged, players guess the colour matrix from the size. 1 is BT.709 in each of these; range 1 is 16 to 235.
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        self._stream = stream
        return self._container

    def _failed(self, error: Any) -> DraglabError:
        return write_error(self._path, OSError(error.errno, error.strerror or str(error)))


class _GifWriter:
    """Writer of GIF: keeps the frames, with 256 colours each, and writes them all at the end."""

    def __init__(self, path: Path, temporary: Path, origin: Origin, fps: int) -> None:
        self._path = path
        self._temporary = temporary
        self._origin = origin
        # The format's unit is 1/100 s; browsers slow down frames of less than two of them.
        self._duration = max(round(100 / fps), 2) * 10
        self._frames: list[Image.Image] = []
        self._durations: list[int] = []

    def add(self, frame: NDArray[np.uint8], repeat: int = 1) -> None:
        picture = Image.fromarray(_prepared(frame, self._origin))
        self._frames.append(picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG))
        self._durations.append(self._duration * repeat)

    def close(self) -> None:
        if not self._frames:
            raise DraglabError(f"cannot write {self._path}: there are no frames")
        buffer = io.BytesIO()
        self._frames[0].save(
            buffer,
            format="GIF",
            save_all=True,
            append_images=self._frames[1:],
            duration=self._durations,
            loop=0,
            comment=self._origin.description.encode("ascii", "replace"),
        )
        self._temporary.write_bytes(add_xmp(buffer.getvalue(), packet_of(self._origin)))

    def abandon(self) -> None:
        self._frames.clear()


def _prepared(frame: NDArray[np.uint8], origin: Origin) -> NDArray[np.uint8]:
    """Return a frame as it is written: enlarged and, if wanted, with a visible mark."""
    return marked(enlarge(frame), origin)


def _even(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last row or column where a side is odd: yuv420p needs even sides."""
    height, width = as_rgb(frame).shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
