"""Videos of drags: their pictures between two steps, and the film of a replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from draglab.editor.pictures import render
from draglab.editor.replay import Replay, ReplayStep
from draglab.generators import Generator
from draglab.media.edit_file import EditFile
from draglab.media.overlay import draw_edit
from draglab.media.video import FrameSink

FPS = 20
FRAMES_PER_STEP = 4
"""Pictures for each step, as a drag may arrive in five steps; between two steps the latent is interpolated linearly."""


@dataclass(frozen=True)
class Moment:
    """A latent [1, num_ws, w_dim] and its handles [n, 2], image pixels."""

    w_plus: Tensor
    handles: NDArray[np.float64]


def pictures_between(
    generator: Generator, before: Moment, after: Moment, targets: ArrayLike
) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures after one moment up to another, uint8 [H, W, 3], with handles and targets [n, 2] drawn."""
    for share in np.arange(1, FRAMES_PER_STEP + 1) / FRAMES_PER_STEP:
        picture = render(generator, torch.lerp(before.w_plus, after.w_plus, float(share)))
        yield draw_edit(picture, before.handles + (after.handles - before.handles) * share, targets)


class ReplayFilm:
    """The film of a replay: its start for a second, its steps, its result for a second.

    Args:
        edit_file, generator: those of the replay. sink: the video, of :data:`FPS` pictures a second.
    """

    def __init__(self, edit_file: EditFile, generator: Generator, sink: FrameSink) -> None:
        self._rounds, self._generator, self._sink = edit_file.rounds, generator, sink

    def begin(self, replay: Replay) -> None:
        """Add the start, before the first step."""
        first = self._rounds[0]
        picture = draw_edit(replay.image(), first.handles(), first.targets(), first.movable())
        self._sink.add(picture, repeat=FPS)
        self._before = Moment(replay.w_plus, first.handles())

    def add(self, now: ReplayStep) -> None:
        """Add the pictures up to a step."""
        if now.step.index == 1:
            self._before = Moment(self._before.w_plus, self._rounds[now.round_index].handles())
        after = Moment(now.step.w_plus, now.step.handles)
        for picture in pictures_between(self._generator, self._before, after, now.step.targets):
            self._sink.add(picture)
        self._before = after

    def end(self, replay: Replay) -> None:
        """Add the result."""
        self._sink.add(replay.image(), repeat=FPS)
