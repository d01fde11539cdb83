"""Lists of edits from files: lines of JSON, edit files, and draglab's own lists of drags."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from draglab.dragging import DragEdit
from draglab.editor.start_latent import spec_of_file, start_latent
from draglab.errors import DraglabError
from draglab.files import read_bytes
from draglab.generators import Generator
from draglab.media.edit_file import (
    FORMAT,
    Coordinate,
    EditFile,
    ModelReference,
    PointPair,
    Round,
    SeedStart,
    count_values,
    parse_edit_file,
)
from draglab.problems import escape_controls, first_problem

SIZE_LIMIT = 64 * 2**20
"""Largest size of a file, in bytes."""
LINE_LIMIT = 16 * 2**20
VALUE_LIMIT = 1_000_000
"""Most numbers, texts and names in one line, or in a list of drags."""
MOST_EDITS = 100_000
MOST_POINTS = 1000
ANY_MODEL = "0" * 64

_Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
_Points = Annotated[list[_Point], Field(min_length=1, max_length=MOST_POINTS, fail_fast=True)]
_Landmark = Annotated[int, Field(ge=0, lt=1000)] | None


class _EditLine(SeedStart):
    """A line of a list: the seed's image, and what is dragged."""

    handles: _Points
    targets: _Points
    landmarks: list[_Landmark] | None = Field(default=None, max_length=MOST_POINTS)
    mask: str | None = None
    feather: float = Field(default=0, ge=0, le=1000)
    kind: str = Field(default="", max_length=200)
    image_size: int | None = Field(default=None, ge=1)


class _Drag(BaseModel):
    """A drag of draglab's own lists, of one point."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    seed: int
    kind: str
    handle: _Point
    target: _Point
    landmark: _Landmark = None
    truncation_psi: float | None = None


@dataclass(frozen=True)
class ListedEdit:
    """An edit of a list, or what is wrong with it.

    Attributes:
        file: the edit, of one round, whose settings and steps do not count; None = it is wrong.
        kind: name of the kind of edit, "" = none. image_size: width of the images that it is for; None = any.
        landmarks: index of each handle among the judge's landmarks, None = none of them; () = not known.
        error: what is wrong.
    """

    file: EditFile | None
    kind: str = ""
    landmarks: tuple[int | None, ...] = ()
    image_size: int | None = None
    error: str | None = None

    def prepare(self, generator: Generator) -> tuple[Tensor, DragEdit]:
        """Return the start latent [1, num_ws, w_dim] and the drag, checked against the model.

        Raises:
            DraglabError: the edit is wrong, or does not fit the model.
        """
        if self.file is None:
            raise DraglabError(self.error or "the edit cannot be read")
        height, width = generator.img_shape
        if self.image_size not in (None, width):
            raise DraglabError(f"the edit is for images of {self.image_size} px, the model's have {width}")
        if self.file.model.sha256 not in (ANY_MODEL, generator.sha256):
            raise DraglabError(f"the edit was made with another model (SHA-256 {self.file.model.sha256[:8]}...)")
        (one,) = self.file.rounds
        edit = DragEdit(one.handles(), one.targets(), one.movable(generator.img_shape))
        edit.validated(height, width)
        return start_latent(spec_of_file(self.file, generator.name), generator), edit


def load_edits(path: str | Path) -> tuple[list[ListedEdit], bytes]:
    """Read a list of edits.

    A file is one of: lines of JSON, each an edit (`seed`, `handles`, `targets`, and what docs/evaluation.md says) or an
    edit file of one round; an edit file; a list of drags like benchmarks/drags_heads.json. A line that is wrong becomes
    an edit with an error.

    Returns:
        the edits, and the file's content.

    Raises:
        DraglabError: the file is missing, too large, empty, or has too many edits.
    """
    data = read_bytes(path, "list of edits", SIZE_LIMIT)
    whole = _object(data) if count_values(data) <= VALUE_LIMIT else None
    if whole is not None and "drags" in whole:
        edits = _drags(path, whole)
    elif whole is not None:
        edits = [_edit(data)]
    else:
        lines = [line for line in data.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()]
        if len(lines) > MOST_EDITS:
            raise DraglabError(f"{path} holds more than {MOST_EDITS} edits: split it")
        edits = [_edit(line) for line in lines]
    if not edits:
        raise DraglabError(f"{path} holds no edits: give one a line, as JSON")
    if all(one.error is not None for one in edits):
        raise DraglabError(f"{path} is not a list of edits; its first: {edits[0].error}")
    return edits, data


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _drags(path: str | Path, content: dict[str, Any]) -> list[ListedEdit]:
    rows = content["drags"]
    if not isinstance(rows, list) or len(rows) > MOST_EDITS:
        raise DraglabError(f"{path} is not a list of drags: give one like benchmarks/drags_heads.json")
    size, common = content.get("image_size"), content.get("truncation_psi", 1.0)
    found = []
    for row in rows:
        try:
            one = _Drag.model_validate(row)
            psi = common if one.truncation_psi is None else one.truncation_psi
            line = {"seed": one.seed, "truncation_psi": psi, "handles": [one.handle], "targets": [one.target],
                    "kind": one.kind, "landmarks": [one.landmark], "image_size": size}  # fmt: skip
            found.append(_listed(_EditLine.model_validate(line)))
        except ValidationError as error:
            found.append(ListedEdit(None, error=first_problem(error)))
    return found


def _edit(data: bytes) -> ListedEdit:
    """Read one edit from its JSON."""
    if len(data) > LINE_LIMIT or count_values(data) > VALUE_LIMIT:
        return ListedEdit(None, error=f"the line is longer than {LINE_LIMIT // 2**20} MiB or holds too many values")
    content = _object(data)
    if content is None:
        return ListedEdit(None, error="the line is not a JSON object")
    if content.get("format") == FORMAT:
        try:
            file = parse_edit_file(data, "the line")
        except DraglabError as error:
            return ListedEdit(None, error=str(error))
        if len(file.rounds) > 1:
            return ListedEdit(None, error=f"the edit file has {len(file.rounds)} rounds: give edits of one round")
        return ListedEdit(file)
    try:
        return _listed(_EditLine.model_validate(content))
    except ValidationError as error:
        return ListedEdit(None, error=first_problem(error))


def _listed(line: _EditLine) -> ListedEdit:
    if len(line.targets) != len(line.handles):
        return ListedEdit(None, error=f"{len(line.handles)} handles but {len(line.targets)} targets: give as many")
    if line.landmarks is not None and len(line.landmarks) != len(line.handles):
        return ListedEdit(None, error=f"{len(line.landmarks)} landmarks for {len(line.handles)} handles: give as many")
    pairs = zip(line.handles, line.targets, strict=True)
    points = [PointPair(handle=handle, target=target) for handle, target in pairs]
    try:
        drag = Round(points=points, mask=line.mask, feather=line.feather)
    except ValidationError as error:
        return ListedEdit(None, error=first_problem(error))
    start = SeedStart(**line.model_dump(include=set(SeedStart.model_fields)))
    file = EditFile(model=ModelReference(name="any", sha256=ANY_MODEL), start=start, rounds=[drag])
    return ListedEdit(file, escape_controls(line.kind), tuple(line.landmarks or ()), line.image_size)
