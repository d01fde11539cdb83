"""Several drags at once: steps of drags without masks are computed as one batch."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from draglab.dragging.algorithm import FirstOrderRun, result_of, start_run, to_host
from draglab.dragging.features import Features
from draglab.dragging.losses import Losses
from draglab.dragging.run import DragRun
from draglab.dragging.settings import DragSettings
from draglab.dragging.types import DragEdit, DragResult, DragStep
from draglab.errors import DraglabError
from draglab.generators import FeatureMaps, Generator


def advance(runs: Sequence[DragRun]) -> list[DragStep | None]:
    """Make one step of each run, equal to :meth:`DragRun.step` up to rounding.

    Features of first-order runs without masks that share a model and a window size are computed as one batch; their
    gradients take one pass, and the device is synchronised once.

    Args:
        runs: distinct runs without a stop_reason.

    Returns:
        each run's step; None if it diverged, in which case its `stop_reason` is "diverged".
    """
    together = [run for run in runs if isinstance(run, FirstOrderRun)]
    steps = dict(zip(map(id, together), _advance_together(together), strict=True))
    return [steps[id(run)] if isinstance(run, FirstOrderRun) else run.attempt() for run in runs]


def _advance_together(runs: Sequence[FirstOrderRun]) -> list[DragStep | None]:
    if not runs:
        return []
    losses = [run.losses() for run in runs]
    for run, gradient in zip(runs, _gradients(runs, losses), strict=True):
        run.optimizer.step(gradient)
    features = _read(runs)
    tracked = [run.track(each) for run, each in zip(runs, features, strict=True)]
    found = to_host(losses, features, tracked)
    return [run.conclude(each, *numbers) for run, each, numbers in zip(runs, features, found, strict=True)]


def _gradients(runs: Sequence[FirstOrderRun], losses: Sequence[Losses]) -> list[Tensor]:
    """Return the gradient that each run descends; runs without a mask share one backward pass."""
    free = [index for index, run in enumerate(runs) if run.mask_term is None]
    found = {i: run.gradient(losses[i]) for i, run in enumerate(runs) if run.mask_term is not None}
    if free:
        total = torch.stack([losses[index].total for index in free]).sum()
        gradients = torch.autograd.grad(total, [runs[index].latent.offset for index in free])
        found |= dict(zip(free, gradients, strict=True))
    return [found[index] for index in range(len(runs))]


def _read(runs: Sequence[FirstOrderRun]) -> list[Features]:
    """Compute the features of each run's current latent."""
    batches: dict[tuple[int, ...], list[int]] = {}
    for index, run in enumerate(runs):
        reader = run.reader
        alone = (index,)
        alike = (id(reader.generator), reader.level, reader.side, id(reader.dtype), reader.plan is None)
        batches.setdefault(alone if reader.has_mask else alike, []).append(index)
    read: dict[int, Features] = {}
    for batch in batches.values():
        together = [runs[index] for index in batch]
        features = [together[0].read()] if len(batch) == 1 else read_together(together)
        read |= dict(zip(batch, features, strict=True))
    return [read[index] for index in range(len(runs))]


def read_together(runs: Sequence[FirstOrderRun]) -> list[Features]:
    """Compute as one batch the features that :meth:`FirstOrderRun.read` computes for each run.

    The runs must share model, level and window size, and have no masks.
    """
    reader = runs[0].reader
    counts = [len(run.handles) for run in runs]
    with torch.enable_grad():
        latents = torch.cat([run.latent.w_plus() for run in runs])
        plan = None
        if reader.plan is not None:
            size = (reader.side, reader.side)
            plan = reader.generator.window_plan(reader.level, [(size, sum(counts))], len(runs))
        if plan is None or plan.whole_until == reader.level:
            maps = reader.generator.feature_maps(latents, reader.level, dtype=reader.dtype)
            return [Features.whole(_one_of(maps, index), reader.margin) for index in range(len(runs))]
        origins = np.concatenate([run.reader.origins(run.handles) for run in runs])
        owners = np.repeat(np.arange(len(runs)), counts)
        (windows,) = plan.run(latents, [origins], owners=[owners], dtype=reader.dtype)
    ends = np.cumsum(counts)
    return [
        Features(replace(windows, values=windows.values[start:end], origins=windows.origins[start:end]))
        for start, end in zip(ends - counts, ends, strict=True)
    ]


def _one_of(maps: FeatureMaps, index: int) -> FeatureMaps:
    return FeatureMaps({level: block[index : index + 1] for level, block in maps.blocks.items()})


def drag_many(
    generator: Generator,
    w_plus: Tensor,
    edits: Sequence[DragEdit],
    settings: DragSettings | None = None,
    callback: Callable[[int, DragStep], bool | None] | None = None,
    together: int = 8,
) -> list[DragResult]:
    """Drag several images to the end, up to `together` at once: steps of edits without masks form one batch.

    Every drag makes the same steps as :func:`draglab.drag`, up to rounding. Small models gain most
    (docs/performance.md).

    Args:
        generator, settings: see :func:`draglab.drag_steps`.
        w_plus: [N, num_ws, w_dim], the latents to start from. edits: N edits, one for each latent.
        callback: called with a drag's index, from 0, and each of its steps; True stops that drag there.
        together: number of drags at once, on which the memory depends. When one ends, the next joins.

    Returns:
        results in the order of the edits. The stop_reason of a drag whose optimisation diverged is "diverged".

    Raises:
        DraglabError: an edit does not fit the image, before anything is computed; see :func:`draglab.drag_steps`.
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

    def end(number: int) -> None:
        run, start = active.pop(number), w_plus[number : number + 1]
        seconds = time.perf_counter() - begun[number] - waited[number]
        result = result_of(generator, start, edits[number], run.last, run.best, seconds)
        # The last step does not know that the run diverged after it.
        results[number] = replace(result, stop_reason=run.stop_reason or "cancelled")

    while waiting or active:
        while waiting and len(active) < max(together, 1):
            number = waiting.popleft()
            begun[number] = time.perf_counter()
            active[number] = start_run(generator, w_plus[number : number + 1], edits[number], settings)
            if active[number].stop_reason is not None:
                end(number)
        numbers = list(active)
        if not numbers:
            continue
        for number, step in zip(numbers, advance(list(active.values())), strict=True):
            called = time.perf_counter()
            stopped = step is not None and callback is not None and callback(number, step)
            spent = time.perf_counter() - called
            # Every active drag waits for a callback.
            for each in active:
                waited[each] += spent
            if stopped or active[number].stop_reason is not None:
                end(number)
    return [results[number] for number in range(len(edits))]
