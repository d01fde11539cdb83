"""Reading and writing of still images and masks."""

import base64
import binascii
import io
import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, PngImagePlugin, UnidentifiedImageError

from draglab._version import __version__
from draglab.errors import DraglabError
from draglab.files import read_bytes, write_atomically
from draglab.media.png import plain_png, png_size
from draglab.media.provenance.containers import add_xmp
from draglab.media.provenance.credentials import seal
from draglab.media.provenance.mark import marked
from draglab.media.provenance.origin import Origin
from draglab.media.provenance.xmp import packet_of

MOVABLE_FROM = 128
"""Grey level from which a mask's pixel counts as movable."""

MAX_SIDE = 16384
"""Longest side of an image, in pixels. Checked before the image is decoded."""

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_MASK_FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]
_MASK_FILE_LIMIT = 256 * 2**20
_NOT_AN_IMAGE = "{} is not an image that can be read; use a PNG, white where it may move"
_DAMAGED = "{} is damaged; save it again as PNG"
_EXIF_DESCRIPTION = 0x010E
_EXIF_SOFTWARE = 0x0131


def check_image_suffix(path: str | os.PathLike[str]) -> str:
    """Return Pillow's name of the format that the suffix of ``path`` stands for.

    Raises:
        DraglabError: the suffix is not one of .png, .jpg, .jpeg, .webp.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise DraglabError(f"cannot write {path}: unknown image suffix {suffix!r}; use .png, .jpg or .webp")
    return _FORMATS[suffix]


def save_image(path: str | os.PathLike[str], image: NDArray[np.uint8], origin: Origin) -> None:
    """Write an image that says how it was made.

    Args:
        path: suffix .png, .jpg, .jpeg or .webp.
        image: uint8 [H, W, 3].
        origin: what the file says, see :func:`encode_image`.

    Raises:
        DraglabError: unknown suffix, or the file cannot be written or signed.
    """
    data = encode_image(image, origin, check_image_suffix(path))
    with write_atomically(path) as temporary:
        temporary.write_bytes(data)


def encode_image(image: NDArray[np.uint8], origin: Origin, kind: str = "PNG", sealed: bool = True) -> bytes:
    """Return the content of the file that :func:`save_image` writes.

    Args:
        origin: what the file says, as XMP with IPTC's digital source type, as EXIF and, in a PNG, as text chunks.
        kind: Pillow's name of the format: "PNG", "JPEG" or "WEBP".
        sealed: whether it is signed, where files are (provenance/credentials.py); else, who writes the file seals it.

    Raises:
        DraglabError: it cannot be signed.
    """
    packet, software = packet_of(origin), f"draglab {__version__}"
    exif = Image.Exif()
    exif[_EXIF_DESCRIPTION] = origin.description
    exif[_EXIF_SOFTWARE] = software
    options: dict[str, object] = {"exif": exif}
    if kind == "PNG":
        # Some viewers read the text chunks of a PNG, but not its EXIF.
        text = PngImagePlugin.PngInfo()
        text.add_text("Description", origin.description)
        text.add_text("Software", software)
        text.add_itxt("XML:com.adobe.xmp", packet.decode())
        options["pnginfo"] = text
    else:
        options["quality"] = 95
    if kind == "WEBP":
        options["xmp"] = packet
    pixels = as_rgb(image)
    buffer = io.BytesIO()
    Image.fromarray(marked(pixels, origin)).save(buffer, format=kind, **options)
    data = buffer.getvalue()
    data = add_xmp(data, packet) if kind == "JPEG" else data
    return seal(data) if sealed else data


def as_rgb(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the image as a contiguous array.

    Raises:
        ValueError: it is not uint8 [H, W, 3]: a mistake of the program, not of a user.
    """
    array = np.ascontiguousarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"expected a uint8 image [H, W, 3], got {array.dtype} {list(array.shape)}")
    return array


def enlarge(image: NDArray[np.uint8], at_least: int = 512) -> NDArray[np.uint8]:
    """Scale up by the smallest whole factor that makes the shorter side ``at_least`` pixels; never down.

    Lanczos: on the smooth images of a GAN it looks better than blocks.
    """
    image = as_rgb(image)
    height, width = image.shape[:2]
    factor = -(-at_least // min(height, width))
    if factor <= 1:
        return image
    size = (width * factor, height * factor)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def load_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Read a mask from an image file: white is movable, black is frozen.

    Args:
        path: PNG, JPEG, WebP, GIF, BMP or TIFF of any colour mode; transparency is ignored.
        size: (height, width) that the mask must have, in pixels.

    Returns:
        bool [H, W], True = movable (grey 128 or more).

    Raises:
        DraglabError: missing, not an image, another size.
    """
    data = read_bytes(path, "mask", _MASK_FILE_LIMIT)
    return _read_mask(data, f"mask {path}", _MASK_FORMATS, size)


def encode_mask(mask: NDArray[np.bool_]) -> str:
    """Encode a mask [H, W] as the base64 text of a 1-bit PNG, white = movable."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(mask, dtype=np.bool_)).save(buffer, format="PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def feathered(mask: NDArray[np.bool_], pixels: float) -> NDArray[np.bool_] | NDArray[np.float32]:
    """A mask [H, W] with soft edges: blurred by a Gaussian of which `pixels` are two standard deviations, so that a
    straight edge goes from 0.02 to 0.98 from `pixels` before it to `pixels` behind it. In steps of 1/255; 0 = as it is.
    """
    if pixels <= 0:
        return mask
    picture = Image.fromarray(mask.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(pixels / 2))
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def mask_size(text: str) -> tuple[int, int]:
    """Return (height, width) in pixels of a mask as :func:`encode_mask` writes it; its pixels are not decoded.

    Raises:
        DraglabError: not base64, not a PNG, or larger than MAX_SIDE.
    """
    try:
        width, height = png_size(_from_base64(text))
    except ValueError:
        raise DraglabError(_NOT_AN_IMAGE.format("the mask")) from None
    _check_side("the mask", (width, height))
    return height, width


def decode_mask(text: str, size: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Decode a mask from the base64 text of any PNG; the inverse of :func:`encode_mask`.

    Args:
        size: (height, width) in pixels that the mask must have; None = any, up to MAX_SIDE. Another one is refused
            before the pixels are decoded.

    Raises:
        DraglabError: not base64, not a PNG, damaged, or of another size.
    """
    height, width = mask_size(text)
    _check_size("the mask", (width, height), size)
    try:
        data = plain_png(_from_base64(text))
    except ValueError:
        raise DraglabError(_DAMAGED.format("the mask")) from None
    return _read_mask(data, "the mask", ["PNG"], size)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise DraglabError("the mask is not base64 text; save the edit again") from None


def _check_side(name: str, size: tuple[int, int]) -> None:
    if max(size) > MAX_SIDE:
        raise DraglabError(f"{name} is {_wxh(size)}: more than {MAX_SIDE} pixels a side are refused")


def _check_size(name: str, size: tuple[int, int], needed: tuple[int, int] | None) -> None:
    """Refuse a mask of `size` (width, height) where `needed` (height, width) is another one."""
    if needed is not None and size != (needed[1], needed[0]):
        raise DraglabError(
            f"{name} is {_wxh(size)}, but the image is {needed[1]}x{needed[0]}; "
            f"make a mask of {needed[1]}x{needed[0]} pixels"
        )


def _read_mask(data: bytes, name: str, formats: list[str], size: tuple[int, int] | None) -> NDArray[np.bool_]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=formats)
            # Both checks need the header only, so a huge image is refused before it takes memory.
            _check_side(name, image.size)
            _check_size(name, image.size, size)
            if image.mode.startswith(("I", "F")):
                # 16-bit grey: Pillow's own conversion to 8 bits would clip instead of scaling.
                return np.asarray(image) >= MOVABLE_FROM * 256
            grey = image.convert("RGB").convert("L")
    except UnidentifiedImageError:
        raise DraglabError(_NOT_AN_IMAGE.format(name)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DraglabError(f"{name} claims to be far too large; use a mask of the image's size") from None
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError, OverflowError):
        # Errors of Pillow's decoders at damaged files.
        raise DraglabError(_DAMAGED.format(name)) from None
    return np.asarray(grey) >= MOVABLE_FROM


def _wxh(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
