"""Fixed drags and their judge."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from draglab.dragging import DragSettings
from draglab.errors import DraglabError
from draglab.evaluation import FixedDrag, load_drags, run_drags, summarize, thin_drags
from draglab.evaluation.drags import laplacian_energy
from draglab.perception import HAND, MULTI_PIE, Images, Layout
from tests.tiny import tiny_generator

LIST = Path(__file__).resolve().parents[2] / "benchmarks" / "drags_heads.json"


def test_the_list_is_what_it_says() -> None:
    drags = load_drags(LIST)
    size = json.loads(LIST.read_text())["image_size"]
    assert len(drags) == 60
    assert len({drag.seed for drag in drags}) == 20
    assert {drag.kind for drag in drags} == {"nose sideways", "chin down", "mouth corner outwards"}
    for drag in drags:
        travel = np.hypot(*np.subtract(drag.target, drag.handle))
        assert 0.0595 * size <= travel <= 0.1205 * size
        assert min(drag.target) >= 0
        assert max(drag.target) <= size - 1


def test_a_part_of_the_list_has_drags_of_every_kind() -> None:
    drags = load_drags(LIST)
    part = thin_drags(drags, 3)
    assert [drags.index(one) for one in part] == [3 * image + image % 3 for image in range(20)]
    assert [one.kind for one in part].count("nose sideways") == 7
    assert [one.kind for one in part].count("chin down") == 7
    assert [one.kind for one in part].count("mouth corner outwards") == 6
    assert len({one.seed for one in part}) == 20
    assert thin_drags(drags, 1) == drags


@pytest.mark.parametrize("every", [2, 4, 7, 20, 1000])
def test_no_kind_is_left_out(every: int) -> None:
    drags = [*load_drags(LIST), FixedDrag(seed=1, kind="ear", handle=(1, 1), target=(2, 2))]
    kinds = [one.kind for one in thin_drags(drags, every)]
    assert set(kinds) == {one.kind for one in drags}
    counts = [kinds.count(kind) for kind in set(kinds) - {"ear"}]
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("text", ["", "[]", '{"drags": [{}]}', '{"drags": 3}'])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "drags.json"
    path.write_text(text)
    with pytest.raises(DraglabError, match="not a list of drags"):
        load_drags(path)
    with pytest.raises(DraglabError, match="cannot read the list"):
        load_drags(tmp_path / "absent.json")


class Judge:
    """Finds every landmark of the first image at `before` and of the second at `after`."""

    def __init__(self, layout: Layout, before: tuple[float, float], after: tuple[float, float]):
        self.layout, self.places = layout, (before, after)

    def __call__(self, images: Images) -> np.ndarray:
        assert isinstance(images, np.ndarray)
        assert (images.dtype, images.shape) == (np.uint8, (2, 32, 32, 3))
        return np.tile(np.array(self.places)[:, None], (1, self.layout.count, 1))


def test_outcomes_measure_what_they_say() -> None:
    generator = tiny_generator()
    drag = FixedDrag(seed=3, kind="test", landmark=30, handle=(10.0, 14.0), target=(10.0, 18.0))
    outcomes = list(run_drags(generator, Judge(MULTI_PIE, (10, 11), (10, 10)), [drag], DragSettings(max_steps=3)))
    (outcome,) = outcomes
    assert (outcome.judged_before, outcome.judged) == pytest.approx((7, 8))
    assert outcome.steps == 3
    assert outcome.arrived == (outcome.tracked <= 1)
    difference = np.abs(outcome.after.astype(float) - outcome.before)
    inside = np.zeros((32, 32), bool)
    inside[10:23, 6:15] = True
    assert outcome.changed == pytest.approx(difference[~inside].mean(), abs=1.5)
    energies = [laplacian_energy(image.astype(float)) for image in (outcome.before, outcome.after)]
    assert outcome.sharpness == pytest.approx(energies[1] / energies[0], rel=0.02)
    summary = summarize(outcomes, 32)
    assert summary["sharpness"] == outcome.sharpness
    assert (summary["no_edit_percent"], summary["judged_percent"]) == pytest.approx((100 * 7 / 32, 25))
    assert summary["drags"] == 1


def test_sharpness_is_the_energy_of_the_laplacian() -> None:
    ramp = np.arange(5.0)[:, None, None] * np.ones((5, 5, 3))
    assert laplacian_energy(ramp) == 0
    dot = np.zeros((5, 5, 3))
    dot[2, 2] = 3
    # -12 in the middle, 3 at its four neighbours, of nine places.
    assert laplacian_energy(dot) == pytest.approx((144 + 4 * 9) / 9)


def test_drags_of_no_landmark_are_judged_by_the_nearest() -> None:
    """What lies beside the handle should move as the handle: a pixel right of it, to a pixel right of the target."""
    judge = Judge(HAND, (11, 14), (11, 16))
    drag = FixedDrag(seed=3, kind="tip", handle=(10, 14), target=(10, 19))
    # An index among 68 landmarks means nothing to a judge of hands.
    for one in (drag, replace(drag, landmark=30)):
        (outcome,) = run_drags(tiny_generator(), judge, [one], DragSettings(max_steps=1))
        assert (outcome.judged_before, outcome.judged) == pytest.approx((5, 3))


@pytest.mark.parametrize(
    "judge",
    [
        None,
        Judge(HAND, (12, 14), (12, 14)),  # further from the handle than a twentieth of 32 pixels
        Judge(HAND, (np.nan, np.nan), (10, 14)),
        Judge(HAND, (10, 14), (np.nan, np.nan)),
        Judge(MULTI_PIE, (10, 14), (np.nan, np.nan)),
    ],
)
def test_drags_of_which_the_judge_knows_nothing_are_not_judged(judge: Judge | None) -> None:
    drag = FixedDrag(seed=3, kind="tip", handle=(10, 14), target=(10, 18), landmark=30 if judge else None)
    outcomes = list(run_drags(tiny_generator(), judge, [drag], DragSettings(max_steps=1)))
    assert outcomes[0].judged is outcomes[0].judged_before is None
    summary = summarize(outcomes, 32)
    assert "arrived_percent" in summary
    assert not [name for name in summary if "judged" in name or name == "no_edit_percent"]


def test_the_number_of_judged_drags_is_told() -> None:
    drag = FixedDrag(seed=3, kind="tip", handle=(10, 14), target=(10, 18), landmark=30)
    (outcome,) = run_drags(tiny_generator(), Judge(MULTI_PIE, (10, 14), (10, 18)), [drag], DragSettings(max_steps=1))
    lost = replace(outcome, judged=None, judged_before=None)
    summary = summarize([outcome, lost, lost], 32)
    assert (summary["drags"], summary["judged"]) == (3, 1)
    assert (summary["judged_percent"], summary["no_edit_percent"]) == pytest.approx((0, 12.5))
    assert "judged" not in summarize([outcome], 32)


def test_both_lists_are_for_the_same_heads() -> None:
    drags = load_drags(LIST.with_name("drags_heads_features.json"), 256)
    assert {drag.kind for drag in drags} == {"brow up", "eye corner outwards", "jaw outwards"}
    assert {drag.seed for drag in drags} == {drag.seed for drag in load_drags(LIST)}


def test_drags_of_another_size_are_refused() -> None:
    assert load_drags(LIST, 256) == load_drags(LIST)
    with pytest.raises(DraglabError, match="for images of 256 px, the model's have 128"):
        load_drags(LIST, 128)


def test_a_list_without_landmarks_is_read(tmp_path: Path) -> None:
    path = tmp_path / "drags.json"
    row = {"seed": 1, "kind": "tip", "handle": [1, 2], "target": [3, 4]}
    path.write_text(json.dumps({"model": "hands", "image_size": 128, "drags": [row]}))
    assert load_drags(path, 128) == [FixedDrag(seed=1, kind="tip", handle=(1, 2), target=(3, 4))]
