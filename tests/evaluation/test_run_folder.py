"""The folder of a run: lines, arrays, going on, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draglab.errors import DraglabError
from draglab.evaluation import run_folder
from draglab.evaluation.run_folder import open_run, read_run

CONFIG: dict[str, Any] = {"experiment": "landmarks", "protocol": {"judge": "heads", "seed": 1}, "methods": ["default"]}
SESSION: dict[str, Any] = {"processor": "x", "must match": {"draglab": "0.1.0", "torch": "2.13.0"}}


def write(path: Path, *keys: str) -> None:
    with open_run(path, CONFIG, SESSION) as run:
        for key in keys:
            run.append(key, {"method": "default", "distance": 1.5}, {"w_plus": np.arange(3.0)})


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    write(tmp_path / "run", "a", "b")
    run = read_run(tmp_path / "run")
    assert list(run.lines) == ["a", "b"]
    assert run.lines["a"] == {"key": "a", "method": "default", "distance": 1.5}
    assert run.arrays("a")["w_plus"].tolist() == [0, 1, 2]
    assert (run.experiment, run.protocol) == ("landmarks", CONFIG["protocol"])
    sessions = json.loads((tmp_path / "run" / "machine.json").read_text())["sessions"]
    assert sessions == [SESSION]


def test_numbers_become_plain_and_those_that_are_not_finite_null(tmp_path: Path) -> None:
    with open_run(tmp_path, CONFIG, SESSION) as run:
        run.append("a", {"x": float("nan"), "y": np.float64(2.5), "z": np.inf, "found": np.bool_(True), "n": 3})
    assert read_run(tmp_path).lines["a"] == {"key": "a", "x": None, "y": 2.5, "z": None, "found": True, "n": 3}


@pytest.mark.parametrize("cut", [1, 2, 20, 50])
def test_a_line_that_a_kill_cut_off_is_dropped(tmp_path: Path, cut: int) -> None:
    write(tmp_path, "a", "b")
    path = tmp_path / "edits.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with open_run(tmp_path, CONFIG, SESSION) as run:
        # Without its line break alone, the line is still whole.
        assert list(run.lines) == (["a", "b"] if cut == 1 else ["a"])
        assert run.dropped == (0 if cut == 1 else 1)
        run.append("c", {"distance": 2.0})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["key"] for line in lines] == (["a", "b", "c"] if cut == 1 else ["a", "c"])


@pytest.mark.parametrize("damaged", [b"{not json\n", b"[1, 2]\n", b'{"no": "key"}\n', b'{"key": 3}\n', b"\x00\xff\n"])
def test_a_damaged_line_is_dropped_and_the_others_stay(tmp_path: Path, damaged: bytes) -> None:
    write(tmp_path, "a", "b")
    path = tmp_path / "edits.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + damaged + second)
    with open_run(tmp_path, CONFIG, SESSION) as run:
        assert (list(run.lines), run.dropped) == (["a", "b"], 1)
    assert path.read_bytes() == first + second


def test_a_line_that_is_too_long_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a")
    monkeypatch.setattr(run_folder, "LINE_LIMIT", 20)
    assert read_run(tmp_path).dropped == 1
    monkeypatch.setattr(run_folder, "SIZE_LIMIT", 20)
    with pytest.raises(DraglabError, match="which is refused"):
        read_run(tmp_path)


def test_the_last_line_of_an_edit_counts(tmp_path: Path) -> None:
    with open_run(tmp_path, CONFIG, SESSION) as run:
        run.append("a", {"error": "broken"})
        assert run.values("a") is None
        run.append("a", {"distance": 1.0})
    assert read_run(tmp_path).values("a") == {"key": "a", "distance": 1.0}
    assert read_run(tmp_path).values("b") is None


def test_methods_and_numbers_may_grow(tmp_path: Path) -> None:
    write(tmp_path, "a")
    with open_run(tmp_path, {**CONFIG, "methods": ["default", "paper"], "size": {"pairs": 9}}, SESSION) as run:
        assert list(run.lines) == ["a"]
    assert read_run(tmp_path).config["methods"] == ["default", "paper"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({**CONFIG, "experiment": "pairs"}, "holds a run of bench landmarks"),
        ({**CONFIG, "protocol": {"judge": "dlib", "seed": 1}}, 'with another judge "heads" and "dlib"'),
        ({**CONFIG, "protocol": {"judge": "heads"}}, "with another seed 1 and null"),
    ],
)
def test_another_run_is_not_mixed_in(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    write(tmp_path, "a")
    with pytest.raises(DraglabError, match=message), open_run(tmp_path, config, SESSION):
        pass


def test_other_versions_are_not_mixed_in(tmp_path: Path) -> None:
    write(tmp_path, "a")
    newer = {**SESSION, "must match": {"draglab": "0.1.0", "torch": "2.14.0"}}
    message = 'another version: torch "2.13.0" and "2.14.0"'
    with pytest.raises(DraglabError, match=message), open_run(tmp_path, CONFIG, newer):
        pass
    other = {**SESSION, "processor": "y"}
    with open_run(tmp_path, CONFIG, other):
        pass
    assert json.loads((tmp_path / "machine.json").read_text())["sessions"] == [SESSION, other]


def test_two_processes_do_not_write_at_once(tmp_path: Path) -> None:
    busy = pytest.raises(DraglabError, match="another process is working on")
    with open_run(tmp_path, CONFIG, SESSION), busy, open_run(tmp_path, CONFIG, SESSION):
        pass


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(DraglabError, match="holds other files"), open_run(tmp_path, CONFIG, SESSION):
        pass
    with pytest.raises(DraglabError, match="holds no run"):
        read_run(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} <= {"thesis.tex", ".lock"}


def test_leftovers_of_a_kill_do_not_matter(tmp_path: Path) -> None:
    """A kill before the configuration was written, and one while arrays were."""
    (tmp_path / ".draglab-0123456789ab.part").write_text("{")
    write(tmp_path, "a")
    (tmp_path / "arrays" / ".draglab-0123456789ab.part").write_text("PK")
    write(tmp_path, "b")
    assert not list(tmp_path.rglob("*.part"))
    assert list(read_run(tmp_path).lines) == ["a", "b"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}', '{"format": "draglab-run", "version": 1}'])
def test_a_damaged_configuration_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, "a")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(DraglabError, match="is damaged, or not of draglab bench"):
        read_run(tmp_path)


def test_a_newer_run_asks_for_an_upgrade(tmp_path: Path) -> None:
    write(tmp_path, "a")
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    with pytest.raises(DraglabError, match="newer draglab"):
        read_run(tmp_path)


@pytest.mark.parametrize("damage", [None, b"", b"PK\x03\x04 cut off"])
def test_damaged_arrays_say_what_to_do(tmp_path: Path, damage: bytes | None) -> None:
    write(tmp_path, "a")
    (path,) = (tmp_path / "arrays").glob("*.npz")
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(DraglabError, match="remove its line from edits.jsonl"):
        read_run(tmp_path).arrays("a")
