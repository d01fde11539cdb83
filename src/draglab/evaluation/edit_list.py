"""Lists of edits from files: lines of JSON, edit files, and draglab's own lists of drags."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor

from draglab.dragging import DragEdit
from draglab.editor.faces import with_named
from draglab.editor.start_latent import spec_of_file, start_latent
from draglab.errors import DraglabError
from draglab.files import read_bytes
from draglab.generators import Generator
from draglab.media.edit_file import EditFile, ModelReference, Round, count_values
from draglab.media.edit_line import VALUE_LIMIT, EditLine, Landmark, Point, parse_edit_line, parse_object
from draglab.problems import escape_controls, first_problem

SIZE_LIMIT = 64 * 2**20
"""Largest size of a file, in bytes."""
MOST_EDITS = 100_000


class _Drag(BaseModel):
    """A drag of draglab's own lists, of one point."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    seed: int
    kind: str
    handle: Point
    target: Point
    landmark: Landmark = None
    truncation_psi: float | None = None


@dataclass(frozen=True)
class ListedEdit:
    """An edit of a list, or what is wrong with it.

    Attributes:
        edit: the edit, of one round, whose settings and steps do not count; None = it is wrong.
        folder: the list's, from which masks are found.
        error: what is wrong.
    """

    edit: EditLine | EditFile | None
    folder: Path = Path()
    error: str | None = None

    @property
    def kind(self) -> str:
        """Name of the kind of edit, "" = none."""
        return escape_controls(self.edit.kind) if isinstance(self.edit, EditLine) else ""

    @property
    def landmarks(self) -> tuple[int | None, ...]:
        """Index of each handle among the judge's landmarks, None = none of them; () = not known."""
        return tuple(self.edit.landmarks or ()) if isinstance(self.edit, EditLine) else ()

    def prepare(self, generator: Generator) -> tuple[Tensor, DragEdit]:
        """Return the start latent [1, num_ws, w_dim] and the drag, checked against the model.

        Raises:
            DraglabError: the edit is wrong, or does not fit the model.
        """
        if self.edit is None:
            raise DraglabError(self.error or "the edit cannot be read")
        if isinstance(self.edit, EditFile):
            file = self.edit
        else:
            if self.edit.model is not None and generator.name not in (self.edit.model, Path(self.edit.model).stem):
                raise DraglabError(f"the edit is for the model {self.edit.model!a:.80}, this one is {generator.name}")
            line = self.edit if self.edit.do is None else with_named(self.edit, generator)
            one = line.round(generator.img_shape, self.folder)
            reference = ModelReference(name=generator.name, sha256=generator.sha256)
            file = EditFile(model=reference, start=self.edit.start(), rounds=[one])
        if file.model.sha256 != generator.sha256:
            raise DraglabError(f"the edit was made with another model (SHA-256 {file.model.sha256[:8]}...)")
        drag = _drag(file.rounds[0], generator)
        return start_latent(spec_of_file(file, generator.name), generator), drag


def _drag(one: Round, generator: Generator) -> DragEdit:
    drag = DragEdit(one.handles(), one.targets(), one.movable(generator.img_shape))
    drag.validated(*generator.img_shape)
    return drag


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
    whole = parse_object(data) if count_values(data) <= VALUE_LIMIT else None
    if whole is not None and "drags" in whole:
        edits = _drags(path, whole)
    elif whole is not None:
        edits = [_edit(data, Path(path).parent)]
    else:
        lines = [line for line in data.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()]
        if len(lines) > MOST_EDITS:
            raise DraglabError(f"{path} holds more than {MOST_EDITS} edits: split it")
        edits = [_edit(line, Path(path).parent) for line in lines]
    if not edits:
        raise DraglabError(f"{path} holds no edits: give one a line, as JSON")
    if all(one.error is not None for one in edits):
        raise DraglabError(f"{path} is not a list of edits; its first: {edits[0].error}")
    return edits, data


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
            found.append(ListedEdit(EditLine.model_validate(line)))
        except ValidationError as error:
            found.append(ListedEdit(None, error=first_problem(error)))
    return found


def _edit(data: bytes, folder: Path) -> ListedEdit:
    """Read one edit from its JSON."""
    try:
        edit = parse_edit_line(data)
    except DraglabError as error:
        return ListedEdit(None, error=str(error))
    if isinstance(edit, EditFile) and len(edit.rounds) > 1:
        return ListedEdit(None, error=f"the edit file has {len(edit.rounds)} rounds: give edits of one round")
    return ListedEdit(edit, folder)
