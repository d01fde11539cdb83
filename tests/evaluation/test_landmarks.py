"""The landmark experiment, with a judge whose answers can be worked out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from draglab.dragging import DragResult
from draglab.errors import DraglabError
from draglab.evaluation.landmarks import FLOOR, NO_EDIT, LandmarkExperiment, points_of
from draglab.evaluation.methods import Method, parse_method
from draglab.evaluation.noise_floor import shift_of, shifted
from draglab.evaluation.pair_list import PairList, load_pairs
from draglab.evaluation.results import write_results
from draglab.evaluation.run_folder import read_run
from draglab.evaluation.table import number
from draglab.generators import to_uint8
from draglab.perception import FACE_MESH, frechet_distance
from tests.evaluation.judges import BrightestSpot, run, tools
from tests.tiny import tiny_generator

REPOSITORY = Path(__file__).resolve().parents[2]
COMMON = ["feature_resolution=16"]


def experiment(methods: list[str], pairs: int = 3, points: tuple[int, ...] = (1, 5), judge=None) -> LandmarkExperiment:
    generator = tiny_generator()
    judge = judge or BrightestSpot()
    parsed = [parse_method(spec, 4, COMMON) for spec in methods]
    return LandmarkExperiment(generator, parsed, tools(generator, judge), PairList(), pairs, points)


def test_the_protocol_says_which_points_are_dragged() -> None:
    judge = BrightestSpot()
    assert points_of(1, judge) == [48]
    assert points_of(5, judge) == [36, 45, 30, 48, 54]
    assert points_of(68, judge) == list(range(68))
    with pytest.raises(DraglabError, match="no 7 points: choose of 1, 5, 68"):
        points_of(7, judge)
    generator = tiny_generator()
    with pytest.raises(DraglabError, match="needs a detector of landmarks"):
        LandmarkExperiment(generator, [], tools(generator), PairList(), 1, [1])


def test_rows_are_what_the_judge_says(tmp_path: Path) -> None:
    one = experiment(["default", "paper"])
    folder = run(one, tmp_path)
    generator, judge = one.generator, BrightestSpot()
    pictures = [to_uint8(generator.image(generator.w_plus_from_seed(100_000 + seed, 0.7)))[0] for seed in range(6)]
    found = judge(pictures)
    rows = {(row.method, row.group): row for row in one.rows(folder)}
    for group, chosen in (("1", [48]), ("5", [36, 45, 30, 48, 54])):
        apart = [np.linalg.norm(found[2 * k][chosen] - found[2 * k + 1][chosen], axis=1).mean() * 16 for k in range(3)]
        assert rows[NO_EDIT, group].measures["distance"].mean == pytest.approx(np.mean(apart))
        for method in ("default", "paper"):
            row = rows[method, group]
            assert (row.edits, row.errors) == (3, 0)
            distances, features = [], []
            for k in range(3):
                arrays = folder.arrays(f"{method}/{group}/{k:06d}")
                picture = to_uint8(generator.image(torch.from_numpy(arrays["w_plus"])[None]))
                ended = judge(picture)[0]
                distances.append(np.linalg.norm(ended[chosen] - found[2 * k + 1][chosen], axis=1).mean() * 16)
                features.append(arrays["features"])
            assert row.measures["distance"].mean == pytest.approx(np.mean(distances))
            starts = [folder.arrays(f"pair/{k:06d}")["features"] for k in range(3)]
            sets = [torch.from_numpy(np.stack(each)) for each in (features, starts)]
            assert row.numbers["frechet"] == pytest.approx(frechet_distance(sets[0], sets[1]))
    line = folder.lines["paper/5/000001"]
    assert (line["steps"], line["pair"], line["points"], line["method"]) == (4, 1, 5, "paper")


def test_the_noise_floor_is_the_error_under_known_shifts(tmp_path: Path) -> None:
    class Wobbly(BrightestSpot):
        """Finds every landmark at one place, but in the third picture, the shifted one, 1 px to the right of it."""

        shift: np.ndarray = np.zeros(2)

        def __call__(self, images) -> np.ndarray:
            places = np.array([[10.0, 12.0], [14.0, 12.0], [11.0, 12.0]])[: len(images)]
            if len(images) == 3:
                places[2] += self.shift
            return np.repeat(places[:, None], 68, axis=1)

    judge = Wobbly()
    one = experiment([], pairs=1, judge=judge)
    judge.shift = shift_of(0, one.unit)
    folder = run(one, tmp_path)
    rows = {(row.method, row.group): row for row in one.rows(folder)}
    # A pixel of 32 is 16 of 512.
    assert rows[FLOOR, "5"].measures["distance"].mean == pytest.approx(16)
    assert rows[NO_EDIT, "5"].measures["distance"].mean == pytest.approx(4 * 16)


def test_shifts_move_the_content() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8)
    moved = shifted(picture, np.array([3, -2]))
    np.testing.assert_array_equal(moved[:14, 3:], picture[2:, :17])
    np.testing.assert_array_equal(moved[:, 0], moved[:, 3])
    shifts = [tuple(shift_of(pair, 32 / 512)) for pair in range(200)]
    assert (0, 0) not in shifts and len(set(shifts)) == 8  # of 32 pixels, 8 of 512 are half a pixel: at least 1


def test_a_pair_without_a_face_is_replaced(tmp_path: Path) -> None:
    generator = tiny_generator()
    without = to_uint8(generator.image(generator.w_plus_from_seed(100_003, 0.7)))[0]
    judge = BrightestSpot(lambda picture: np.array_equal(picture, without))
    one = experiment(["default"], pairs=2, points=(1,), judge=judge)
    folder = run(one, tmp_path)
    assert one.usable(folder) == [0, 2]
    assert folder.lines["pair/000001"]["found"] is False
    assert [key for key in folder.lines if key.startswith("default")] == ["default/1/000000", "default/1/000002"]
    assert one.files(folder)["pairs.json"]["pairs"] == [[100_000, 100_001], [100_004, 100_005]]


def test_a_judge_that_finds_nothing_is_told(tmp_path: Path) -> None:
    one = experiment(["default"], pairs=1, judge=BrightestSpot(lambda picture: True))
    with pytest.raises(DraglabError, match="the judge spot finds no face"):
        run(one, tmp_path)


def test_edits_in_which_no_face_is_found_are_left_out_and_counted(tmp_path: Path) -> None:
    first = experiment(["default"], pairs=2, points=(1,))
    generator = first.generator
    starts = [to_uint8(generator.image(generator.w_plus_from_seed(100_000 + seed, 0.7)))[0] for seed in range(4)]
    floor = [shifted(starts[0], shift_of(0, first.unit)), shifted(starts[2], shift_of(1, first.unit))]
    known = [*starts, *floor]
    lost = experiment(
        ["default"], pairs=2, points=(1,),
        judge=BrightestSpot(lambda picture: not any(np.array_equal(picture, each) for each in known)),
    )  # fmt: skip
    folder = run(lost, tmp_path)
    # Of the first pair, the landmark is on its target from the start: its picture stays, and is known.
    steps = [line["steps"] for line in lost.edit_lines(folder)]
    assert steps == [0, 2]
    row = lost.rows(folder)[-1]
    assert row.measures["distance"].count == 1
    assert row.measures["found"].mean == 0.5
    assert row.edits == 2
    assert "(1 of 2)" in write_results(lost, folder)[0]


def test_coinciding_landmarks_are_dragged_once_and_inside_the_image() -> None:
    one = experiment([], points=(5, 68))
    landmarks = np.tile(np.array([[[10.0, 10.0]], [[14.0, 40.0]]]), (1, 68, 1))
    landmarks[0, 36] = (-3, 5)
    edit = one.edit(landmarks, 5)
    assert np.asarray(edit.handles).tolist() == [[0, 5], [10, 10]]
    assert np.asarray(edit.targets).tolist() == [[14, 31], [14, 31]]
    edit.validated(32, 32)
    assert len(np.asarray(one.edit(landmarks, 68).handles)) == 2


def test_landmarks_that_are_where_they_should_be_are_not_dragged(tmp_path: Path) -> None:
    class Fixed(BrightestSpot):
        def __call__(self, images) -> np.ndarray:
            return np.full((len(images), 68, 2), 12.0)

    one = experiment(["default"], pairs=1, points=(1,), judge=Fixed())
    folder = run(one, tmp_path)
    line = folder.lines["default/1/000000"]
    assert (line["steps"], line["stop_reason"], line["distance"]) == (0, "arrived", 0)
    assert np.array_equal(
        folder.arrays(line["key"])["w_plus"], one.pairs.latents(0, one.generator)[0][0].numpy().astype(np.float32)
    )


def test_an_edit_that_breaks_is_a_line_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = Method.drag

    def breaks(self: Method, generator, w_plus, edit) -> DragResult:
        if len(edit.handles) == 5 and torch.equal(w_plus, generator.w_plus_from_seed(100_002, 0.7)):
            raise RuntimeError("the disk\nof a GPU")
        return true(self, generator, w_plus, edit)

    one = experiment(["default"])
    monkeypatch.setattr(Method, "drag", breaks)
    folder = run(one, tmp_path)
    line = folder.lines["default/5/000001"]
    assert line["error"] == "RuntimeError: the disk of a GPU"
    assert (line["pair"], line["points"]) == (1, 5)
    assert len(folder.lines) == 9
    row = one.rows(folder)[-1]
    assert (row.edits, row.errors) == (2, 1)
    assert "1 edit broke" in write_results(one, folder)[0]
    monkeypatch.setattr(Method, "drag", true)
    # It is not run again unless one asks for it.
    assert run(one, tmp_path).lines["default/5/000001"]["error"]
    again = run(one, tmp_path, retry=True)
    assert again.values("default/5/000001") is not None
    assert one.rows(again)[-1].errors == 0


def test_a_run_grows_and_shrinks_with_what_is_asked_for(tmp_path: Path) -> None:
    small = experiment(["default"], pairs=2, points=(1,))
    before = [row.as_json() for row in small.rows(run(small, tmp_path))]
    large = experiment(["default", "paper"], pairs=3)
    folder = run(large, tmp_path)
    assert len(large.edit_lines(folder)) == 12
    assert [row.as_json() for row in small.rows(run(small, tmp_path))] == before


def test_results_are_written(tmp_path: Path) -> None:
    one = experiment(["default", "paper"])
    folder = run(one, tmp_path)
    table, rows = write_results(one, folder)
    assert table == (tmp_path / "table.md").read_text()
    head, rule, *body = table.split("\n\n")[0].splitlines()
    assert head == "|  | 1 point | 5 points | Fréchet distance (AlexNet, conv5) | s |"
    assert rule == "| --- | ---: | ---: | ---: | ---: |"
    names = [line.split("|")[1].strip() for line in body]
    assert names[:4] == [NO_EDIT, FLOOR, "default", "paper"]
    assert body[-1] == "| *the paper: DragGAN* | 2.44 | 3.18 | 9.28 | 2 |"
    assert all(line.count("|") == 6 for line in body)
    details = table.split("\n\n")[2].splitlines()
    assert [line.split("|")[1].strip() for line in details[2:]] == ["default", "paper"] * 2
    median = {row.method: row.measures["distance"].median for row in rows if row.group == "5"}
    assert details[-1].split("|")[3].strip() == number(median["paper"])
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["rows"] == [row.as_json() for row in rows]
    for name in ("plots/1_points.svg", "plots/5_points.svg", "sheet.png", "compared.png", "pairs.json"):
        assert (tmp_path / name).stat().st_size > 100
    listed = load_pairs(tmp_path / "pairs.json")
    assert listed.listed == ((100_000, 100_001), (100_002, 100_003), (100_004, 100_005))
    assert (listed.truncation, listed.seeds(1), listed.candidates(99)) == (0.7, (100_002, 100_003), range(3))
    assert read_run(tmp_path).config["settings"]["paper"]["beta1"] == 0.9


def test_a_list_gives_the_same_as_the_rule(tmp_path: Path) -> None:
    rule = experiment(["default"], points=(1,))
    first = rule.rows(run(rule, tmp_path / "rule"))
    write_results(rule, read_run(tmp_path / "rule"), pictures=False)
    generator = rule.generator
    listed = LandmarkExperiment(
        generator, rule.methods, rule.instruments, load_pairs(tmp_path / "rule" / "pairs.json"), 3, [1]
    )
    second = listed.rows(run(listed, tmp_path / "list"))
    for a, b in zip(first, second, strict=True):
        assert {n: e for n, e in a.measures.items() if n != "seconds"} == {
            n: e for n, e in b.measures.items() if n != "seconds"
        }
        assert a.numbers == b.numbers


@pytest.mark.parametrize(("name", "count", "psi"), [("faces", 100, 0.7), ("heads", 200, 0.25)])
def test_the_published_lists_are_of_the_rule(name: str, count: int, psi: float) -> None:
    listed = load_pairs(REPOSITORY / "benchmarks" / f"pairs_{name}.json")
    assert listed.listed is not None and len(listed.listed) == count
    assert listed.truncation == psi
    rule = PairList()
    tried = [rule.seeds(pair) for pair in rule.candidates(2 * count)]
    assert [tried.index(pair) for pair in listed.listed] == sorted(tried.index(pair) for pair in listed.listed)
    assert len(set(listed.listed)) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"pairs": [[1, 2]]}',
        '{"model": "x", "truncation_psi": 1, "pairs": [[1]]}',
        '{"model": "x", "truncation_psi": NaN, "pairs": [[1, 2]]}',
        '{"model": "x", "truncation_psi": 1, "pairs": [[1, -2]]}',
    ],
)
def test_other_lists_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pairs.json"
    path.write_text(text)
    with pytest.raises(DraglabError, match="is not a list of pairs"):
        load_pairs(path)


def test_the_layout_names_the_points_of_the_face_mesh_too() -> None:
    class Mesh(BrightestSpot):
        pass

    Mesh.layout = FACE_MESH
    assert points_of(1, Mesh()) == [61]
    assert points_of(478, Mesh())[-1] == 477
