"""The loop: what it yields, when it ends, what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import draglab
from draglab.drag import DragEdit, DragSettings, drag_steps
from draglab.errors import DraglabError
from draglab.generators import StyleGAN2, to_uint8
from draglab.generators.windows import WindowPlan
from tests.tiny import tiny_generator

EDIT = DragEdit([[12, 14], [22, 20]], [[18, 14], [22, 12]])


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    return tiny_generator()


def test_steps_are_complete(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    before = w_plus.clone()
    steps = list(drag_steps(generator, w_plus, EDIT, DragSettings(max_steps=4)))
    assert [step.index for step in steps] == [1, 2, 3, 4]
    assert torch.equal(w_plus, before)
    for step in steps:
        np.testing.assert_allclose(step.distances, np.linalg.norm(step.targets - step.handles, axis=1))
        np.testing.assert_array_equal(step.image(), to_uint8(generator.image(step.w_plus))[0])
        assert not step.w_plus.requires_grad
        assert torch.equal(step.w_plus[:, 6:], before[:, 6:])
        assert not torch.equal(step.w_plus[:, :6], before[:, :6])


def test_the_same_drag_gives_the_same_latent(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    results = [draglab.drag(generator, w_plus, EDIT, DragSettings(max_steps=5)) for _ in range(2)]
    assert torch.equal(results[0].w_plus, results[1].w_plus)


def test_w_moves_all_latents_alike(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    result = draglab.drag(generator, w_plus, EDIT, DragSettings(max_steps=3, latent_space="w"))
    offset = (result.w_plus - w_plus)[0]
    assert offset.abs().max() > 0
    torch.testing.assert_close(offset, offset[:1].expand_as(offset), rtol=0, atol=1e-6)


def test_ends_at_arrival(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    near = DragEdit([[12, 14]], [[12.5, 14]])
    result = draglab.drag(generator, w_plus, near, DragSettings())
    assert (result.steps, result.stop_reason) == (0, "arrived")
    assert torch.equal(result.w_plus, w_plus)
    wide = draglab.drag(generator, w_plus, EDIT, DragSettings(stop_distance=100.0))
    assert (wide.steps, wide.stop_reason) == (0, "arrived")


def test_ends_at_max_steps_stalled_or_cancelled(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    steps: list[int] = []
    result = draglab.drag(generator, w_plus, EDIT, DragSettings(max_steps=3), lambda step: steps.append(step.index))
    assert (result.steps, result.stop_reason, steps) == (3, "max_steps", [1, 2, 3])
    result = draglab.drag(generator, w_plus, EDIT, DragSettings(max_steps=9), lambda step: step.index == 2)
    assert (result.steps, result.stop_reason) == (2, "cancelled")
    # Steps this small get nowhere.
    result = draglab.drag(generator, w_plus, EDIT, DragSettings(step_size=1e-9, patience=4, max_steps=50))
    assert (result.steps, result.stop_reason) == (4, "stalled")


def test_regularisation_holds_the_latent(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    free = draglab.drag(generator, w_plus, EDIT, DragSettings(max_steps=12, patience=None))
    held = draglab.drag(generator, w_plus, EDIT, DragSettings(max_steps=12, patience=None, regularize_start=1e4))
    assert (held.w_plus - w_plus).norm() < 0.5 * (free.w_plus - w_plus).norm()
    towards = draglab.drag(generator, w_plus, EDIT, DragSettings(max_steps=12, patience=None, regularize_mean=1e4))
    distance = (w_plus - generator.w_avg)[:, :6].norm()
    assert (towards.w_plus - generator.w_avg)[:, :6].norm() < 0.9 * distance


def test_mask_keeps_the_frozen_region(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    mask = np.zeros((32, 32), bool)
    mask[:, :16] = True
    handles, targets = [[8, 14]], [[12, 14]]
    settings = DragSettings(max_steps=15, patience=None, stop_distance=1e-3)
    start = generator.features(w_plus, 16)[..., 8:]
    changes = []
    for movable in (None, mask):
        result = draglab.drag(generator, w_plus, DragEdit(handles, targets, movable), settings)
        changes.append((generator.features(result.w_plus, 16)[..., 8:] - start).abs().mean().item())
    assert changes[1] < 0.7 * changes[0]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (DragEdit([], []), "no handles were given"),
        (DragEdit([[1, 2]], [[40, 2]]), r"target \(40, 2\) is outside the image: x must be 0 to 31"),
        (DragEdit([[1, 2]], [[1, 2]]), "lies on its target"),
        (DragEdit([[1, float("nan")]], [[1, 2]]), "not a finite number"),
        (DragEdit([[1, 2], [3, 4]], [[5, 6]]), "2 handles but 1 targets"),
        (DragEdit([[1, 2], [1, 2]], [[5, 6], [7, 8]]), "two handles"),
        (DragEdit([[1, 2, 3]], [[5, 6, 7]]), "shape"),
        (DragEdit([["a", "b"]], [[5, 6]]), "not numbers"),
        (DragEdit([[1, 2]], [[5, 6]], np.ones((8, 8), bool)), "8x8 but the image is 32x32"),
        (DragEdit([[1, 2]], [[5, 6]], np.ones((32, 32), bool)), "whole image move"),
        (DragEdit([[1, 2]], [[5, 6]], np.zeros((32, 32), bool)), "freezes the whole image"),
        (DragEdit([[1, 2]], [[5, 6]], np.zeros((32, 32))), "give booleans"),
    ],
)
def test_bad_edits_are_refused_before_anything_runs(generator: StyleGAN2, edit: DragEdit, message: str) -> None:
    with pytest.raises(DraglabError, match=message):
        drag_steps(generator, generator.w_plus_from_seed(1), edit)


def test_unusable_settings_for_the_model(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    with pytest.raises(DraglabError, match="not a block of this model"):
        list(drag_steps(generator, w_plus, EDIT, DragSettings(feature_resolution=12)))
    with pytest.raises(DraglabError, match="one image at a time"):
        drag_steps(generator, w_plus.repeat(2, 1, 1), EDIT)
    with pytest.raises(DraglabError, match="lower step_size"):
        list(drag_steps(generator, w_plus, EDIT, DragSettings(step_size=3e37, step_unit="absolute", max_steps=5)))


def test_sampled_mask_keeps_the_frozen_region() -> None:
    generator = tiny_generator(img_resolution=128, channel_base=4096, channel_max=64)
    w_plus = generator.w_plus_from_seed(1)
    mask = np.zeros((128, 128), bool)
    mask[:, :64] = True
    start = generator.features(w_plus, 64)[..., 32:]
    changes = {}
    for name, change in {
        "free": {},
        "exact": {"mask_term": "exact"},
        "sampled": {"mask_term": "sampled", "mask_windows": 4},
    }.items():
        settings = DragSettings(max_steps=15, patience=None, stop_distance=1e-3, mask_weight=5.0, **change)
        edit = DragEdit([[30, 60]], [[44, 60]], None if name == "free" else mask)
        steps = list(drag_steps(generator, w_plus, edit, settings))
        assert steps[0]._features is None
        changes[name] = (generator.features(steps[-1].w_plus, 64)[..., 32:] - start).abs().mean().item()
    assert changes["exact"] < 0.7 * changes["free"]
    assert changes["sampled"] < 0.8 * changes["free"]


def test_windows_drag_like_the_whole_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step for step, in float64, with handles at a border and in the middle, for both presets, with and without mask."""
    generator = tiny_generator(img_resolution=128, channel_base=2048).double()
    w_plus = generator.w_plus_from_seed(2)
    mask = np.ones((128, 128), bool)
    mask[90:, 30:90] = False
    edit = DragEdit([[1, 60], [70, 64]], [[12, 60], [70, 52]])
    masked = DragEdit(edit.handles, edit.targets, mask)
    paper = DragSettings.paper(max_steps=5, step_size=0.02, r1=12)
    for settings, edit in ((DragSettings.draglab(max_steps=5), edit), (paper, edit), (paper, masked)):
        runs = []
        for whole_until in (8, None):
            original = WindowPlan._cost
            if whole_until is not None:
                cost = lambda self, last: float(last != 8)  # noqa: E731
            else:
                cost = lambda self, last: -float(last)  # noqa: E731
            monkeypatch.setattr(WindowPlan, "_cost", cost)
            runs.append(list(drag_steps(generator, w_plus, edit, settings)))
            monkeypatch.setattr(WindowPlan, "_cost", original)
        assert runs[0][0]._features is None
        assert runs[1][0]._features is not None
        for windowed, whole in zip(*runs, strict=True):
            np.testing.assert_allclose(windowed.handles, whole.handles)
            torch.testing.assert_close(windowed.w_plus, whole.w_plus, rtol=1e-9, atol=1e-9)
            np.testing.assert_array_equal(windowed.image(), whole.image())
