"""Latents that do not fit are refused in one sentence; results can be pickled."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import draglab
from draglab.dragging import DragEdit, DragSettings, drag_steps
from draglab.errors import DraglabError
from draglab.generators import StyleGAN2
from tests.tiny import tiny_generator

EDIT = DragEdit([[8, 9]], [[14.5, 9]])
SETTINGS = DragSettings(max_steps=2)
USES: dict[str, Callable[[StyleGAN2, Any], Any]] = {
    "drag": lambda generator, w_plus: draglab.drag(generator, w_plus, EDIT, SETTINGS),
    "drag_steps": lambda generator, w_plus: drag_steps(generator, w_plus, EDIT, SETTINGS),
    "drag_many": lambda generator, w_plus: draglab.drag_many(generator, w_plus, [EDIT], SETTINGS),
    "image": lambda generator, w_plus: generator.image(w_plus),
    "features": lambda generator, w_plus: generator.features(w_plus, 16),
}


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    return tiny_generator()


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w_plus: w_plus.numpy(), "w_plus is a ndarray: give a torch.Tensor"),
        (lambda w_plus: None, "w_plus is a NoneType"),
        (lambda w_plus: w_plus.tolist(), "w_plus is a list"),
        (lambda w_plus: w_plus[0], r"w_plus has shape \[\d+, \d+\]: this model takes \[N, "),
        (lambda w_plus: w_plus[:, :-1], "w_plus has shape"),
        (lambda w_plus: w_plus.double(), r"w_plus is torch.float64 on cpu.* use w_plus.to\(generator.device"),
        (lambda w_plus: w_plus.to(torch.int64), "w_plus is torch.int64 on cpu"),
        (lambda w_plus: w_plus.to("meta"), "w_plus is torch.float32 on meta, the model torch.float32 on cpu"),
    ],
)
def test_latents_that_do_not_fit_are_refused(generator, use, change, message):
    with pytest.raises(DraglabError, match=message) as refused:
        use(generator, change(generator.w_plus_from_seed(1)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize("change", [lambda model: model.half(), lambda model: model.to(torch.bfloat16)])
def test_a_model_of_half_precision_is_refused(use, change):
    generator = change(tiny_generator())
    w_plus = torch.zeros(1, generator.num_ws, generator.w_dim, dtype=generator.dtype)
    with pytest.raises(DraglabError, match=r"in which it does not compute: call generator.float\(\).*precision="):
        use(generator, w_plus)
    generator.float()
    use(generator, w_plus.float())


def test_results_are_pickled_without_their_generator(generator):
    result = draglab.drag(generator, generator.w_plus_from_seed(1), EDIT, SETTINGS)
    data = pickle.dumps(result)
    weights = sum(tensor.numel() * tensor.element_size() for tensor in generator.state_dict().values())
    assert len(data) < 8000 + result.w_plus.numel() * 4 < weights
    again = pickle.loads(data)
    assert (again.steps, again.stop_reason) == (result.steps, result.stop_reason)
    np.testing.assert_array_equal(again.handles, result.handles)
    with pytest.raises(DraglabError, match=r"holds no generator: call image\(generator\)"):
        again.image()
    np.testing.assert_array_equal(again.image(generator), result.image())
    with pytest.raises(DraglabError, match="w_plus has shape"):
        again.image(tiny_generator(w_dim=8, z_dim=8))
    assert result.image().shape == (32, 32, 3), "the result itself is as it was"
