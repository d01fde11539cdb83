"""Edit files: versioned JSON that holds everything needed to repeat an edit (docs/edit-files.md).

The settings of a round are names with plain values here; the engine knows what they mean.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from draglab.errors import DraglabError
from draglab.files import read_bytes, write_atomically
from draglab.media.file_kind import not_an_edit_file
from draglab.media.images import decode_mask, encode_mask, feathered, mask_size
from draglab.problems import first_problem

FORMAT = "draglab-edit"
VERSION = 3
SIZE_LIMIT = 64 * 2**20
"""Largest size of a file, in bytes."""
VALUE_LIMIT = 1_000_000
"""Most numbers, texts and names in one file. Checked before the file is parsed."""
MAX_MOVES = 10_000
"""Most moves of the targets in one round."""
FIELD_LIMIT = 1000
"""Most names in one object of a file."""

MAX_SEED = 2**32 - 1
"""Largest seed that numpy.random.RandomState takes."""

Coordinate = Annotated[float, Field(ge=-1e6, le=1e6)]
# Other JSON readers keep larger whole numbers inexactly.
SettingValue = (
    bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | float | Annotated[str, Field(max_length=300)] | None
)

FORMER_SETTINGS: dict[str, SettingValue] = {
    "back_off": None, "settle_steps": None, "mask_limit": None, "descent": "adam", "patience": 50,
}  # fmt: skip
"""Values of the settings that records from the time of version 1 leave out."""


def first_order_settings(settings: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
    """Return settings from the time of version 2, when "auto" chose among the first-order methods."""
    automatic = settings.get("descent", "auto") == "auto"
    return {**settings, "descent": "first-order"} if automatic else dict(settings)


class _Strict(BaseModel):
    """Base of all parts of a file: no unknown fields, no conversions ("7" is not a number), no NaN, immutable."""

    model_config = ConfigDict(defer_build=True, extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ModelReference(_Strict):
    """The generator that the edit was made with."""

    name: str = Field(min_length=1, max_length=4096)
    """Argument of ``load_generator``: a bundled model's name, or a path."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the weights, so that a replay with another model is refused."""


class SeedStart(_Strict):
    """The start latent as a seed: z = numpy.random.RandomState(seed).randn, then the mapping network."""

    seed: int = Field(ge=0, le=MAX_SEED)
    truncation_psi: float = Field(default=1.0, ge=-10, le=10)
    truncation_cutoff: int | None = Field(default=None, ge=0)
    class_index: int | None = Field(default=None, ge=0)
    """Class of a conditional model."""
    class_vector: Annotated[list[float], Field(min_length=1, max_length=65536, fail_fast=True)] | None = None
    """Mixture of classes of a conditional model, in place of class_index."""

    @model_validator(mode="after")
    def _one_class(self) -> Self:
        if self.class_index is not None and self.class_vector is not None:
            raise ValueError("class_index and class_vector are both given: leave one out")
        return self


class WPlusStart(_Strict):
    """The start latent as its values."""

    w_plus: str
    """Base64 of float32, little-endian, row by row."""
    shape: Annotated[list[Annotated[int, Field(ge=1, le=65536)]], Field(min_length=2, max_length=2)]
    """Shape of the latent: [num_ws, w_dim]."""

    @classmethod
    def from_array(cls, w_plus: NDArray[np.floating]) -> Self:
        """Make one of a latent [num_ws, w_dim], which is kept as float32."""
        array = np.ascontiguousarray(w_plus, dtype="<f4")
        return cls(w_plus=base64.b64encode(array.tobytes()).decode("ascii"), shape=list(array.shape))

    def array(self) -> NDArray[np.float32]:
        """Return the latent, [num_ws, w_dim] float32."""
        return _decode_floats(self.w_plus, self.shape)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not np.isfinite(_decode_floats(self.w_plus, self.shape)).all():
            raise ValueError("the latent holds NaN or infinity")
        return self


def _start_kind(value: Any) -> str:
    given = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    return "w_plus" if "w_plus" in given else "seed"


Start = Annotated[
    Annotated[SeedStart, Tag("seed")] | Annotated[WPlusStart, Tag("w_plus")],
    Discriminator(_start_kind),
]


class PointPair(_Strict):
    """A handle and its target, (x, y) in image pixels; (0, 0) is the centre of the top-left pixel."""

    handle: Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
    target: Annotated[list[Coordinate], Field(min_length=2, max_length=2)]


class Retarget(_Strict):
    """A change of targets while the round ran."""

    after: int = Field(ge=1, le=10**9)
    """Number of steps that had been made by then."""
    targets: list[Annotated[list[Coordinate], Field(min_length=2, max_length=2)]] = Field(
        min_length=1, max_length=10_000, fail_fast=True
    )
    """New targets, one for each handle, (x, y) in image pixels."""


class Round(_Strict):
    """One drag; the next round starts from the image where this one ended."""

    points: list[PointPair] = Field(min_length=1, max_length=10_000, fail_fast=True)
    mask: str | None = None
    """Base64 of a PNG, white = movable; null: everything may move."""
    feather: float = Field(default=0, ge=0, le=1000)
    """Softness of the mask's edges, in pixels."""
    settings: dict[str, SettingValue] = Field(default_factory=dict)
    """Fields of draglab.DragSettings. Fields that are left out have their defaults."""
    steps: int | None = Field(default=None, ge=0, le=10**9)
    """Number of steps to run; null: until the drag stops by itself."""
    moved: list[Retarget] = Field(default_factory=list, max_length=MAX_MOVES, fail_fast=True)
    """Changes of targets, in the order of their steps."""

    @model_validator(mode="after")
    def _moved_fits(self) -> Self:
        steps = [move.after for move in self.moved]
        if any(later <= earlier for earlier, later in pairwise(steps)):
            raise ValueError("targets must be moved in the order of their steps, once for each")
        if any(len(move.targets) != len(self.points) for move in self.moved):
            raise ValueError("where targets are moved, give one for each handle")
        return self

    @field_validator("mask")
    @classmethod
    def _mask_is_a_picture(cls, mask: str | None) -> str | None:
        if mask is not None:
            try:
                # The pixels are decoded later, when the size that they must have is known.
                mask_size(mask)
            except DraglabError as error:
                raise ValueError(str(error)) from None
        return mask

    @classmethod
    def from_arrays(
        cls,
        handles: NDArray[np.floating],
        targets: NDArray[np.floating],
        mask: NDArray[np.bool_] | None = None,
        settings: dict[str, SettingValue] | None = None,
        steps: int | None = None,
    ) -> Self:
        """Make one of handles and targets [n, 2] and a bool mask [H, W], True = movable."""
        pairs = zip(np.asarray(handles).tolist(), np.asarray(targets).tolist(), strict=True)
        return cls(
            points=[PointPair(handle=list(map(float, h)), target=list(map(float, t))) for h, t in pairs],
            mask=None if mask is None else encode_mask(mask),
            settings=settings or {},
            steps=steps,
        )

    def handles(self) -> NDArray[np.float64]:
        """Return the handles [n, 2], (x, y) in image pixels."""
        return np.array([pair.handle for pair in self.points], dtype=np.float64)

    def targets(self) -> NDArray[np.float64]:
        """Return the targets [n, 2], (x, y) in image pixels."""
        return np.array([pair.target for pair in self.points], dtype=np.float64)

    def movable(self, size: tuple[int, int] | None = None) -> NDArray[np.bool_] | NDArray[np.float32] | None:
        """Return the mask: bool [H, W], True = movable; float32, 1 = movable, if it is feathered; None if all may move.

        Args:
            size: (height, width) of the image; a mask of another size is refused before it is decoded. None = any.

        Raises:
            DraglabError: the mask is damaged or of another size.
        """
        return None if self.mask is None else _movable(self.mask, self.feather, size)


class EditFile(_Strict):
    """An edit: the model, the start latent and the rounds of dragging."""

    format: Literal["draglab-edit"] = FORMAT
    version: Literal[1, 2, 3] = VERSION
    model: ModelReference
    start: Start
    rounds: list[Round] = Field(min_length=1, max_length=10_000, fail_fast=True)


@lru_cache(maxsize=4)
def _movable(mask: str, feather: float, size: tuple[int, int] | None) -> NDArray[np.bool_] | NDArray[np.float32]:
    """Decode and feather a mask. Cached, because most rounds have the mask of the round before."""
    return feathered(decode_mask(mask, size), feather)


def load_edit_file(path: str | os.PathLike[str]) -> EditFile:
    """Read and check an edit file.

    Raises:
        DraglabError: missing, too large, not JSON, another format, a newer version, or a field that is wrong; the
            message names the field.
    """
    return parse_edit_file(read_bytes(path, "edit file", SIZE_LIMIT), str(path))


def parse_edit_file(data: bytes, name: str = "the edit file", values: int = VALUE_LIMIT) -> EditFile:
    """Read and check the bytes of an edit file; see :func:`load_edit_file`.

    Args:
        name: what messages call the file. values: see VALUE_LIMIT.
    """
    if (other := not_an_edit_file(data)) is not None:
        raise DraglabError(f"{name} {other}")
    if count_values(data) > values:
        raise DraglabError(f"{name} holds more than {values} values, which is refused; check the file")
    try:
        text = data.decode("utf-8-sig")
        content = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise DraglabError(f"{name} is not a readable edit file (broken JSON); save the edit again") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DraglabError(f'{name} is not a draglab edit file; its "format" must be "{FORMAT}"')
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise DraglabError(
            f"{name} was written by a newer draglab (version {str(version)[:20]}); "
            f"this one reads up to version {VERSION}: upgrade draglab"
        )
    try:
        edit = EditFile.model_validate(content)
    except ValidationError as error:
        raise DraglabError(f"{name}: {first_problem(error, 'a name in it', union='start')}") from None
    return edit if edit.version == VERSION else _upgraded(edit)


def save_edit_file(path: str | os.PathLike[str], edit: EditFile) -> None:
    """Write an edit file.

    Raises:
        DraglabError: the file cannot be written.
    """
    with write_atomically(path) as temporary:
        Path(temporary).write_bytes(encode_edit_file(edit))


def encode_edit_file(edit: EditFile) -> bytes:
    """Return the content of the file that :func:`save_edit_file` writes."""
    return (edit.model_dump_json(indent=2) + "\n").encode("utf-8")


def _upgraded(edit: EditFile) -> EditFile:
    """Convert a file of an older version to the present one, with the same meaning."""
    former = FORMER_SETTINGS if edit.version == 1 else {}
    rounds = [
        one.model_copy(update={"settings": first_order_settings({**former, **one.settings})}) for one in edit.rounds
    ]
    return edit.model_copy(update={"version": VERSION, "rounds": rounds})


def _decode_floats(text: str, shape: list[int]) -> NDArray[np.float32]:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the latent is not base64 text") from None
    if len(data) != 4 * shape[0] * shape[1]:
        raise ValueError(f"the latent has {len(data)} bytes, but shape {shape} needs {4 * shape[0] * shape[1]}")
    return np.frombuffer(data, dtype="<f4").reshape(shape).astype(np.float32)


def count_values(text: bytes | str) -> int:
    """Return an upper bound of how many values JSON holds, without parsing it: its commas and brackets."""
    if isinstance(text, str):
        return 1 + text.count(",") + text.count("[") + text.count("{")
    return 1 + text.count(b",") + text.count(b"[") + text.count(b"{")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > FIELD_LIMIT:
        raise ValueError(f"an object has more than {FIELD_LIMIT} names")
    return dict(pairs)


def _refuse_constant(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")
