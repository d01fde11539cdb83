"""Dragging: one optimiser step and one tracking step after the other (DragGAN section 3, figure 2)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from draglab.drag.edit import DragEdit
from draglab.drag.result import DragResult, result_of
from draglab.drag.run import DragRun, DragStep, StopReason, advance, diverged
from draglab.drag.settings import DragSettings
from draglab.errors import DraglabError
from draglab.generators import Generator


def drag_steps(
    generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings | None = None
) -> Iterator[DragStep]:
    """Drag handles to targets, one iteration at a time; stop by not asking for more.

    Each iteration runs the generator once up to the feature block, and back: the features that tracking reads are those
    that the next motion supervision starts from. Only windows around the handles are synthesised where that is cheaper.

    Args:
        generator: the model.
        w_plus: [1, num_ws, w_dim], the latent to start from; not changed. Features of it are the reference for tracking
            and mask, so a new round begins with a new call.
        edit: handles, targets, mask.
        settings: None = the `draglab` preset.

    Yields:
        a DragStep after every iteration, none if all handles are within the stop distance from the start.

    Raises:
        DraglabError: w_plus does not fit the model, points or mask do not fit the image, the feature block or layer
            does not exist, or the step size is so large that the optimisation left the range of numbers.
    """
    settings = settings or DragSettings()
    generator.check_w_plus(w_plus)
    edit.validated(*generator.img_shape)
    if len(w_plus) != 1:
        raise DraglabError(f"w_plus holds {len(w_plus)} latents: drag one image at a time")
    return _iterate(generator, w_plus, edit, settings)


def _iterate(generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings) -> Iterator[DragStep]:
    run = DragRun(generator, w_plus, edit, settings)
    while run.stop_reason is None:
        (step,) = advance([run])
        if step is None:
            raise diverged(1 if run.last is None else run.last.index + 1)
        yield step


def drag(
    generator: Generator,
    w_plus: Tensor,
    edit: DragEdit,
    settings: DragSettings | None = None,
    callback: Callable[[DragStep], bool | None] | None = None,
) -> DragResult:
    """Drag to the end: until every handle arrived, `max_steps`, no more progress, or the callback returns True.

    Args:
        generator, w_plus, edit, settings: see :func:`drag_steps`.
        callback: called with every DragStep; True stops the drag there.

    Raises:
        DraglabError: see :func:`drag_steps`.
    """
    (result,) = drag_many(
        generator, w_plus, [edit], settings, None if callback is None else lambda _, step: callback(step)
    )
    if result.stop_reason == "diverged":
        raise diverged(result.steps + 1)
    return result


def drag_many(
    generator: Generator,
    w_plus: Tensor,
    edits: Sequence[DragEdit],
    settings: DragSettings | None = None,
    callback: Callable[[int, DragStep], bool | None] | None = None,
    together: int = 8,
) -> list[DragResult]:
    """Drag several images to the end, `together` at once: steps of edits without masks are computed as one batch.

    Every drag takes the same steps as :func:`drag` alone, up to rounding. Small models gain most (docs/performance.md).

    Args:
        generator, settings: see :func:`drag_steps`.
        w_plus: [N, num_ws, w_dim], where each drag starts. edits: of each.
        callback: called with each drag's number, from 0, and its steps; True stops that drag there.
        together: memory grows with it. Others join when some end.

    Returns:
        results in the order of the edits. A drag whose optimisation left the range of numbers is "diverged" there.

    Raises:
        DraglabError: an edit does not fit the image, before anything is computed; see :func:`drag_steps`.
    """
    generator.check_w_plus(w_plus)
    if len(w_plus) != len(edits):
        raise DraglabError(f"{len(w_plus)} latents and {len(edits)} edits: give as many of one as of the other")
    for edit in edits:
        edit.validated(*generator.img_shape)
    waiting = deque(range(len(edits)))
    active: dict[int, DragRun] = {}
    begun, waited = [0.0] * len(edits), [0.0] * len(edits)
    results: dict[int, DragResult] = {}

    def end(number: int, reason: StopReason) -> None:
        seconds = time.perf_counter() - begun[number] - waited[number]
        results[number] = result_of(active.pop(number), w_plus[number : number + 1], reason, seconds)

    while waiting or active:
        while waiting and len(active) < max(together, 1):
            number = waiting.popleft()
            begun[number] = time.perf_counter()
            active[number] = DragRun(generator, w_plus[number : number + 1], edits[number], settings)
            if (reason := active[number].stop_reason) is not None:
                end(number, reason)
        numbers = list(active)
        if not numbers:
            continue
        for number, step in zip(numbers, advance(list(active.values())), strict=True):
            called = time.perf_counter()
            stopped = step is not None and callback is not None and callback(number, step)
            spent = time.perf_counter() - called
            # All of them wait for a callback.
            for each in active:
                waited[each] += spent
            if (reason := active[number].stop_reason) is not None:
                end(number, reason)
            elif stopped:
                end(number, "cancelled")
    return [results[number] for number in range(len(edits))]
