"""Methods by name, and the published ones that are reimplemented."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import draglab
from draglab.dragging import DragEdit, DragSettings, track_nearest
from draglab.errors import DraglabError
from draglab.evaluation.methods import METHODS, parse_method, vary
from draglab.evaluation.methods import method as module
from draglab.evaluation.methods.freedrag import EXPECTED, FreeDragRun
from draglab.evaluation.methods.stabledrag import StableDragRun
from tests.tiny import tiny_generator

EDIT = DragEdit([[12, 14], [22, 20]], [[18, 14], [22, 12]])
PAPER = DragSettings.paper(feature_resolution=16, step_size=0.05)


def test_a_method_is_a_preset_with_changes() -> None:
    generator = tiny_generator()
    assert parse_method("default", 77).settings(generator) == DragSettings.for_model(generator, max_steps=77)
    paper = parse_method("paper:r1=6, latent_space=w", 300, ["r1=2", "max_steps=9"])
    assert paper.settings(generator) == DragSettings.paper(r1=6, latent_space="w", max_steps=9)
    assert parse_method("paper:tracker=none,patience=none", 5).tracker == "none"
    assert parse_method("first-order", 5).settings(generator).descent == "first-order"
    assert parse_method("freedrag", 5).settings(generator).mask_weight == 10


def test_the_paper_takes_the_step_that_was_found_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.PAPER_STEPS, "tiny", 0.123)
    generator = tiny_generator()
    assert parse_method("paper", 5).settings(generator).step_size == 0.123
    assert parse_method("paper:step_size=0.5", 5).settings(generator).step_size == 0.5
    assert parse_method("stabledrag", 5).settings(generator).step_size == 0.123


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dragdiffusion", "unknown method 'dragdiffusion': choose of default"),
        ("", "unknown method ''"),
        ("paper:", "unknown method 'paper:'"),
        ("paper:r1", "is not a setting"),
        ("paper:r1=-1", "r1 is '-1'"),
        ("paper:tracker=raft", "unknown tracker 'raft': choose of nearest, flow"),
        ("freedrag:tracker=flow", "freedrag has a tracker of its own"),
        ("user-controllable-lt", "needs its weights: write user-controllable-lt:weights=FILE"),
        ("paper:weights=x", "paper has none"),
        ("paper:" + "r1=1," * 200, "a method of 1006 characters is refused"),
    ],
)
def test_what_is_no_method_is_refused(text: str, message: str) -> None:
    with pytest.raises(DraglabError, match=message):
        parse_method(text, 10)


def test_variations_are_all_combinations() -> None:
    assert vary(["default", "paper:r1=2"], []) == ["default", "paper:r1=2"]
    assert vary(["default", "paper:tracker=none"], ["r2=1,2", "r1=3"]) == [
        "default:r2=1,r1=3", "default:r2=2,r1=3", "paper:tracker=none,r2=1,r1=3", "paper:tracker=none,r2=2,r1=3",
    ]  # fmt: skip
    for wrong in ("r1", "r1=", "=3", "r1=1,,2"):
        with pytest.raises(DraglabError, match="is not a variation"):
            vary(["default"], [wrong])
    with pytest.raises(DraglabError, match="400 methods are more than 200"):
        vary(["default"], ["r1=" + ",".join("1" * 20), "r2=" + ",".join("1" * 20)])


@pytest.mark.parametrize("name", ["default", "paper"])
def test_a_preset_drags_as_the_library_does(name: str) -> None:
    generator = tiny_generator()
    w_plus = generator.w_plus_from_seed(1)
    method = parse_method(name, 6, ["feature_resolution=16"])
    ours = method.drag(generator, w_plus, EDIT)
    theirs = draglab.drag(generator, w_plus, EDIT, method.settings(generator))
    assert torch.equal(ours.w_plus, theirs.w_plus)
    np.testing.assert_array_equal(ours.handles, theirs.handles)
    assert (ours.steps, ours.stop_reason) == (theirs.steps, theirs.stop_reason)


@pytest.mark.parametrize("name", [name for name, kind in METHODS.items() if not kind.weights])
def test_every_method_drags_within_its_limit(name: str) -> None:
    generator = tiny_generator()
    mask = np.ones((32, 32), bool)
    mask[:, :6] = False
    w_plus = generator.w_plus_from_seed(1)
    for edit in (EDIT, DragEdit(EDIT.handles, EDIT.targets, mask)):
        result = parse_method(name, 7, ["feature_resolution=16"]).drag(generator, w_plus, edit)
        assert 1 <= result.steps <= 7
        assert np.isfinite(result.handles).all()
        assert not torch.equal(result.w_plus, w_plus)


def test_a_drag_that_arrived_before_has_no_steps() -> None:
    generator = tiny_generator()
    near = DragEdit([[12, 14]], [[12.4, 14]])
    result = parse_method("freedrag", 7, ["feature_resolution=16"]).drag(generator, generator.w_plus_from_seed(1), near)
    assert (result.steps, result.stop_reason) == (0, "arrived")


class TestFreeDrag:
    def run(self, **changes: object) -> FreeDragRun:
        generator = tiny_generator()
        settings = DragSettings.paper(feature_resolution=16, subpixel=True, step_size=0.05, **changes)
        return FreeDragRun(generator, generator.w_plus_from_seed(1), EDIT, settings)

    def test_places_lie_on_the_way_and_differ_by_about_what_is_wanted(self) -> None:
        run = self.run()
        assert run.ahead is not None
        for i in range(2):
            way = run.targets[i] - run.start[i]
            longest = min(np.linalg.norm(way), 3 * 32 / 16)
            best, where = np.inf, run.start[i]
            for part in range(1, 11):
                place = run.start[i] + way / np.linalg.norm(way) * longest * part / 10
                both = run.start.copy()
                both[i] = place
                features = run.at(run.features, both[:, None])[i, 0]
                own = run.patches[i]
                off = abs(float(((features - own).abs().sum() / own.abs().sum()).detach()) - EXPECTED)
                if off < best:
                    best, where = off, place
            np.testing.assert_allclose(run.ahead[i], where)

    def test_templates_are_those_of_the_start(self) -> None:
        run = self.run()
        offsets = [(x * 2.0, y * 2.0) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        for k, offset in enumerate(offsets):
            expected = run.features.at(run.start[:, None] + offset, run.shape)[:, 0]
            assert torch.allclose(run.patches[:, k], expected, atol=1e-6)

    def test_a_sub_motion_ends_after_five_steps_at_the_latest(self) -> None:
        run = self.run(max_steps=23)
        made = 0
        while run.stop_reason is None:
            before = run.ahead
            run.step()
            assert run.made == (made + 1 if run.made else 0)
            assert run.made < 5
            if run.made:
                assert run.ahead is before
            made = run.made

    def test_complete_sub_motions_move_the_handles_and_others_do_not(self) -> None:
        run = self.run()
        assert run.ahead is not None
        before, patches = run.ahead.copy(), run.patches.clone()
        run.first = np.array([0.5, 0.1])
        run.made = 3
        run.end_sub_motion(run.features, np.array([0.01, 0.4]))
        np.testing.assert_allclose(run.reached, [before[0], run.start[1]])
        # The second has become worse: it goes back, and its template stays.
        assert np.linalg.norm(run.ahead[1] - run.start[1]) <= np.linalg.norm(before[1] - run.start[1])
        assert torch.equal(run.patches[1], patches[1])
        assert not torch.equal(run.patches[0], patches[0])
        assert run.made == 0

    def test_handles_arrive_where_features_can_follow(self) -> None:
        """On a short way, the last sub-motion ends on the target itself."""
        generator = tiny_generator()
        edit = DragEdit([[12, 14]], [[14, 14]])
        settings = DragSettings.paper(feature_resolution=16, subpixel=True, step_size=0.05)
        run = FreeDragRun(generator, generator.w_plus_from_seed(1), edit, settings)
        while run.stop_reason is None:
            run.step()
        assert run.stop_reason == "arrived"
        np.testing.assert_allclose(run.handles, [[14, 14]], atol=1)


class TestStableDrag:
    def run(self) -> StableDragRun:
        generator = tiny_generator()
        return StableDragRun(generator, generator.w_plus_from_seed(1), EDIT, PAPER)

    def test_the_filters_solve_the_ridge_regression(self) -> None:
        run = self.run()
        reach = max(1, int(run.radius / 2))
        line = np.arange(-reach, reach + 1) * 2.0
        grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
        for i in range(2):
            rows = []
            for offset in grid:
                feature = run.features.at(run.start[:, None] + offset, run.shape)[i, 0].detach().double()
                rows.append(feature / feature.norm())
            x = torch.stack(rows)
            y = torch.tensor([float(np.exp(-(offset**2).sum() / (2 * 3.0**2))) for offset in grid]).double()
            expected = torch.linalg.solve(x.T @ x + 0.1 * torch.eye(x.shape[1]).double(), x.T @ y)
            assert torch.allclose(run.filters[i].double(), expected, atol=1e-4)

    def test_handles_are_found_where_they_are(self) -> None:
        run = self.run()
        handles = run.track(run.features)
        np.testing.assert_allclose(handles.numpy(), run.start)
        assert run.confident.all()
        assert not torch.as_tensor(run.anchor).any()

    def test_a_lost_handle_is_supervised_by_the_start(self) -> None:
        run = self.run()
        run.usual = run.usual * torch.tensor([1.0, 100.0])
        run.track(run.features)
        assert run.confident.tolist() == [True, False]
        assert isinstance(run.anchor, torch.Tensor)
        assert run.anchor.flatten().tolist() == [0, 1]
        assert bool(run.losses().total.isfinite())

    def test_it_is_not_the_papers_tracker(self) -> None:
        run = self.run()
        assert run.tracker is not track_nearest
