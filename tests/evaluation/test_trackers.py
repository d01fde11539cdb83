"""Trackers of the literature, beside slow versions or cases whose answer is known."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from draglab.dragging import DragEdit, DragSettings, Features, FirstOrderRun, TrackingQuery, track_nearest
from draglab.errors import DraglabError
from draglab.evaluation.optical_flow import OpticalFlow, bilinear
from draglab.evaluation.trackers import TRACKERS, ForwardTracker, TemplateTracker, Untracked
from draglab.evaluation.trackers import flow as module
from draglab.evaluation.trackers.search import Places, search
from draglab.evaluation.trackers.template import update_share
from tests.tiny import tiny_generator

EDIT = DragEdit([[12, 14], [22, 20]], [[18, 14], [22, 12]])
HERE = torch.zeros(1, 2)


def make_run(**changes: object) -> FirstOrderRun:
    settings = DragSettings.paper(feature_resolution=16, r2=64, **changes)
    generator = tiny_generator()
    return FirstOrderRun(generator, generator.w_plus_from_seed(1), EDIT, settings)


def queries(run: FirstOrderRun, count: int) -> list[TrackingQuery]:
    """The queries of a run's first steps."""
    asked = []

    def note(query: TrackingQuery) -> Tensor:
        asked.append(query)
        return track_nearest(query)

    run.tracker = note
    for _ in range(count):
        run.step()
    return asked


@pytest.mark.parametrize("subpixel", [False, True])
def test_the_search_with_the_papers_cost_is_the_papers(subpixel: bool) -> None:
    for query in queries(make_run(step_size=0.05, subpixel=subpixel), 6):

        def cost(places: Places, query: TrackingQuery = query) -> Tensor:
            return (places.features[:, :, 0] - query.templates[:, None]).abs().sum(-1)

        found = search(query, cost, HERE)
        np.testing.assert_allclose(found.numpy(), track_nearest(query).numpy(), atol=1e-9)


def test_forward_tracking_never_goes_back() -> None:
    run = make_run(step_size=0.2)
    tracker = ForwardTracker(run)
    differs = 0
    for query in queries(run, 8):
        found = tracker(query).numpy()
        left = np.linalg.norm(run.targets - query.handles, axis=1)
        assert (np.linalg.norm(run.targets - found, axis=1) <= left + 1e-3).all()
        nearest = track_nearest(query).numpy()
        forward = np.linalg.norm(run.targets - nearest, axis=1) <= left
        # Where the nearest one makes progress, it is taken.
        np.testing.assert_allclose(found[forward], nearest[forward])
        differs += int((~forward).sum())
    assert differs > 0


def test_forward_tracking_by_a_slow_search() -> None:
    run = make_run(step_size=0.2)
    query = queries(run, 3)[-1]
    found = ForwardTracker(run)(query).numpy()
    reach = int(query.radius)
    for i, (handle, target) in enumerate(zip(query.handles, run.targets, strict=True)):
        best, where = math.inf, handle
        for y in range(-reach, reach + 1):
            for x in range(-reach, reach + 1):
                place = np.clip(handle + [x, y], 0, 31)
                if np.linalg.norm(place - target) > np.linalg.norm(handle - target):
                    continue
                both = np.stack([place] * len(query.handles))[:, None]
                features = Features(query.features).at(both, query.image_shape)[i, 0]
                cost = float((features - query.templates[i]).detach().abs().sum())
                if cost < best:
                    best, where = cost, place
        np.testing.assert_allclose(found[i], where)


def test_without_tracking_a_handle_is_where_it_was_pushed() -> None:
    run = make_run()
    query = queries(run, 1)[0]
    query = replace(query, handles=np.array([[12.0, 14.0], [22.0, 12.4]]))
    np.testing.assert_allclose(Untracked(run)(query).numpy(), [[13, 14], [22, 12]])


def test_templates_take_over_what_fits() -> None:
    share = update_share(torch.tensor([0.0, 0.2 * 0.4, 0.8 * 0.4, 1e9]), 0.4)
    assert share[1:3].tolist() == pytest.approx([0.5, 0.1])
    assert share[0] == pytest.approx(1 / (1 + math.exp(-math.log(9) / 3)))
    assert share[3] == 0


def test_a_template_finds_its_own_patch() -> None:
    """Nothing has changed yet, so the template is where it was cut out, and stays what it is."""
    run = make_run()
    tracker = TemplateTracker(run)
    before = tracker.templates.clone()
    query = TrackingQuery(run.features.near, run.templates, run.start + [1, -2], 4.0, run.shape, False)
    np.testing.assert_allclose(tracker(query).numpy(), run.start)
    assert torch.allclose(tracker.templates, before, atol=1e-6)


def test_a_template_follows_slow_changes() -> None:
    run = make_run(step_size=0.05)
    run.tracker = tracker = TemplateTracker(run)
    before = tracker.templates.clone()
    while run.stop_reason is None and (run.last is None or run.last.index < 5):
        run.step()
    assert not torch.equal(tracker.templates, before)
    assert np.isfinite(run.handles).all()


@pytest.mark.parametrize("name", [name for name in TRACKERS if name != "flow"])
def test_every_tracker_drags(name: str) -> None:
    run = make_run(step_size=0.05, max_steps=5)
    run.tracker = TRACKERS[name](run)
    while run.stop_reason is None:
        step = run.step()
    assert step.index <= 5
    assert np.isfinite(step.handles).all() and (step.handles >= 0).all() and (step.handles <= 31).all()


def test_flow_follows_the_picture() -> None:
    """The picture is moved by a known way; the tracker says how far."""
    pytest.importorskip("cv2", reason="OpenCV, the extra flow, is not installed")
    rows, columns = np.mgrid[:128, :128]
    wave = 127 + 60 * np.sin(columns / 5) + 60 * np.sin(rows / 7)
    picture = np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)
    flow = OpticalFlow()(picture, np.roll(picture, (2, 3), (0, 1)))
    assert flow.shape == (128, 128, 2)
    np.testing.assert_allclose(bilinear(flow, np.array([[60.0, 70.0], [64.5, 40.0]])), [[3, 2], [3, 2]], atol=0.3)
    run = make_run(step_size=0.05, max_steps=3)
    run.tracker = TRACKERS["flow"](run)
    while run.stop_reason is None:
        step = run.step()
    assert np.isfinite(step.handles).all()


def test_flow_of_a_large_picture_is_in_its_own_pixels() -> None:
    pytest.importorskip("cv2", reason="OpenCV, the extra flow, is not installed")
    rows, columns = np.mgrid[:1024, :640]
    wave = 127 + 60 * np.sin(columns / 23) + 60 * np.sin(rows / 31)
    picture = np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)
    flow = OpticalFlow()(picture, np.roll(picture, (10, -8), (0, 1)))
    assert flow.shape == (1024, 640, 2)
    np.testing.assert_allclose(np.median(flow[200:800, 100:500], axis=(0, 1)), [-8, 10], atol=0.6)


def test_without_opencv_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DraglabError, match=r"pip install 'draglab\[flow\]'"):
        OpticalFlow()


def test_flow_goes_on_from_the_picture_that_a_run_went_back_to(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[float, float]] = []

    class Still:
        def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
            seen.append((float(first.mean()), float(second.mean())))
            return np.zeros((32, 32, 2)) + len(seen)

    monkeypatch.setattr(module, "OpticalFlow", Still)
    run = make_run(step_size=0.05)
    tracker = module.FlowTracker(run)
    query = queries(run, 1)[0]
    start = query.handles
    first = tracker(query).numpy()
    run.step()
    tracker(replace(query, handles=first))
    run.step()
    tracker(replace(query, handles=start))  # back at the start
    assert seen[1][0] == seen[0][1] and seen[2][0] == seen[0][0]
