"""Which step of a drag is kept when it does not arrive, and how a drag goes on that stopped by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from draglab.drag import DragRun, DragStep


def nearest_step(run: DragRun, before: DragStep | None) -> DragStep | None:
    """The step whose handles are nearest to the targets on average; the earlier one of two that are equally near.

    Args:
        run: after a step. before: what this function gave after the step before, None after the first.
    """
    if before is None or run.last is None:
        return run.last
    distances = [np.linalg.norm(run.targets - step.handles, axis=1).mean() for step in (before, run.last)]
    return run.last if distances[1] < distances[0] else before


def go_on(run: DragRun) -> None:
    """Let a run that stopped by itself make further steps from its last one, without patience, up to max_steps."""
    run.settings = replace(run.settings, patience=None)
    spent = run.last is not None and run.last.index >= run.settings.max_steps
    run.stop_reason = "max_steps" if spent else None
