"""The loop: what it yields, when it ends, what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import draglab
from draglab.dragging import DragEdit, DragSettings, FirstOrderRun, drag_steps
from draglab.dragging.features import Features
from draglab.errors import DraglabError
from draglab.generators import StyleGAN2, to_uint8
from draglab.generators.block_windows import BlockWindowPlan as WindowPlan
from draglab.generators.windows import Windows, cut
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

    def dragged(**changes: float) -> torch.Tensor:
        settings = DragSettings(max_steps=12, patience=None, back_off=None, **changes)  # pyright: ignore[reportArgumentType]
        return list(drag_steps(generator, w_plus, EDIT, settings))[-1].w_plus

    free, held, towards = dragged(), dragged(regularize_start=1e4), dragged(regularize_mean=1e4)
    assert (held - w_plus).norm() < 0.5 * (free - w_plus).norm()
    distance = (w_plus - generator.w_avg)[:, :6].norm()
    assert (towards - generator.w_avg)[:, :6].norm() < 0.9 * distance


def test_mask_keeps_the_frozen_region(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(1)
    mask = np.zeros((32, 32), bool)
    mask[:, :16] = True
    handles, targets = [[8, 14]], [[12, 14]]
    settings = DragSettings(max_steps=15, patience=None, stop_distance=1e-3, mask_limit=None)
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
        (DragEdit([[1, 2]], [[5, 6]], np.zeros((32, 32), int)), "give booleans"),
        (DragEdit([[1, 2]], [[5, 6]], np.zeros((32, 32))), "freezes the whole image"),
        (DragEdit([[1, 2]], [[5, 6]], np.ones((32, 32))), "whole image move"),
        (DragEdit([[1, 2]], [[5, 6]], np.full((32, 32), 1.5)), "beyond 0 and 1"),
        (DragEdit([[1, 2]], [[5, 6]], np.full((32, 32), np.nan)), "beyond 0 and 1"),
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


@pytest.mark.parametrize("step_size", [3e37, 1e39, 1e308])
@pytest.mark.parametrize("changes", [{"step_unit": "absolute"}, {"latent_space": "w"}])
def test_a_step_that_leaves_the_range_of_numbers(generator: StyleGAN2, step_size: float, changes: dict) -> None:
    """Also one that is beyond the range of the latent's own numbers."""
    settings = DragSettings(step_size=step_size, max_steps=5, **changes)
    with pytest.raises(DraglabError, match=r"left the range of numbers at step \d: lower step_size"):
        list(drag_steps(generator, generator.w_plus_from_seed(1), EDIT, settings))


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
        limits = {"max_steps": 15, "patience": None, "stop_distance": 1e-3, "mask_limit": None}
        settings = DragSettings(mask_weight=5.0, **limits, **change)
        edit = DragEdit([[30, 60]], [[44, 60]], None if name == "free" else mask)
        steps = list(drag_steps(generator, w_plus, edit, settings))
        assert steps[0]._features is None
        changes[name] = (generator.features(steps[-1].w_plus, 64)[..., 32:] - start).abs().mean().item()
    assert changes["exact"] < 0.7 * changes["free"]
    assert changes["sampled"] < 0.8 * changes["free"]


def cheapest(whole_until: int) -> Callable[[WindowPlan, int], float]:
    """A cost model by which running whole up to that block, or up to the plan's, is cheapest."""
    return lambda plan, last: float(last != min(whole_until, plan.resolution))


def test_windows_drag_like_the_whole_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step for step, in float64, with handles at a border and in the middle, both presets, with and without mask."""
    generator = tiny_generator(img_resolution=128, channel_base=2048).double()
    w_plus = generator.w_plus_from_seed(2)
    mask = np.ones((128, 128), bool)
    mask[90:, 30:90] = False
    points = [[1, 60], [70, 64]], [[12, 60], [70, 52]]
    free, masked = DragEdit(*points), DragEdit(*points, mask)
    paper = DragSettings.paper(max_steps=5, step_size=0.02, step_unit="absolute", r1=12)
    for settings, edit in ((DragSettings.draglab(max_steps=5), free), (paper, free), (paper, masked)):
        runs = []
        for whole_until in (8, 128):
            original = WindowPlan._cost
            monkeypatch.setattr(WindowPlan, "_cost", cheapest(whole_until))
            runs.append(list(drag_steps(generator, w_plus, edit, settings)))
            monkeypatch.setattr(WindowPlan, "_cost", original)
        assert runs[0][0]._features is None
        assert runs[1][0]._features is not None
        for windowed, whole in zip(*runs, strict=True):
            np.testing.assert_allclose(windowed.handles, whole.handles)
            torch.testing.assert_close(windowed.w_plus, whole.w_plus, rtol=1e-9, atol=1e-9)
            np.testing.assert_array_equal(windowed.image(), whole.image())


@pytest.mark.parametrize("whole_until", [4, 128])
def test_many_drags_are_like_each_alone(monkeypatch: pytest.MonkeyPatch, whole_until: int) -> None:
    """In batches of windows and of whole maps; with different numbers of handles, some masked, some there already."""
    monkeypatch.setattr(WindowPlan, "_cost", cheapest(whole_until))
    generator = tiny_generator(img_resolution=64).double()
    w_plus = torch.cat([generator.w_plus_from_seed(seed) for seed in range(5)])
    mask = np.ones((64, 64), bool)
    mask[50:] = False
    edits = [
        DragEdit([[20, 30]], [[32, 30]]),
        DragEdit([[20, 30], [1, 2]], [[20, 22], [9, 2]]),
        DragEdit([[20, 30]], [[20, 40]], mask),
        DragEdit([[20, 30]], [[20, 30.5]]),
        DragEdit([[63, 63]], [[40, 50]]),
    ]
    settings = DragSettings(max_steps=4)
    seen: dict[int, list[int]] = {}
    results = draglab.drag_many(
        generator,
        w_plus,
        edits,
        settings,
        lambda number, step: seen.setdefault(number, []).append(step.index),
        together=3,
    )
    assert seen == {0: [1, 2, 3, 4], 1: [1, 2, 3, 4], 2: [1, 2, 3, 4], 4: [1, 2, 3, 4]}
    for number, (edit, result) in enumerate(zip(edits, results, strict=True)):
        alone = draglab.drag(generator, w_plus[number : number + 1], edit, settings)
        assert (result.steps, result.stop_reason) == (alone.steps, alone.stop_reason)
        np.testing.assert_allclose(result.handles, alone.handles)
        torch.testing.assert_close(result.w_plus, alone.w_plus, rtol=1e-9, atol=1e-9)
    assert results[3].steps == 0


def test_one_drag_that_diverges_or_is_stopped_leaves_the_others_alone(generator: StyleGAN2) -> None:
    w_plus = torch.cat([generator.w_plus_from_seed(seed) for seed in range(3)])
    w_plus[1] = float("nan")
    settings = DragSettings(max_steps=3)
    results = draglab.drag_many(generator, w_plus, [EDIT] * 3, settings, lambda number, step: number == 2)
    assert [result.stop_reason for result in results] == ["max_steps", "diverged", "cancelled"]
    assert [result.steps for result in results] == [3, 0, 1]


@pytest.mark.parametrize(("step_size", "at"), [(1e20, 2), (3e38, 1)])
@pytest.mark.parametrize("more", [0, 3])
def test_the_step_that_diverges_is_not_made(generator: StyleGAN2, step_size: float, at: int, more: int) -> None:
    """Also if it is the last one that is allowed: a run never ends with features that are not finite."""
    settings = DragSettings(max_steps=at + more, step_size=step_size, step_unit="absolute", stop_distance=0.01)
    run = FirstOrderRun(generator, generator.w_plus_from_seed(1), EDIT, settings)
    with pytest.raises(DraglabError, match=f"at step {at}: lower step_size"):
        while run.stop_reason is None:
            assert run.step().w_plus.isfinite().all()
    assert run.stop_reason == "diverged"
    assert (0 if run.last is None else run.last.index) == at - 1
    (result,) = draglab.drag_many(generator, generator.w_plus_from_seed(1), [EDIT], settings)
    assert (result.stop_reason, result.steps) == ("diverged", at - 1)
    assert result.w_plus.isfinite().all()


def test_many_drags_are_checked_before_the_first(generator: StyleGAN2) -> None:
    w_plus = generator.w_plus_from_seed(0).repeat(2, 1, 1)
    with pytest.raises(DraglabError, match="2 latents and 1 edits"):
        draglab.drag_many(generator, w_plus, [EDIT])
    calls = []
    with pytest.raises(DraglabError, match="outside"):
        draglab.drag_many(generator, w_plus, [EDIT, DragEdit([[99, 1]], [[1, 1]])], callback=lambda *_: calls.append(1))
    assert not calls


@pytest.mark.parametrize("preset", ["draglab", "paper"])
@pytest.mark.parametrize("r1", [1.0, 3.0, 30.0])
def test_windows_hold_whatever_a_step_may_look_at(preset: str, r1: float) -> None:
    """From any place, found as far away as tracking looks, towards any target."""
    generator = tiny_generator(img_resolution=64)
    settings = getattr(DragSettings, preset)(r1=r1, r2=20, feature_resolution=32)
    random = np.random.RandomState(0)
    for _ in range(30):
        handle = random.uniform(0, 63, (1, 2))
        handle = handle if preset == "draglab" else handle.round()
        edit = DragEdit(handle, 63 - handle)
        run = FirstOrderRun(generator, generator.w_plus_from_seed(0), edit, settings)
        whole = Features.whole(generator.feature_maps(run.latent.w_plus(), 32), 0).near
        origin = run.reader.origins(handle)
        side = (run.reader.side, run.reader.side)
        features = Features(Windows(cut(whole.values, origin, side), origin, whole.map_shape))
        run.track(features)
        for corner in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            found = np.clip(handle + np.array(corner) * run.radius, 0, 63)
            for angle in np.linspace(0, 2 * np.pi, 9):
                targets = found + 5 * np.array([[np.cos(angle), np.sin(angle)]])
                run.features, run.handles, run.targets = features, found, targets
                run.losses()


@pytest.mark.parametrize("masked", [False, True])
def test_bfloat16_drags_about_as_float32_does(masked: bool) -> None:
    generator = tiny_generator(img_resolution=64)
    w_plus = generator.w_plus_from_seed(3)
    mask = np.ones((64, 64), bool)
    mask[50:] = False
    edit = DragEdit([[30, 30]], [[36, 30]], mask if masked else None)
    runs = {}
    for precision in ("float32", "bfloat16"):
        settings = DragSettings(max_steps=6, precision=precision, mask_weight=5, mask_limit=None)
        runs[precision] = list(drag_steps(generator, w_plus, edit, settings))
    exact, coarse = runs["float32"], runs["bfloat16"]
    assert coarse[0].w_plus.dtype == torch.float32
    assert coarse[0].loss == pytest.approx(exact[0].loss, rel=0.02)
    assert coarse[0].loss != exact[0].loss
    assert np.abs(coarse[-1].handles - exact[-1].handles).max() < 2
    # Pictures are in full precision whatever the features were.
    np.testing.assert_array_equal(coarse[-1].image(), to_uint8(generator.image(coarse[-1].w_plus))[0])


def test_previews_are_smaller_pictures_of_the_same(generator: StyleGAN2) -> None:
    step = next(drag_steps(generator, generator.w_plus_from_seed(1), EDIT))
    assert step.image(preview_resolution=16).shape == (16, 16, 3)
    assert step.image().shape == (*generator.img_shape, 3)
    with pytest.raises(DraglabError, match="choose one of"):
        step.image(preview_resolution=17)
