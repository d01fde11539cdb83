"""The view of a session: everything that is shown beside its pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Literal

from draglab.editor.document import Document
from draglab.editor.photo import PhotoStart
from draglab.editor.round_runner import EndReason
from draglab.editor.rounds import Rounds
from draglab.editor.state import Node, NodeKind, Point, StyleMix
from draglab.media.edit_file import SettingValue

State = Literal["idle", "running"]


@dataclass(frozen=True)
class ImageSize:
    """Size of an image in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class MaskView:
    """Reference to a mask by its id; feather: softness of its edges, pixels."""

    id: int
    feather: float


@dataclass(frozen=True)
class StartView:
    """Fields of StartSpec; of a start by values, the values are left out."""

    model: str
    seed: int | None
    truncation_psi: float
    truncation_cutoff: int | None
    class_index: int | None
    class_vector: tuple[float, ...] | None
    mix: StyleMix | None


@dataclass(frozen=True)
class NodeView:
    """A line of the history.

    Attributes:
        frames: number of steps of a drag that can be looked at. kept: the one that is shown, from 1.
        end: reason why it ended, None while it runs.
        picture: number of the node's picture; different pictures have different numbers. label: text for a person.
    """

    id: int
    parent: int | None
    kind: NodeKind
    frames: int
    kept: int
    end: EndReason | None
    picture: int
    label: str


@dataclass(frozen=True)
class SessionView:
    """The state of a session as the browser shows it: plain data, without pixels.

    Attributes:
        name: name that the person gave it, "" = none yet.
        num_ws, c_dim: facts about the model. original: the node of the image's start. photo: the photo that it shows.
        settings: every field of DragSettings. changed: those that differ from their defaults by choice.
        can_go_on: True if the shown state is a drag that stopped by itself before it arrived, and can be continued.
        remaining: rounds of an opened edit file that are still to be made again.
        message: one or two sentences on what happened last; "" = nothing to say.
    """

    session: str
    name: str
    model: str
    image: ImageSize
    num_ws: int
    c_dim: int
    start: StartView
    photo: PhotoStart | None
    original: int
    cursor: int
    state: State
    points: list[Point]
    mask: MaskView | None
    settings: dict[str, SettingValue]
    changed: list[str]
    nodes: list[NodeView]
    can_undo: bool
    can_redo: bool
    can_go_on: bool
    remaining: int
    message: str


def session_view(document: Document, rounds: Rounds) -> SessionView:
    """Build the view of a session."""
    history, node = document.history, document.history.node
    spec, model = history.start_of(node), history.models[node.start_id]
    return SessionView(
        session=document.id,
        name=history.name,
        model=spec.model,
        image=ImageSize(model.width, model.height),
        num_ws=model.num_ws,
        c_dim=model.c_dim,
        start=StartView(**{each.name: getattr(spec, each.name) for each in fields(StartView)}),
        photo=spec.photo,
        original=node.start_id,
        cursor=node.id,
        state="running" if rounds.running else "idle",
        points=list(document.points),
        mask=None if node.mask_id is None else MaskView(node.mask_id, history.feathers[node.mask_id]),
        settings=asdict(document.settings()),
        changed=sorted(history.settings),
        nodes=[node_view(each) for each in history.nodes.values()],
        can_undo=rounds.pulling or history.undo_node is not None,
        can_redo=history.redo_node is not None,
        can_go_on=rounds.can_go_on,
        remaining=len(rounds.queue),
        message=node.end_text,
    )


def node_view(node: Node) -> NodeView:
    """Build the view of a node."""
    record = node.round
    return NodeView(
        id=node.id,
        parent=node.parent,
        kind=node.kind,
        frames=0 if record is None else len(record.frames),
        kept=0 if record is None else record.place(record.shown),
        end=None if record is None else record.end,
        picture=node.latent_id,
        label=_label(node),
    )


def _label(node: Node) -> str:
    if node.start is not None:
        if node.kept:
            return "Other appearance"
        if node.start.photo is not None:
            return f"Photo {node.start.photo.name}"
        return "Image by its values" if node.start.seed is None else f"Seed {node.start.seed}"
    if node.round is not None:
        steps = node.round.steps
        if node.round.kept is not None:
            return f"Drag, step {node.round.kept} of {steps}"
        return f"Drag, {steps} {'step' if steps == 1 else 'steps'}"
    if node.kind == "continue":
        return f"From step {node.step}"
    if node.kind == "mask":
        return "No mask" if node.mask_id is None else "Mask"
    count = len(node.points)
    return "No points" if count == 0 else f"{count} {'point' if count == 1 else 'points'}"
