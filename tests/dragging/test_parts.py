"""Directions, mask term, tracking, settings."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch

from draglab.dragging import DragEdit, DragSettings, FirstOrderRun
from draglab.dragging.adam import Adam
from draglab.dragging.bilinear import sample_points
from draglab.dragging.features import whole_features
from draglab.dragging.losses import (
    ExactMaskTerm,
    SampledMaskTerm,
    directions,
    frozen_weights,
    motion_supervision,
)
from draglab.dragging.normalized import NormalizedDescent
from draglab.dragging.tracking import TrackingQuery, track_nearest
from draglab.errors import DraglabError
from draglab.generators.windows import Windows, cut
from tests.dragging.test_bilinear import as_whole
from tests.tiny import tiny_generator


def test_directions() -> None:
    handles = np.array([[0.0, 0.0], [5.0, 5.0], [1.0, 1.0], [2.0, 2.0]])
    targets = np.array([[3.0, 4.0], [5.0, 1.0], [1.5, 1.0], [2.0, 2.0]])
    np.testing.assert_allclose(directions(handles, targets, clip=False), [[0.6, 0.8], [0, -1], [1, 0], [0, 0]])
    np.testing.assert_allclose(directions(handles, targets, clip=True), [[0.6, 0.8], [0, -1], [0.5, 0], [0, 0]])


def test_frozen_weights_of_soft_masks() -> None:
    """A bool mask is a soft one of zeros and ones; between them a pixel counts in part."""
    mask = np.random.RandomState(0).rand(12, 16) < 0.5
    soft = np.random.RandomState(1).rand(12, 16).astype(np.float32)
    assert torch.equal(frozen_weights(mask, (4, 4)), frozen_weights(mask.astype(np.float64), (4, 4)))
    weights = frozen_weights(soft, (4, 4))
    for row in range(4):
        for column in range(4):
            patch = soft[3 * row : 3 * row + 3, 4 * column : 4 * column + 4]
            assert weights[row, column].item() == pytest.approx((1 - patch).sum(), rel=1e-5)


def test_frozen_weights_count_image_pixels() -> None:
    mask = np.ones((8, 8), bool)
    mask[:3, :2] = False
    weights = frozen_weights(mask, (4, 4))
    assert weights.sum().item() == pytest.approx(6)
    assert weights[0, 0].item() == pytest.approx(4)
    assert weights[1, 0].item() == pytest.approx(2)


def test_mask_loss_ignores_what_may_move() -> None:
    start = torch.zeros(1, 3, 4, 4)
    moved = torch.ones(1, 3, 4, 4)
    mask = np.zeros((4, 4), bool)
    mask[:, 2:] = True
    term = ExactMaskTerm(start, frozen_weights(mask, (4, 4)))
    assert term(as_whole(moved)).item() == pytest.approx(3 * 8)


def test_the_exact_mask_loss_needs_only_the_rectangle_around_what_is_frozen() -> None:
    torch.manual_seed(0)
    start, moved = torch.randn(1, 3, 8, 10).double(), torch.randn(1, 3, 8, 10).double()
    mask = np.ones((16, 20), bool)
    mask[3:9, 6] = False
    mask[10, 9:15] = False
    frozen = frozen_weights(mask, (8, 10))
    term = ExactMaskTerm(start, frozen)
    assert (term.draw().tolist(), term.size) == ([[3, 1]], (5, 5))
    expected = ((moved - start).abs() * frozen).sum().item()
    assert term(as_whole(moved)).item() == pytest.approx(expected)
    window = Windows(cut(moved, term.draw(), term.size), term.draw(), (8, 10))
    assert term(window).item() == pytest.approx(expected)


def test_sampled_mask_loss_is_unbiased() -> None:
    """Its mean over all tiles, weighted by how often each is drawn, is the exact loss; so is an average of draws."""
    torch.manual_seed(0)
    start, moved = torch.randn(1, 3, 10, 13).double(), torch.randn(1, 3, 10, 13).double()
    mask = np.random.RandomState(0).rand(20, 26) < 0.7
    frozen = frozen_weights(mask, (10, 13))
    exact = ExactMaskTerm(start, frozen)(as_whole(moved)).item()
    estimate = SampledMaskTerm(start, frozen, scale=1.0, side=4, count=1, seed=0)
    expectation = 0.0
    for tile, probability in enumerate(estimate.probabilities):
        estimate.drawn = np.array([tile])
        origins = estimate.tiles[estimate.drawn]
        expectation += probability * estimate(Windows(cut(moved, origins, (4, 4)), origins, (10, 13))).item()
    assert expectation == pytest.approx(exact, rel=1e-9)
    many = SampledMaskTerm(start, frozen, scale=1.0, side=4, count=2000, seed=1)
    origins = many.draw()
    assert many(Windows(cut(moved, origins, (4, 4)), origins, (10, 13))).item() == pytest.approx(exact, rel=0.05)


def test_motion_loss_pulls_only_the_moved_patch() -> None:
    """F(q) is detached: the gradient lies at q + d alone."""
    features = torch.randn(1, 2, 8, 8, dtype=torch.float64, requires_grad=True)
    loss = motion_supervision(as_whole(features), np.array([[[2.0, 2.0]]]), np.array([[1.0, 0.0]]), (8, 8))
    (gradient,) = torch.autograd.grad(loss, features)
    assert torch.nonzero(gradient.abs().sum(1)[0]).tolist() == [[2, 3]]
    expected = (features[0, :, 2, 2] - features[0, :, 2, 3]).abs().sum()
    torch.testing.assert_close(loss, expected)


def test_anchors_replace_what_is_wanted() -> None:
    features = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    args = (np.array([[[2.0, 2.0]]]), np.array([[1.0, 0.0]]), (8, 8))
    anchors = torch.randn(1, 1, 2, dtype=torch.float64)
    expected = (anchors[0, 0] - features[0, :, 2, 3]).abs().sum()
    torch.testing.assert_close(motion_supervision(as_whole(features), *args, anchors, 1.0), expected)
    torch.testing.assert_close(
        motion_supervision(as_whole(features), *args, anchors, 0.0), motion_supervision(as_whole(features), *args)
    )


def wave(shift_x: float, shift_y: float, size: int = 32) -> torch.Tensor:
    """A smooth map of eight channels, moved by (shift_x, shift_y) feature pixels: [1, 8, size, size]."""
    y, x = torch.meshgrid(
        torch.arange(size, dtype=torch.float64), torch.arange(size, dtype=torch.float64), indexing="ij"
    )
    random = np.random.RandomState(0)
    channels = []
    for _ in range(8):
        fx, fy, phase = random.uniform(-0.35, 0.35), random.uniform(-0.35, 0.35), random.uniform(0, 6)
        channels.append(torch.sin(fx * (x - shift_x) + fy * (y - shift_y) + phase))
    return torch.stack(channels)[None]


@pytest.mark.parametrize("scale", [1, 4])
def test_tracking_finds_where_a_patch_went(scale: int) -> None:
    """On maps of the image's size and of a quarter of it, to whole pixels and to a fraction."""
    size = 32 * scale
    before, after = wave(0, 0), wave(1.3, -0.6)
    handle = np.array([[14.0, 15.0]])
    pixels = (handle + 0.5) * scale - 0.5
    templates = sample_points(as_whole(before), handle[:, None])[:, 0]
    truth = (handle + [[1.3, -0.6]] + 0.5) * scale - 0.5
    query = TrackingQuery(as_whole(after), templates, pixels, 3.0 * scale, (size, size), subpixel=False)
    whole = track_nearest(query).numpy()
    np.testing.assert_allclose(whole - pixels, np.round(whole - pixels))
    assert np.abs(whole - truth).max() <= 1.0
    fine = track_nearest(replace(query, subpixel=True)).numpy()
    assert np.abs(fine - truth).max() <= 0.2 * scale
    assert np.linalg.norm(fine - truth) < np.linalg.norm(whole - truth) or scale == 4


def test_tracking_stays_inside_the_window_and_the_image() -> None:
    features = torch.randn(1, 4, 16, 16)
    handles = np.array([[0.0, 15.0], [8.0, 8.0]])
    query = TrackingQuery(as_whole(features), torch.randn(2, 4), handles, 2.0, (16, 16), subpixel=False)
    found = track_nearest(query).numpy()
    assert np.abs(found - handles).max() <= 2
    assert found.min() >= 0
    assert found.max() <= 15


@pytest.mark.parametrize(
    "change",
    [
        {"step_size": 0.0},
        {"step_size": float("nan")},
        {"r1": -1.0},
        {"r2": 1e300},
        {"r2": float("inf")},
        {"mask_weight": -1.0},
        {"stop_distance": 0.0},
        {"max_steps": 0},
        {"max_steps": 2.5},
        {"patience": 0},
        {"num_layers": 0},
        {"anchor": 1.5},
        {"latent_space": "z"},
        {"reduction": "max"},
        {"mask_term": "none"},
        {"mask_windows": 0},
        {"seed": -1},
        {"step_unit": "mm"},
    ],
)
def test_impossible_settings_are_named(change: dict[str, object]) -> None:
    with pytest.raises(DraglabError, match=next(iter(change))):
        DragSettings(**change)  # pyright: ignore[reportArgumentType]


def test_paper_settings_are_the_papers() -> None:
    paper = DragSettings.paper()
    assert (paper.mask_weight, paper.mask_limit, paper.r1, paper.r2, paper.num_layers) == (20, None, 3, 12, 6)
    # Its step size is that for FFHQ, whose w is spread by 0.46.
    assert paper.step_unit == "w_std" and paper.step_size * 0.46 == pytest.approx(2e-3)
    assert paper.resolved_feature_resolution(1024) == 128
    assert paper.resolved_feature_resolution(64) == 64
    assert [paper.resolved_stop_distance(count) for count in (1, 5, 6, 68)] == [1, 1, 2, 2]
    assert paper.motion_radius((1024, 1024), 128) == 6
    assert paper.tracking_radius((256, 128)) == 6
    assert DragSettings.paper(r1=5).r1 == 5


def test_settings_are_plain_values() -> None:
    for settings in (DragSettings.paper(), DragSettings.draglab()):
        assert DragSettings(**dataclasses.asdict(settings)) == settings


def test_adam_is_pytorchs() -> None:
    torch.manual_seed(0)
    ours, theirs = torch.randn(3, 4, dtype=torch.float64), torch.nn.Parameter(torch.zeros(3, 4, dtype=torch.float64))
    theirs.data.copy_(ours)
    adam, reference = Adam(ours, 0.03), torch.optim.Adam([theirs], lr=0.03)
    for _ in range(20):
        gradient = torch.randn(3, 4, dtype=torch.float64)
        gradient[0, 0] = 0
        adam.step(gradient)
        theirs.grad = gradient
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-12)


def test_pins_want_the_start_and_are_held_there() -> None:
    """A pin that drifted is pulled back, at most to its place, whatever the anchor and the clipping are."""
    handles, targets = (
        np.array([[10.0, 10.0], [5.0, 5.5], [7.0, 7.0]]),
        np.array([[20.0, 10.0], [5.0, 5.0], [7.0, 7.0]]),
    )
    pinned = np.array([False, True, True])
    steps = directions(handles, targets, clip=False, pinned=pinned)
    np.testing.assert_allclose(steps, [[1, 0], [0, -0.5], [0, 0]])


def test_pins_are_supervised_by_the_features_of_the_start() -> None:
    generator = tiny_generator().double()
    settings = DragSettings.paper(feature_resolution=16, subpixel=True, r1=1.0)
    both = DragEdit([[12, 9], [20, 25]], [[18, 9], [20, 25]])
    start, now = generator.w_plus_from_seed(1), generator.w_plus_from_seed(2)
    runs = [FirstOrderRun(generator, start, each, settings) for each in (both, DragEdit([[12, 9]], [[18, 9]]))]
    for run in runs:
        run.features = whole_features(generator, now, settings.feature_level(generator))
    assert runs[0].offsets.tolist() == [[0, 0]]
    difference = runs[0].losses().total - runs[1].losses().total
    pin = np.array([[[20.0, 25.0]]])
    before = whole_features(generator, start, settings.feature_level(generator)).at(pin, (32, 32))
    torch.testing.assert_close(difference, (before - runs[0].features.at(pin, (32, 32))).abs().sum())


@pytest.mark.parametrize("limit", [0.5, 2.0, None])
def test_the_hold_is_limited_to_a_share_of_the_pull(limit: float | None) -> None:
    generator = tiny_generator().double()
    mask = np.ones((32, 32), bool)
    mask[20:] = False
    settings = DragSettings(mask_weight=1e4, mask_limit=limit, patience=None, max_steps=3)
    run = FirstOrderRun(generator, generator.w_plus_from_seed(1), DragEdit([[12, 9]], [[18, 9]], mask), settings)
    run.step()
    losses = run.losses()
    pull, hold = (run.latent.gradient(each, again=True) for each in (losses.pull, losses.hold))
    assert hold.norm() > 5 * pull.norm()
    expected = pull + hold * (1 if limit is None else limit * pull.norm() / hold.norm())
    torch.testing.assert_close(run.gradient(losses), expected)


def test_normalised_descent_makes_steps_of_one_length_along_the_gradient() -> None:
    value = torch.zeros(2, 3, dtype=torch.float64)
    gradient = torch.tensor([[3.0, 0.0, 0.0], [0.0, -4.0, 0.0]], dtype=torch.float64)
    descent = NormalizedDescent(value, step_size=0.5, beta=0.0)
    for scale in (1.0, 1e-6, 1e6):
        before = value.clone()
        descent.step(scale * gradient)
        torch.testing.assert_close(value - before, -0.5 * 6**0.5 * gradient / 5)
    slow = NormalizedDescent(torch.zeros(2, 3, dtype=torch.float64), step_size=0.5, beta=0.75)
    slow.step(gradient)
    torch.testing.assert_close(slow.value, -0.25 * 0.5 * 6**0.5 * gradient / 5)


@pytest.mark.parametrize(
    ("descent", "masked", "kind"),
    [
        ("auto", False, Adam),
        ("auto", True, NormalizedDescent),
        ("adam", True, Adam),
        ("normalized", False, NormalizedDescent),
    ],
)
def test_the_descent_that_the_settings_choose(descent: str, masked: bool, kind: type) -> None:
    generator = tiny_generator()
    mask = np.ones((32, 32), bool)
    mask[20:] = False
    edit = DragEdit([[12, 9]], [[18, 9]], mask if masked else None)
    settings = DragSettings(descent=descent)  # pyright: ignore[reportArgumentType]
    assert isinstance(FirstOrderRun(generator, generator.w_plus_from_seed(1), edit, settings).optimizer, kind)
    assert DragSettings.paper().descent == "adam"
