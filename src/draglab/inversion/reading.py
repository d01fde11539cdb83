"""Reading of photos of any kind, bounded before a pixel is decoded."""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import re
import struct
import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from draglab.errors import DraglabError
from draglab.files import read_bytes

MAX_PIXELS = 80_000_000
"""Most pixels of a photo; checked before it is decoded."""
FILE_LIMIT = 512 * 2**20
"""Largest size of a photo's file in bytes."""
MIN_SIDE = 16
"""Shortest side of a photo in pixels."""
_PROFILE_LIMIT = 4 * 2**20
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "HEIF")
_DECODING_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, struct.error, zlib.error,
)  # fmt: skip
"""Errors of Pillow's decoders at damaged files."""
_HEIC = re.compile(rb"....ftyp(heic|heix|hevc|heim|heis|mif1|msf1)", re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """Pixels of a photo as a person sees it.

    Attributes:
        pixels: uint8 RGB [H, W, 3], upright by the EXIF orientation, in sRGB.
        notes: sentences about what was converted or left out.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def read_photo(path: str | os.PathLike[str]) -> Picture:
    """Read a photo: PNG, JPEG, WebP, GIF, BMP, TIFF, PPM; AVIF and HEIC where Pillow can.

    Colours are converted to sRGB, 16 bits to 8, CMYK and palettes to RGB. Transparent parts are laid on white. Of an
    animation, the first picture is taken. All metadata but the orientation and the colour profile are left out.

    Raises:
        DraglabError: missing, no picture, damaged, too large, or of a kind that cannot be read here; the message says
            what to do.
    """
    return decode_photo(read_bytes(path, "photo", FILE_LIMIT), f"photo {path}")


def decode_photo(data: bytes, name: str = "the photo", max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode the bytes of a photo's file; see :func:`read_photo`.

    Args:
        name: what messages call it. max_pixels: most pixels, checked before any is decoded.
    """
    if _HEIC.match(data[:32]):
        _add_heic_reader(name)
    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=[known for known in _FORMATS if known in Image.OPEN])
            _check_size(name, image.size, max_pixels)
            return _upright(image)
    except UnidentifiedImageError:
        raise DraglabError(f"{name} is not a picture that can be read: give a JPEG, PNG, WebP or TIFF") from None
    except Image.DecompressionBombError:
        raise DraglabError(f"{name} claims more than {max_pixels / 1e6:g} million pixels: make it smaller") from None
    except _DECODING_ERRORS:
        raise DraglabError(f"{name} is damaged or of a rare kind: save it again as PNG or JPEG") from None


def _add_heic_reader(name: str) -> None:
    if importlib.util.find_spec("pillow_heif") is None:
        raise DraglabError(
            f"{name} is a HEIC picture, which needs a reader: pip install pillow-heif, or save it as JPEG"
        )
    importlib.import_module("pillow_heif").register_heif_opener()


def _check_size(name: str, size: tuple[int, int], most: int) -> None:
    width, height = size
    if width * height > most:
        raise DraglabError(
            f"{name} is {width}x{height}: more than {most / 1e6:g} million pixels are refused; make it smaller"
        )
    if min(size) < MIN_SIDE:
        raise DraglabError(f"{name} is {width}x{height}: too small to show anything; give a larger picture")


def _upright(image: Image.Image) -> Picture:
    notes = []
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        notes.append(f"It has {getattr(image, 'n_frames', 1)} pictures; the first is taken.")
        image.seek(0)
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise DraglabError("the picture has floating-point colours, whose range is unknown: save it as 16-bit PNG")
    if image.mode.startswith("I"):
        # Pillow's own conversion of 16-bit grey to 8 bits would clip instead of scaling.
        values = np.asarray(image).astype(np.float64)
        top = 65535 if image.mode.startswith("I;16") or values.max() > 255 else 255
        image = Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))
        notes.append("Its 16 bits a colour are reduced to 8.")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        if (np.asarray(rgba)[..., 3] < 255).any():
            notes.append("Its transparent parts are laid on white.")
        white = Image.new("RGBA", rgba.size, "white")
        image = Image.alpha_composite(white, rgba).convert("RGB")
    return Picture(np.array(_in_srgb(image, profile)), tuple(notes))


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to RGB, by the colour profile if there is a usable one."""
    if profile and len(profile) <= _PROFILE_LIMIT and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a profile of another kind of colours, or a damaged one
    return image.convert("RGB")
