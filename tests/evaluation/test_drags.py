"""Fixed drags and their judge."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from draglab.dragging import DragSettings
from draglab.errors import DraglabError
from draglab.evaluation import FixedDrag, LandmarkNet, load_drags, load_landmark_net, run_drags, summarize, thin_drags
from draglab.evaluation.drags import laplacian_energy
from draglab.evaluation.landmarks import HEADS_JUDGE
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


def test_outcomes_measure_what_they_say() -> None:
    generator = tiny_generator()

    class Judge(LandmarkNet):
        """Finds every landmark at (10, 10)."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.full((len(images), 68, 2), 10.0)

    drag = FixedDrag(seed=3, kind="test", landmark=30, handle=(10.0, 14.0), target=(10.0, 18.0))
    outcomes = list(run_drags(generator, Judge(), [drag], DragSettings(max_steps=3)))
    (outcome,) = outcomes
    assert outcome.judged == outcome.judged_before == pytest.approx(8)
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
    assert summary["judged_percent"] == summary["no_edit_percent"] == pytest.approx(25)
    assert summary["drags"] == 1


def test_sharpness_is_the_energy_of_the_laplacian() -> None:
    ramp = np.arange(5.0)[:, None, None] * np.ones((5, 5, 3))
    assert laplacian_energy(ramp) == 0
    dot = np.zeros((5, 5, 3))
    dot[2, 2] = 3
    # -12 in the middle, 3 at its four neighbours, of nine places.
    assert laplacian_energy(dot) == pytest.approx((144 + 4 * 9) / 9)


def test_drags_of_no_landmark_are_not_judged() -> None:
    class Judge(LandmarkNet):
        """Must not be asked."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise AssertionError

    drag = FixedDrag(seed=3, kind="tip", handle=(10.0, 14.0), target=(10.0, 18.0))
    for judge in (Judge(), None):
        outcomes = list(run_drags(tiny_generator(), judge, [drag], DragSettings(max_steps=1)))
        assert outcomes[0].judged is outcomes[0].judged_before is None
        summary = summarize(outcomes, 32)
        assert "arrived_percent" in summary
        assert not [name for name in summary if "judged" in name or name == "no_edit_percent"]


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


def test_landmark_net_answers_in_pixels_of_the_image_given() -> None:
    torch.manual_seed(0)
    net = LandmarkNet().eval()
    images = torch.rand(2, 3, 128, 128) * 2 - 1
    with torch.no_grad():
        small = net(images)
        large = net(torch.nn.functional.interpolate(images, scale_factor=2, mode="nearest"))
    assert small.shape == (2, 68, 2)
    # The resized noise differs a little; answers in another frame would differ by some thirty pixels.
    torch.testing.assert_close((large + 0.5) / 2, small + 0.5, rtol=0, atol=5)


def test_a_judge_looks_at_the_size_that_its_file_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = LandmarkNet(64)
    path = tmp_path / "judge.safetensors"
    safetensors.torch.save_file(net.state_dict(), path, {"input_size": "64"})
    images = torch.rand(1, 3, 128, 128) * 2 - 1
    loaded = load_landmark_net(path)
    assert loaded.input_size == 64
    with torch.no_grad():
        assert torch.equal(loaded(images), net(images))
        loaded.input_size = 128
        assert not torch.equal(loaded(images), net(images))


def test_missing_judge_is_named(tmp_path: Path) -> None:
    with pytest.raises(DraglabError, match="cannot load the landmark network"):
        load_landmark_net(tmp_path / "absent.safetensors")


def test_bundled_judge_loads_and_is_small() -> None:
    assert HEADS_JUDGE.stat().st_size < 3_000_000
    judge = load_landmark_net()
    assert judge.input_size == 128
    points = judge(torch.zeros(1, 3, 128, 128))
    assert torch.isfinite(points).all()
