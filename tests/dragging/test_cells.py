"""Pulls of an image's cells, computed at once and in steps."""

import numpy as np
import torch

from draglab.dragging import cells
from draglab.dragging.cells import CELLS, RESOLUTION, local_pulls, prepare_pulls
from tests.tiny import tiny_generator


def plain_pulls(generator, w_plus):
    """J^T v for each cell, of a v that is zero outside of it: by a backward pass through all features."""
    level = generator.feature_level(RESOLUTION)
    source = torch.Generator().manual_seed(0)
    directions = torch.randn(generator.feature_maps(w_plus, level).top.shape[1:], generator=source)
    side = RESOLUTION // CELLS
    found = torch.zeros(CELLS, CELLS, *w_plus.shape[1:])
    for row, column in np.ndindex(CELLS, CELLS):
        v = torch.zeros_like(directions)
        inside = (..., slice(row * side, (row + 1) * side), slice(column * side, (column + 1) * side))
        v[inside] = directions[inside]
        latent = w_plus.clone().requires_grad_(True)
        (generator.feature_maps(latent, level).top[0] * v).sum().backward()
        found[row, column] = latent.grad[0]
    return found


def test_pulls_are_those_of_the_definition():
    generator = tiny_generator()
    w_plus = generator.w_plus_from_seed(1)
    torch.testing.assert_close(local_pulls(generator, w_plus), plain_pulls(generator, w_plus), rtol=1e-4, atol=1e-4)


def test_what_was_prepared_is_not_computed_again(monkeypatch):
    generator = tiny_generator()
    first, second = (generator.w_plus_from_seed(seed) for seed in (1, 2))
    expected = local_pulls(tiny_generator(), first)
    assert len(list(prepare_pulls(generator, first))) == CELLS * CELLS
    next(prepare_pulls(generator, second))  # not to its end: nothing is remembered of it
    computed, measure = [], cells.measure_pulls
    monkeypatch.setattr(cells, "measure_pulls", lambda *given: computed.append(given) or measure(*given))
    assert torch.equal(local_pulls(generator, first), expected) and computed == []
    assert list(prepare_pulls(generator, first)) == []
    local_pulls(generator, second)
    assert len(computed) == 1
