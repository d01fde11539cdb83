"""Data types of an editing session: points, starts, rounds, nodes of the history."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from draglab.editor.photo import PhotoStart
from draglab.editor.round_runner import EndReason, end_text
from draglab.geometry import MIN_TRAVEL
from draglab.media.edit_file import Retarget, SettingValue

NodeKind = Literal["start", "round", "points", "mask", "continue"]
XY = tuple[float, float]


@dataclass(frozen=True)
class Point:
    """A handle and its target.

    Attributes:
        id: chosen by the caller that set the point; stays the same while the point moves.
        handle, target: (x, y) in image pixels; target None = not dragged.
        pin: True if the point holds its place, the target, while others are dragged; a pin never begins a drag.
        resting: True if an earlier round dragged the point and it was not pulled since. When others are pulled, it is
            left out; if all points rest, a round goes on with them.
    """

    id: int | str
    handle: XY
    target: XY | None = None
    pin: bool = False
    resting: bool = False

    @property
    def moves(self) -> bool:
        """Whether a drag has to move the point."""
        return not self.pin and self.target is not None and math.dist(self.handle, self.target) >= MIN_TRAVEL

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Point:
        """Restore from the values that ``dataclasses.asdict`` returns."""
        target = value["target"]
        place = None if target is None else _xy(target)
        pin, resting = value.get("pin", False), value.get("resting", False)
        return cls(value["id"], _xy(value["handle"]), place, pin, resting)

    def pinned(self) -> Point:
        """Return a pin at the handle's place."""
        return Point(self.id, self.handle, self.handle, pin=True)


@dataclass(frozen=True)
class StyleMix:
    """The appearance of another seed: its w_plus from layer `first_layer` on (counted from 0)."""

    seed: int
    first_layer: int


@dataclass(frozen=True)
class StartSpec:
    """The image that an edit starts from.

    Attributes:
        model: name of the model, as the session's `generator_of` takes it.
        seed: None = start from `w_plus`, or, when a session's start is set again, from the values that it had.
        w_plus: [num_ws, w_dim] float32, the values of a start without seed; they include the style mixing of `mix`.
        truncation_psi, truncation_cutoff, class_index, class_vector: see Generator.w_plus_from_seed.
        mix: appearance from another seed, or None.
        photo: the photo that the values show, with the weights that were tuned to it; None = the model's own image.
    """

    model: str
    seed: int | None = None
    w_plus: NDArray[np.float32] | None = field(default=None, compare=False)
    truncation_psi: float = 1.0
    truncation_cutoff: int | None = None
    class_index: int | None = None
    class_vector: tuple[float, ...] | None = None
    mix: StyleMix | None = None
    photo: PhotoStart | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain values, without `w_plus`."""
        parts = ("w_plus", "mix", "photo")
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in parts}
        # Without photos, entries stay readable for an older draglab.
        photo = {} if self.photo is None else {"photo": asdict(self.photo)}
        return {**values, "mix": None if self.mix is None else asdict(self.mix), **photo}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StartSpec:
        """Restore from the values that :meth:`as_json` returns."""
        mix, classes = values["mix"], values["class_vector"]
        vector = None if classes is None else tuple(classes)
        photo = PhotoStart.from_json(values.get("photo"))
        mixed = None if mix is None else StyleMix(**mix)
        return cls(**{**values, "mix": mixed, "class_vector": vector, "photo": photo})


@dataclass(frozen=True)
class ModelFacts:
    """Facts about the generator of a start: its sizes, known without loading it, its SHA-256 to recognise it, and the
    settings of drags that suit it."""

    sha256: str
    width: int
    height: int
    num_ws: int
    w_dim: int
    c_dim: int
    drag_settings: Mapping[str, SettingValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """A recorded step of a round: its latent, the dragged handles after it, and the loss that it descended.

    Attributes:
        step: number of the step, from 1.
    """

    step: int
    latent_id: int
    handles: tuple[XY, ...]
    loss: float


@dataclass
class RoundRecord:
    """Record of a drag, which grows while it runs.

    Attributes:
        ids: ids of the dragged points; all other attributes have the points in this order.
        handles, targets: the points' first handles and targets.
        settings: every field of DragSettings.
        frames: recorded steps, in order: all of them, or, of a pull that the image followed, some.
        moves: moves of the targets during the drag.
        end: reason why the drag ended; None while it runs.
        kept: the step that the round's node shows, counted from 1; None = the last.
    """

    ids: tuple[int | str, ...]
    handles: tuple[XY, ...]
    targets: tuple[XY, ...]
    settings: dict[str, SettingValue]
    frames: list[Frame] = field(default_factory=list)
    moves: list[Retarget] = field(default_factory=list)
    end: EndReason | None = None
    kept: int | None = None

    @property
    def steps(self) -> int:
        """Number of steps made."""
        return self.frames[-1].step if self.frames else 0

    @property
    def shown(self) -> int:
        """Number of the step that the round's node shows."""
        return self.steps if self.kept is None else self.kept

    def place(self, step: int) -> int:
        """Return the place of a recorded step among the frames, counted from 1; 0 = before the first step."""
        return bisect_left(self.frames, step, key=lambda frame: frame.step) + 1 if step else 0

    def targets_after(self, step: int) -> tuple[XY, ...]:
        """Return the targets of the points after this number of steps."""
        moved = next((move.targets for move in reversed(self.moves) if move.after <= step), None)
        return self.targets if moved is None else tuple(map(_xy, moved))


@dataclass(frozen=True)
class Node:
    """A complete state, which refers to journal entries; nothing in it is ever overwritten.

    Attributes:
        id: number of the journal's entry that made it. parent: id of its parent, None for the first node.
        latent_id: entry that holds its latent. mask_id: entry that holds its mask; None = everything may move.
        start_id: the node of its image's start, itself for a start.
        start: for starts only. round: for rounds only.
        frame: for "continue" only, the place among the frames of its parent, counted from 1. step: number of that step.
        kept: for starts, True if the latent is not the start's own, because an edit was kept when the appearance
            changed.
        base_id: for starts by values, the entry that holds them as they were before any style mixing.
    """

    id: int
    parent: int | None
    kind: NodeKind
    latent_id: int
    points: tuple[Point, ...]
    mask_id: int | None
    start_id: int
    created: float
    start: StartSpec | None = None
    round: RoundRecord | None = None
    frame: int | None = None
    step: int | None = None
    kept: bool = False
    base_id: int | None = None

    @property
    def end_text(self) -> str:
        """Sentences for a person on how a round ended; "" if it runs or the node is not a round."""
        record = self.round
        if record is None or record.end is None:
            return ""
        ways = [
            math.dist(point.handle, point.target)
            for point in self.points
            if point.id in record.ids and point.target is not None and not point.pin
        ]
        return end_text(record.end, record.steps, record.shown, ways)


@dataclass(frozen=True)
class StepReport:
    """Report on one step, for observers.

    Attributes:
        node: id of the round's node; of a pull that goes on, the node from which it began.
        step: number of the step, from 1.
        ids: ids of the points that have a target. handles, targets: (x, y) of each of them, image pixels. distances:
            between the two.
        mean_distance: mean of the distances, without those of pins.
        reachable: of each of them, see DragStep; None = not known.
        end: reason why the round ended with this step, None if it goes on. text: the end in words, "" if it goes on.
    """

    node: int
    step: int
    ids: list[int | str]
    handles: list[XY]
    targets: list[XY]
    distances: list[float]
    mean_distance: float
    loss: float
    end: EndReason | None
    text: str
    reachable: list[XY] | None = None

    @classmethod
    def of(cls, node: Node) -> StepReport:
        """Build the report on the last step of a round, even if another step is kept."""
        assert node.round is not None
        last = node.round.frames[-1]
        points = with_handles(node.points, dict(zip(node.round.ids, last.handles, strict=True)))
        return cls.between(node.id, points, last.step, last.loss, node.round.end, node.end_text)

    @classmethod
    def between(
        cls,
        node: int,
        points: Sequence[Point],
        step: int,
        loss: float,
        end: EndReason | None = None,
        text: str = "",
        reachable: Mapping[int | str, XY] | None = None,
    ) -> StepReport:
        """Build the report on a step after which the points are where they are given.

        Args:
            reachable: places by the ids of the dragged points, see DragStep; None = not known.
        """
        aimed = [(point, point.target) for point in points if point.target is not None]
        distances = [math.dist(point.handle, target) for point, target in aimed]
        left = [distance for distance, (point, _) in zip(distances, aimed, strict=True) if not point.pin]
        return cls(
            node=node,
            step=step,
            ids=[point.id for point, _ in aimed],
            handles=[point.handle for point, _ in aimed],
            targets=[target for _, target in aimed],
            distances=distances,
            mean_distance=sum(left) / len(left),
            loss=loss,
            end=end,
            text=text,
            reachable=None if reachable is None else [reachable.get(point.id, target) for point, target in aimed],
        )


def places_by_id(ids: Sequence[int | str], places: NDArray[np.float64]) -> dict[int | str, XY]:
    """Return places [n, 2] by the ids of their points."""
    return dict(zip(ids, map(_xy, places), strict=True))


def with_handles(points: Sequence[Point], handles: Mapping[int | str, XY]) -> tuple[Point, ...]:
    """Return the points with the given handles, by id, in place of their own."""
    return tuple(replace(point, handle=handles.get(point.id, point.handle)) for point in points)


def _xy(value: Any) -> XY:
    return float(value[0]), float(value[1])
