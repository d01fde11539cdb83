"""Lists of edits, and what is measured of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from draglab.errors import DraglabError
from draglab.evaluation import edit_list
from draglab.evaluation.edit_list import load_edits
from draglab.evaluation.edits import EditExperiment
from draglab.evaluation.measures import changed, frozen_region, lpips_distance, patch_difference
from draglab.evaluation.methods import parse_method
from draglab.evaluation.noise_floor import shift_of
from draglab.evaluation.results import write_results
from draglab.generators import to_uint8
from draglab.media import edit_line
from draglab.media.edit_file import EditFile, ModelReference, Round, SeedStart, WPlusStart
from draglab.media.edit_line import EditLine
from draglab.media.images import encode_mask
from draglab.perception import HAND, MULTI_PIE
from tests.evaluation.judges import BrightestSpot, run, tools
from tests.tiny import tiny_generator

LINE: dict[str, Any] = {"seed": 3, "handles": [[10, 14]], "targets": [[16, 14]]}
REPOSITORY = Path(__file__).resolve().parents[2]


def mask() -> np.ndarray:
    found = np.zeros((32, 32), bool)
    found[8:20, 4:24] = True
    return found


def written(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def edit_file(rounds: int = 1, sha256: str | None = None, **changes: Any) -> EditFile:
    one = Round.from_arrays(np.array([[10.0, 14.0]]), np.array([[16.0, 14.0]]), settings={"r1": 9.0}, steps=2)
    values = {
        "model": ModelReference(name="tiny", sha256=sha256 or tiny_generator().sha256),
        "start": SeedStart(seed=3),
        "rounds": [one] * rounds,
    }
    return EditFile(**{**values, **changes})


def experiment(path: Path, methods: list[str], judge: Any = None, back: bool = False) -> EditExperiment:
    generator = tiny_generator()
    edits, content = load_edits(path)
    parsed = [parse_method(spec, 4, ["feature_resolution=16"]) for spec in methods]
    return EditExperiment(generator, parsed, tools(generator, judge), edits, content, back=back)


class Fixed:
    """Finds all points at one place in the picture before, at another in that after, and at `third` in a third one."""

    third = (0.0, 0.0)

    def __init__(self, before: tuple[float, float], after: tuple[float, float], layout: Any = MULTI_PIE) -> None:
        self.layout, self.places = layout, (before, after)

    def __call__(self, images: Any) -> np.ndarray:
        places = [*self.places, self.third][: len(images)]
        return np.tile(np.array(places)[:, None], (1, self.layout.count, 1))


class TestLists:
    def test_draglabs_own_lists_are_read(self) -> None:
        edits, _ = load_edits(REPOSITORY / "benchmarks" / "drags_heads.json")
        assert len(edits) == 60
        first = edits[0]
        assert first.error is None and isinstance(first.edit, EditLine)
        assert (first.kind, first.landmarks, first.edit.image_size) == ("nose sideways", (30,), 256)
        assert first.edit.start() == SeedStart(seed=first.edit.seed, truncation_psi=1.0)
        faces, _ = load_edits(REPOSITORY / "benchmarks" / "drags_faces.json")
        assert isinstance(faces[0].edit, EditLine) and faces[0].edit.truncation_psi == 0.7

    def test_lines_are_read(self, tmp_path: Path) -> None:
        full = {**LINE, "truncation_psi": 0.5, "landmarks": [30], "mask": encode_mask(mask()), "feather": 2.0,
                "kind": "nose", "image_size": 32}  # fmt: skip
        edits, content = load_edits(written(tmp_path / "edits.jsonl", LINE, "", full))
        assert content.startswith(b'{"seed": 3')
        generator = tiny_generator()
        w_plus, edit = edits[0].prepare(generator)
        assert torch.equal(w_plus, generator.w_plus_from_seed(3))
        assert (edit.mask, np.asarray(edit.handles).tolist()) == (None, [[10, 14]])
        w_plus, edit = edits[1].prepare(generator)
        assert torch.equal(w_plus, generator.w_plus_from_seed(3, 0.5))
        assert np.asarray(edit.mask).dtype == np.float32 and np.asarray(edit.mask).shape == (32, 32)
        assert (edits[1].kind, edits[1].landmarks) == ("nose", (30,))

    @pytest.mark.parametrize("indent", [None, 2])
    def test_edit_files_are_read(self, tmp_path: Path, indent: int | None) -> None:
        generator = tiny_generator()
        start = generator.w_plus_from_seed(8)[0].numpy()
        text = edit_file(start=WPlusStart.from_array(start)).model_dump_json(indent=indent)
        edits, _ = load_edits(written(tmp_path / "edit.json", text))
        w_plus, edit = edits[0].prepare(generator)
        assert np.array_equal(w_plus[0].numpy(), start)
        assert np.asarray(edit.targets).tolist() == [[16, 14]]
        if indent is None:
            many, _ = load_edits(written(tmp_path / "many.jsonl", text, LINE, text))
            assert [one.error for one in many] == [None] * 3

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("{not json", "not a JSON object"),
            ("[1, 2]", "not a JSON object"),
            ({**LINE, "seed": -1}, "seed: "),
            ({**LINE, "colour": 1}, "colour: "),
            ({**LINE, "targets": [[1, 2], [3, 4]]}, "1 handles but 2 targets"),
            ({**LINE, "landmarks": [1, 2]}, "2 landmarks for 1 handles"),
            ({**LINE, "handles": [["10", 14]]}, "handles"),
            ({**LINE, "mask": ""}, "mask"),
            (edit_file(2).model_dump_json(), "has 2 rounds"),
            (edit_file().model_dump_json().replace('"feather":0.0', '"feather":-4'), "feather"),
        ],
    )
    def test_a_wrong_line_is_told_and_the_others_are_read(self, tmp_path: Path, line: Any, message: str) -> None:
        edits, _ = load_edits(written(tmp_path / "edits.jsonl", LINE, line, LINE))
        assert [one.error is None for one in edits] == [True, False, True]
        assert message in (edits[1].error or "")
        with pytest.raises(DraglabError, match="is not a list of edits; its first"):
            load_edits(written(tmp_path / "wrong.jsonl", line))

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ({**LINE, "image_size": 64}, "for images of 64 px, the model's have 32"),
            ({**LINE, "handles": [[40, 14]]}, "outside the image"),
            ({**LINE, "mask": encode_mask(np.ones((16, 16), bool))}, "mask"),
            ({**LINE, "mask": "absent.png"}, "there is no mask"),
            ({**LINE, "mask": "circle:4,4"}, "is not a shape"),
            ({**LINE, "model": "hands"}, "for the model 'hands', this one is tiny"),
            (edit_file(sha256="1" * 64).model_dump_json(), "made with another model"),
        ],
    )
    def test_what_does_not_fit_the_model_breaks_alone(self, tmp_path: Path, line: Any, message: str) -> None:
        one = experiment(written(tmp_path / "edits.jsonl", LINE, line), ["paper"])
        folder = run(one, tmp_path / "run")
        assert message in folder.lines["paper/000001"]["error"]
        assert folder.values("paper/000000") is not None
        row = one.rows(folder)[0]
        assert (row.edits, row.errors) == (1, 1)
        assert "1 edit broke" in write_results(one, folder)[0]

    def test_sizes_are_bounded(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = written(tmp_path / "edits.jsonl", LINE, LINE, {**LINE, "kind": "x" * 150})
        monkeypatch.setattr(edit_line, "LINE_LIMIT", 120)
        assert [one.error is None for one in load_edits(path)[0]] == [True, True, False]
        monkeypatch.setattr(edit_list, "MOST_EDITS", 2)
        with pytest.raises(DraglabError, match="more than 2 edits"):
            load_edits(path)
        monkeypatch.setattr(edit_list, "SIZE_LIMIT", 20)
        with pytest.raises(DraglabError, match="is refused"):
            load_edits(path)
        with pytest.raises(DraglabError, match="there is no list of edits"):
            load_edits(tmp_path / "absent.jsonl")
        with pytest.raises(DraglabError, match="holds no edits"):
            load_edits(written(tmp_path / "empty.jsonl", ""))


def test_measures_are_those_of_the_pictures(tmp_path: Path) -> None:
    lines = [LINE, {**LINE, "mask": encode_mask(mask()), "targets": [[14, 16]]}]
    one = experiment(written(tmp_path / "edits.jsonl", *lines), ["paper"], Fixed((10, 14), (13, 14)), back=True)
    folder = run(one, tmp_path / "run")
    generator = one.generator
    for index, movable in ((0, None), (1, mask())):
        line = folder.lines[f"paper/{index:06d}"]
        edited = torch.from_numpy(folder.arrays(line["key"])["w_plus"])[None]
        start = generator.w_plus_from_seed(3)
        before, after = (to_uint8(generator.image(each).clamp(-1, 1))[0] for each in (start, edited))
        handle, target = np.array([[10.0, 14.0]]), np.array(lines[index]["targets"], np.float64)
        frozen = frozen_region((32, 32), handle, target, movable)
        assert frozen is not None
        assert line["changed_outside"] == pytest.approx(changed(before, after, frozen))
        assert line["dai_5"] == pytest.approx(patch_difference(before, after, handle, target, 5))
        assert 0 < line["fidelity"] < 1
        back = one.methods[0].drag(generator, edited, one.edits[index].prepare(generator)[1].__class__(
            target, handle, movable))  # fmt: skip
        wanted = 10 * lpips_distance(
            one.instruments.lpips, generator.image(start).clamp(-1, 1), generator.image(back.w_plus).clamp(-1, 1)
        )
        assert line["ccsd"] == pytest.approx(wanted, rel=1e-4)
    # The judge finds its landmarks at (0, 0) in the shifted picture.
    noise = np.linalg.norm(np.array([10, 14]) + shift_of(1, 32 / 512)) * 16
    assert folder.lines["paper/000001"]["judge_noise"] == pytest.approx(noise)
    # A pixel of 32 is 16 of 512.
    assert folder.lines["paper/000000"]["judged"] == pytest.approx(3 * 16)
    assert folder.lines["paper/000000"]["judged_before"] == pytest.approx(6 * 16)


class TestJudging:
    def judged(self, judge: Any, landmarks: tuple[int | None, ...], targets: list[list[float]]) -> dict[str, float]:
        one = EditExperiment(tiny_generator(), [], tools(tiny_generator(), judge), [], b"")
        handles, ends = np.array([[10.0, 14.0], [20.0, 20.0]]), np.array(targets)
        moving = np.linalg.norm(ends - handles, axis=1) > 0.01
        judge.third = (judge.places[0][0], judge.places[0][1] + 2)
        return one.judged(judge([0, 0, 0]), handles, ends, moving, landmarks)

    def test_a_landmark_is_judged_by_itself(self) -> None:
        judge = Fixed((10, 14), (10, 17))
        found = self.judged(judge, (30, None), [[10, 20], [20, 20]])
        assert found == pytest.approx({"judged_before": 6 * 16, "judged": 3 * 16, "judge_noise": 2 * 16})

    def test_others_by_the_nearest_which_should_move_as_far(self) -> None:
        # Found a pixel right of the handle, so to end a pixel right of the target.
        judge = Fixed((11, 14), (11, 17), HAND)
        found = self.judged(judge, (30, None), [[10, 20], [20, 20]])
        assert found == pytest.approx({"judged_before": 6 * 16, "judged": 3 * 16, "judge_noise": 2 * 16})

    def test_far_ones_and_lost_ones_are_not_judged(self) -> None:
        assert self.judged(Fixed((12, 14), (12, 17), HAND), (), [[10, 20], [20, 20]]) == {}
        assert self.judged(Fixed((10, 14), (np.nan, np.nan)), (30, None), [[10, 20], [20, 20]]) == {}

    def test_the_mean_is_over_the_handles_that_move(self) -> None:
        judge = Fixed((10, 14), (10, 17))
        found = self.judged(judge, (30, 31), [[10, 20], [13, 17]])
        assert found == pytest.approx(
            {"judged_before": 16 * (6 + np.hypot(3, 3)) / 2, "judged": 16 * (3 + 3) / 2, "judge_noise": 2 * 16}
        )


def test_kinds_have_rows_and_the_table_says_what_it_measures(tmp_path: Path) -> None:
    lines = [{**LINE, "kind": kind} for kind in ("nose", "chin|cheek", "nose")]
    one = experiment(written(tmp_path / "edits.jsonl", *lines), ["paper", "paper:tracker=none"], BrightestSpot())
    folder = run(one, tmp_path / "run")
    rows = one.rows(folder)
    assert [(row.method, row.group, row.edits) for row in rows[:3]] == [
        ("paper", "", 3), ("paper", "nose", 2), ("paper", "chin|cheek", 1),
    ]  # fmt: skip
    table, _ = write_results(one, folder)
    body = table.split("\n\n")[0].splitlines()
    assert len({line.count("|") for line in body}) == 1
    assert "judge: spot" in table and "identity" not in table


def test_without_a_judge_edits_are_ranked_by_the_tracker(tmp_path: Path) -> None:
    one = experiment(written(tmp_path / "edits.jsonl", LINE, LINE), ["paper"])
    folder = run(one, tmp_path / "run")
    assert one.score == "tracked"
    table, _ = write_results(one, folder)
    assert "judged" not in table.split("\n\n")[0]
    assert (tmp_path / "run" / "sheet.png").exists()
