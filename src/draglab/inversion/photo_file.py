"""Files *.draglab: an inverted photo in one safetensors container with JSON in its header; nothing in it is ever run.

Tensors: `w_plus` [num_ws, w_dim] float32, `difference.NAME` float16 for every weight that was tuned, `photo` uint8 [n],
the bytes of a PNG, unless the photo is only referred to.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from draglab.errors import DraglabError
from draglab.files import read_bytes, write_atomically
from draglab.inversion.differences import WeightDifferences
from draglab.inversion.reading import decode_photo, read_photo
from draglab.problems import first_problem

FORMAT = "draglab-photo"
VERSION = 1
SUFFIX = ".draglab"
SIZE_LIMIT = 1 << 30
"""Largest size of a file in bytes."""
HEADER_LIMIT = 1 << 20
"""Largest size of a file's header in bytes; checked before it is parsed."""
MAX_TENSORS = 10_000
_PREFIX = "difference."

Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True)


class FrameInfo(_Strict):
    """The crop's place in the photo, see :class:`Frame`."""

    x: Finite
    y: Finite
    size: Finite
    angle: Finite


class QualityInfo(_Strict):
    """How near the inversion is to the photo, see :class:`draglab.inversion.report.QualityReport`."""

    lpips: Finite
    lpips_projection: Finite
    lpips_enlarged: Finite
    compared: int = Field(ge=1)
    mean_absolute_error: Finite
    identity: Finite | None = None
    spread: Finite
    seconds: Finite
    projection_steps: int = Field(ge=0)
    tuning_steps: int = Field(ge=0)
    face: bool | None = None
    plain: bool = False


class PhotoInfo(_Strict):
    """Everything in a file but its tensors."""

    model_name: str = Field(min_length=1, max_length=4096)
    model_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    frame: FrameInfo
    quality: QualityInfo
    scales: dict[str, Finite] = Field(default_factory=dict, max_length=MAX_TENSORS)
    photo_path: str | None = Field(default=None, max_length=4096)
    """Where the photo is, if it is only referred to."""
    photo_size: tuple[int, int]
    """(height, width) in pixels."""
    photo_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the photo's pixels, uint8 RGB row by row."""


@dataclass(frozen=True)
class PhotoContent:
    """Content of a file, checked; the photo is not decoded yet.

    Attributes:
        w_plus: [num_ws, w_dim] float32. photo: bytes of a PNG; None = it is only referred to.
    """

    info: PhotoInfo
    w_plus: Tensor
    differences: WeightDifferences
    photo: bytes | None

    def pixels(self, folder: Path) -> NDArray[np.uint8]:
        """Decode the photo.

        Args:
            folder: folder of the file, from which a relative path of the photo starts.

        Raises:
            DraglabError: it is damaged, or missing, or has changed.
        """
        if self.photo is not None:
            pixels = decode_photo(self.photo, "the photo in the file").pixels
        else:
            path = folder / str(self.info.photo_path)
            if not path.is_file():
                raise DraglabError(f"the photo {path} is not there: put it back, or invert it again")
            pixels = read_photo(path).pixels
        if pixel_hash(pixels) != self.info.photo_sha256:
            where = "in the file" if self.photo is not None else str(self.info.photo_path)
            raise DraglabError(f"the photo {where} is not the one that was inverted: invert it again")
        return pixels


def pixel_hash(pixels: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of pixels [H, W, 3] and their size."""
    return hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG of uint8 pixels [H, W, 3], without metadata."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def write_photo(path: str | Path, content: PhotoContent) -> None:
    """Write a file, complete or not at all.

    Raises:
        DraglabError: it cannot be written.
    """
    info = content.info.model_copy(update={"scales": dict(content.differences.scales)})
    tensors = {"w_plus": content.w_plus.detach().float().cpu().contiguous()}
    tensors |= {_PREFIX + name: tensor.contiguous() for name, tensor in content.differences.tensors.items()}
    if content.photo is not None:
        tensors["photo"] = torch.frombuffer(bytearray(content.photo), dtype=torch.uint8)
    metadata = {"format": FORMAT, "version": str(VERSION), "info": info.model_dump_json()}
    with write_atomically(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, metadata))


def read_photo_file(path: str | Path) -> PhotoContent:
    """Read and check a file; its photo is not decoded.

    Raises:
        DraglabError: missing, too large, damaged, another kind of file, or of a newer version.
    """
    data = read_bytes(path, "photo file", SIZE_LIMIT)
    header = _header(data, path)
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise DraglabError(f"{path} is not an inverted photo: make one with draglab invert")
    version = str(metadata.get("version", ""))
    if version.isdecimal() and int(version[:9]) > VERSION:
        raise DraglabError(f"{path} was written by a newer draglab (version {version[:9]}): upgrade draglab")
    try:
        info = PhotoInfo.model_validate_json(metadata["info"])
        _check_tensors(header)
        tensors = safetensors.torch.load(data)
    except ValidationError as error:
        raise DraglabError(f"{path}: {first_problem(error)}") from None
    except (safetensors.SafetensorError, KeyError, ValueError, TypeError, AttributeError):
        raise DraglabError(f"{path} is damaged: invert the photo again") from None
    photo = tensors.pop("photo", None)
    if (photo is None) == (info.photo_path is None):
        raise DraglabError(f"{path} is damaged: it must have either the photo or its path; invert the photo again")
    w_plus = tensors.pop("w_plus")
    own = {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}
    if own.keys() != info.scales.keys() or not all(bool(tensor.isfinite().all()) for tensor in (w_plus, *own.values())):
        raise DraglabError(f"{path} is damaged: its weights are not readable; invert the photo again")
    png = None if photo is None else photo.numpy().tobytes()
    return PhotoContent(info, w_plus, WeightDifferences(own, info.scales), png)


def _header(data: bytes, path: str | Path) -> dict[str, Any]:
    """Parse the header of a safetensors file, if it is of a reasonable size."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or data[8:9] != b"{" or length > len(data) - 8:
        raise DraglabError(f"{path} is not an inverted photo: make one with draglab invert")
    if length > HEADER_LIMIT or data.count(b"{", 8, 8 + length) > 2 * MAX_TENSORS:
        raise DraglabError(f"{path} has a header that is too large: it is refused")
    try:
        header = json.loads(data[8 : 8 + length].decode("utf-8"))
    except (ValueError, RecursionError):
        raise DraglabError(f"{path} is damaged: its header is not readable; invert the photo again") from None
    return header if isinstance(header, dict) else {}


def _check_tensors(header: dict[str, Any]) -> None:
    """Check names, types and sizes of the tensors before they are read.

    Raises:
        ValueError, KeyError, TypeError: they are not those of an inverted photo.
    """
    kinds = {"w_plus": ("F32", 2), "photo": ("U8", 1)}
    if "w_plus" not in header or len(header) > MAX_TENSORS:
        raise ValueError
    for name, tensor in header.items():
        dtype, dimensions = kinds.get(name, ("F16", len(tensor["shape"])))
        expected = 0 < len(name) <= 300 and (name in kinds or name.startswith(_PREFIX))
        if not expected or tensor["dtype"] != dtype or len(tensor["shape"]) != dimensions or dimensions > 8:
            raise ValueError
