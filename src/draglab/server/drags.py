"""Drags that programs run over HTTP."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from draglab.errors import DraglabError
from draglab.media.edit_file import EditFile, ModelReference, PointPair, Round, SeedStart, SettingValue, Start
from draglab.server.library import Library
from draglab.server.limits import Limits
from draglab.server.loaded_models import LoadedModels
from draglab.server.worker import Worker

if TYPE_CHECKING:
    from torch import Tensor

    from draglab.editor.replay import Replay, ReplayStep
    from draglab.generators import Generator

State = Literal["running", "finished", "cancelled", "failed"]
Format = Literal["png", "jpg", "webp"]
_STRICT = ConfigDict(defer_build=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True)
class GenerateRequest:
    """The image of a seed. model: None = the default model. start: as in an edit file."""

    __pydantic_config__ = _STRICT
    model: Annotated[str, Field(max_length=300)] | None = None
    start: SeedStart = field(default_factory=lambda: SeedStart(seed=0))
    format: Format = "png"


@dataclass(frozen=True, kw_only=True)
class DragRequest:
    """A drag. Fields are as in an edit file (docs/edit-files.md).

    points: in image pixels. mask: base64 of a PNG, white = movable. settings: fields of draglab.DragSettings.
    """

    __pydantic_config__ = _STRICT
    model: Annotated[str, Field(max_length=300)] | None = None
    start: Start
    points: Annotated[list[PointPair], Field(min_length=1, max_length=10_000, fail_fast=True)]
    mask: str | None = None
    settings: dict[str, SettingValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DragStatus:
    """Status of a drag.

    handles, targets, distances: in image pixels. stop_reason: reason why the drag ended: arrived, stalled,
    out_of_reach, max_steps or stopped (cancelled). A drag that did not arrive keeps its best step, and `step` is the
    number of that one. error: reason why the drag failed.
    """

    id: str
    model: str
    state: State
    step: int = 0
    handles: list[list[float]] = field(default_factory=list)
    targets: list[list[float]] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)
    mean_distance: float | None = None
    stop_reason: str | None = None
    error: str | None = None


class TooManyDrags(DraglabError):
    """The limit of concurrent drags is reached."""


class Drag:
    """A drag: a worker.Task. `status` can be read from any thread."""

    def __init__(self, model: str, owner: str | None, replay: Replay) -> None:
        self.owner = owner
        self.status = DragStatus(id=secrets.token_urlsafe(16), model=model, state="running")
        self.edit: EditFile | None = None
        """Edit file that reproduces the result; None until the drag has ended."""
        self.w_plus: NDArray[np.float32] | None = None
        """[num_ws, w_dim], the result; None until the drag has ended."""
        self._replay: Replay | None = replay
        self._steps: Iterator[ReplayStep] = iter(replay)

    def step(self) -> bool:
        try:
            now = next(self._steps)
        except StopIteration:
            self._finish("finished")
            return False
        except DraglabError as error:
            self.fail(error)
            return False
        step = now.step
        self._tell(step.index, step.handles, step.targets, step.distances)
        return True

    def cancel(self) -> None:
        """End the drag and keep its best step; do nothing if it has ended."""
        if self._replay is not None:
            self._replay.stop()
            # The rest of the iteration chooses that step.
            for _ in self._steps:
                pass
            self._finish("cancelled")

    def fail(self, error: Exception) -> None:
        what = str(error) if isinstance(error, DraglabError) else f"a step failed ({type(error).__name__})"
        self.status = replace(self.status, state="failed", error=what)
        self._replay = None

    def _finish(self, state: State) -> None:
        replay = self._replay
        assert replay is not None
        self.edit = replay.recorded()
        self.w_plus = replay.w_plus[0].detach().float().cpu().numpy()
        if replay.reports:
            report = replay.reports[0]
            self._tell(report.steps, report.handles, report.targets, report.distances)
            self.status = replace(self.status, stop_reason=report.end)
        self.status = replace(self.status, state=state)
        # It holds the generator.
        self._replay = None

    def _tell(self, step: int, handles: NDArray, targets: NDArray, distances: NDArray) -> None:
        self.status = replace(
            self.status,
            step=step,
            handles=handles.tolist(),
            targets=targets.tolist(),
            distances=distances.tolist(),
            mean_distance=float(distances.mean()),
        )


class Drags:
    """The running drags and the latest that have ended. Used on the worker's thread, except for :meth:`find`."""

    def __init__(self, library: Library, loaded: LoadedModels, worker: Worker, limits: Limits) -> None:
        self._library = library
        self._generator_of = loaded.get
        self._worker = worker
        self._limits = limits
        self._drags: dict[str, Drag] = {}

    def size(self, request: DragRequest, owner: str | None) -> tuple[int, int]:
        """Return the (height, width) in pixels of the images of a request's model.

        Raises:
            TooManyDrags: the limit of concurrent drags is reached.
            DraglabError: there is no such model.
        """
        self._check_room(owner)
        return self._model(request.model)[1].img_shape

    def start(self, request: DragRequest, owner: str | None, mask: NDArray[np.bool_] | None = None) -> DragStatus:
        """Start a drag, whose steps take turns with those of all others.

        Args:
            mask: the request's decoded mask, bool [H, W], True = movable.

        Raises:
            TooManyDrags: the limit of concurrent drags is reached.
            DraglabError: the request does not fit the model, or exceeds a limit.
        """
        from draglab.editor.replay import Replay
        from draglab.editor.settings import read_settings

        self._check_room(owner)
        if len(request.points) > self._limits.points:
            raise DraglabError(
                f"{len(request.points)} points are too many: at most {self._limits.points} (limit 'points')"
            )
        read_settings(request.settings)
        model, generator = self._model(request.model)
        settings = asdict(read_settings({**generator.drag_settings, **request.settings}))
        if settings["max_steps"] > self._limits.drag_steps:
            most = self._limits.drag_steps
            raise DraglabError(f"max_steps is {settings['max_steps']}: at most {most} are taken (limit 'drag_steps')")
        handles = np.array([pair.handle for pair in request.points])
        targets = np.array([pair.target for pair in request.points])
        one = Round.from_arrays(handles, targets, mask, settings)
        reference = ModelReference(name=model, sha256=generator.sha256)
        drag = Drag(model, owner, Replay(EditFile(model=reference, start=request.start, rounds=[one]), generator))
        self._forget(len(self._drags) + 1 - self._limits.drags_kept)
        self._drags[drag.status.id] = drag
        self._worker.add(drag)
        return drag.status

    def find(self, identifier: str, owner: str | None) -> Drag | None:
        """Return a drag of this person; None if there is no such drag."""
        drag = self._drags.get(identifier)
        return drag if drag is not None and drag.owner == owner else None

    def cancel(self, drag: Drag) -> DragStatus:
        """End a drag and return its status."""
        self._worker.remove(drag)
        drag.cancel()
        return drag.status

    def image(self, drag: Drag) -> NDArray[np.uint8]:
        """Compute the image of a drag that has ended, uint8 [H, W, 3].

        Raises:
            DraglabError: the model is no longer here.
        """
        import torch

        assert drag.w_plus is not None
        return _image(self._generator_of(drag.status.model), torch.from_numpy(drag.w_plus)[None])

    def generate(self, request: GenerateRequest) -> tuple[NDArray[np.uint8], str]:
        """Compute the image of a seed, uint8 [H, W, 3], and return it with the name of its model.

        Raises:
            DraglabError: there is no such model, or the start does not fit it.
        """
        model, generator = self._model(request.model)
        start = request.start
        c = start.class_index if start.class_vector is None else start.class_vector
        w_plus = generator.w_plus_from_seed(start.seed, start.truncation_psi, start.truncation_cutoff, c)
        return _image(generator, w_plus), model

    def _check_room(self, owner: str | None) -> None:
        running = [drag.owner for drag in self._drags.values() if drag.status.state == "running"]
        for name, count in (("drags_per_person", running.count(owner)), ("drags", len(running))):
            if count >= getattr(self._limits, name):
                raise TooManyDrags(f"{count} drags are running (limit {name!a}): wait for one or cancel it")

    def _forget(self, count: int) -> None:
        """Forget this number of ended drags, each time the oldest of the person who has most of them."""
        ended = [drag for drag in self._drags.values() if drag.status.state != "running"]
        for _ in range(min(count, len(ended))):
            ((owner, _),) = Counter(drag.owner for drag in ended).most_common(1)
            oldest = next(drag for drag in ended if drag.owner == owner)
            ended.remove(oldest)
            del self._drags[oldest.status.id]

    def _model(self, name: str | None) -> tuple[str, Generator]:
        model = name or self._library.default
        return model, self._generator_of(model)


def _image(generator: Generator, w_plus: Tensor) -> NDArray[np.uint8]:
    """Compute the image of one latent [1, num_ws, w_dim]."""
    import torch

    from draglab.generators import to_uint8

    with torch.no_grad():
        return to_uint8(generator.image(w_plus.to(generator.device, generator.dtype)))[0]
