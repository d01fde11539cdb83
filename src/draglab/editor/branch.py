"""Conversion of a branch of a document to an edit file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from draglab.editor.document import Document
from draglab.editor.start_latent import file_start
from draglab.editor.state import Frame, Node, RoundRecord
from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile, ModelReference, Round


@dataclass(frozen=True)
class BranchRound:
    """A round of a branch, up to the step from which the branch goes on.

    Attributes:
        node: the round's node. record: its record. frames: its frames in the branch. steps: number of its steps in the
            branch. whole: True if these are all steps.
    """

    node: Node
    record: RoundRecord
    frames: tuple[Frame, ...]
    whole: bool

    @property
    def steps(self) -> int:
        return self.frames[-1].step


def branch_rounds(document: Document) -> list[BranchRound]:
    """Return the rounds from the start of the current image to the current node, without those that made no step."""
    path = document.history.path(document.history.cursor)
    found = []
    for here, after in zip(path, [*path[1:], None], strict=True):
        if here.round is None or not here.round.frames:
            continue
        count = here.round.place(here.round.shown) if after is None or after.frame is None else after.frame
        found.append(BranchRound(here, here.round, tuple(here.round.frames[:count]), count == len(here.round.frames)))
    return found


def edit_file_of(document: Document) -> EditFile:
    """Return the edit file that reproduces the current image: its start and the rounds since.

    The start is given by its seed where that is enough, else by its values. Of a photo, the model's name is that of the
    photo's exported file.

    Raises:
        DraglabError: there is nothing to reproduce: no drag, and no point that has a target.
    """
    history, node = document.history, document.history.node
    start = history.nodes[node.start_id]
    spec = history.start_of(node)
    values = None
    if spec.seed is None or spec.mix is not None or start.kept:
        model = history.models[start.id]
        data = document.journal.data(document.id, start.latent_id)
        values = np.frombuffer(data, dtype="<f4").reshape(model.num_ws, model.w_dim)
    rounds = [_round(document, each) for each in branch_rounds(document)]
    if not rounds:
        aimed = [(point.handle, point.target) for point in node.points if point.moves or point.pin]
        if not any(point.moves for point in node.points):
            raise DraglabError("there is no edit yet: drag something first")
        handles, targets = zip(*aimed, strict=True)
        # Points that wait for their first drag.
        rounds = [_as_round(document, node, handles, targets, history.settings, 0)]
    name = spec.model if spec.photo is None else f"{spec.photo.name}.draglab"
    reference = ModelReference(name=name, sha256=history.models[start.id].sha256)
    return EditFile(model=reference, start=file_start(spec, values), rounds=rounds)


def _round(document: Document, run: BranchRound) -> Round:
    record, steps = run.record, run.steps
    made = _as_round(document, run.node, record.handles, record.targets, record.settings, steps)
    moved = [move for move in record.moves if move.after <= steps]
    return made.model_copy(update={"moved": moved})


def _as_round(document: Document, node: Node, handles, targets, settings, steps: int) -> Round:
    mask, feather = document.mask(node)
    made = Round.from_arrays(np.array(handles), np.array(targets), mask, dict(settings), steps)
    return made.model_copy(update={"feather": feather})
