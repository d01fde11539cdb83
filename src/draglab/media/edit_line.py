"""A line of a list of edits: an edit file as one line of JSON, or a short form of it (docs/edit-files.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from draglab.errors import DraglabError
from draglab.geometry import parse_mask_shape
from draglab.media.edit_file import (
    FORMAT,
    Coordinate,
    EditFile,
    PointPair,
    Round,
    SeedStart,
    SettingValue,
    count_values,
    parse_edit_file,
)
from draglab.media.images import encode_mask, load_mask
from draglab.problems import first_problem

LINE_LIMIT = 16 * 2**20
"""Largest length of a line, in bytes. Checked before it is parsed."""
VALUE_LIMIT = 1_000_000
"""Most numbers, texts and names in a line."""
MOST_POINTS = 1000
MOST_NAMED = 20
"""Most texts of named edits in a line."""
PNG_IN_BASE64 = "iVBORw0KGgo"
"""How the base64 text of every PNG begins."""

Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Landmark = Annotated[int, Field(ge=0, lt=1000)] | None
_Points = Annotated[list[Point], Field(min_length=1, max_length=MOST_POINTS, fail_fast=True)]


class EditLine(SeedStart):
    """The short form of an edit: the image of a seed, and one round of dragging."""

    handles: _Points | None = None
    """Points of the image, (x, y) in its pixels. None = those of `do` alone."""
    targets: _Points | None = None
    """Where they should go, one for each handle."""
    do: list[Annotated[str, Field(min_length=1, max_length=300)]] | None = Field(
        default=None, min_length=1, max_length=MOST_NAMED
    )
    """Named edits, as "smile:0.5", whose handles are added when the image is known."""
    model: str | None = Field(default=None, min_length=1, max_length=4096)
    """Name or file of the model; None = that of the whole list."""
    preset: Literal["draglab", "paper"] = "draglab"
    settings: dict[str, SettingValue] = Field(default_factory=dict)
    """Changes of the preset's settings."""
    mask: str | None = Field(default=None, min_length=1)
    """The movable region: base64 of a PNG, "circle:x,y,r", "rect:x0,y0,x1,y1", or an image file, by its path from the
    list's folder. White = movable."""
    feather: float = Field(default=0, ge=0, le=1000)
    """Softness of the mask's edges, in pixels."""
    landmarks: list[Landmark] | None = Field(default=None, max_length=MOST_POINTS)
    """Index of each handle among the landmarks of a judge (docs/evaluation.md)."""
    kind: str = Field(default="", max_length=200)
    """Name of the kind of edit, for reports."""
    image_size: int | None = Field(default=None, ge=1)
    """Width of the images that the edit is for, in pixels; None = any."""

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if self.do is None and (self.handles is None or self.targets is None):
            missing = "handles" if self.handles is None else "targets"
            raise ValueError(f"{missing} are missing: give handles and targets, or do")
        handles, targets = self.handles or [], self.targets or []
        if len(targets) != len(handles):
            raise ValueError(f"{len(handles)} handles but {len(targets)} targets: give as many")
        if self.landmarks is not None and len(self.landmarks) != len(handles):
            raise ValueError(f"{len(self.landmarks)} landmarks for {len(handles)} handles: give as many")
        return self

    def start(self) -> SeedStart:
        """Return the start alone."""
        return SeedStart(**self.model_dump(include=set(SeedStart.model_fields)))

    def round(self, size: tuple[int, int], folder: Path, settings: Mapping[str, SettingValue] | None = None) -> Round:
        """Return the drag as a round of an edit file.

        Args:
            size: (height, width) of the model's images, in pixels. folder: the list's.
            settings: settings of the round.

        Raises:
            DraglabError: the edit is for images of another size, or the mask cannot be read or is of another size.
        """
        if self.image_size not in (None, size[1]):
            raise DraglabError(f"the edit is for images of {self.image_size} px, the model's have {size[1]}")
        mask = self.mask_png(size, folder)
        pairs = zip(self.handles or [], self.targets or [], strict=True)
        points = [PointPair(handle=handle, target=target) for handle, target in pairs]
        try:
            return Round(points=points, mask=mask, feather=self.feather, settings=dict(settings or {}))
        except ValidationError as error:
            raise DraglabError(first_problem(error)) from None

    def mask_png(self, size: tuple[int, int], folder: Path) -> str | None:
        """Return the mask as base64 of a PNG; the arguments are those of :meth:`round`.

        Raises:
            DraglabError: it cannot be read, or is of another size.
        """
        if self.mask is None or self.mask.startswith(PNG_IN_BASE64):
            return self.mask
        shape = parse_mask_shape(self.mask, *size)
        return encode_mask(load_mask(folder / self.mask, size) if shape is None else shape)


def parse_edit_line(data: bytes) -> EditLine | EditFile:
    """Read and check a line of a list.

    Args:
        data: JSON, of one line or, of an edit file, of several.

    Raises:
        DraglabError: too long, not a JSON object, or a field that is wrong; the message names the field.
    """
    if len(data) > LINE_LIMIT or count_values(data) > VALUE_LIMIT:
        raise DraglabError(f"the line is longer than {LINE_LIMIT / 2**20:g} MiB or holds too many values")
    content = parse_object(data)
    if content is None:
        raise DraglabError("the line is not a JSON object")
    if content.get("format") == FORMAT:
        return parse_edit_file(data, "the line")
    try:
        return EditLine.model_validate(content)
    except ValidationError as error:
        raise DraglabError(first_problem(error, "a name in it")) from None


def parse_object(data: bytes) -> dict[str, Any] | None:
    """Return a JSON object; None if the data is something else."""
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
