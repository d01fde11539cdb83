import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from draglab import DraglabError
from draglab.media.edit_file import (
    SIZE_LIMIT,
    EditFile,
    ModelReference,
    Retarget,
    Round,
    SeedStart,
    WPlusStart,
    load_edit_file,
    parse_edit_file,
    save_edit_file,
)

finite = st.floats(-1000, 1000)
pairs = st.lists(st.tuples(finite, finite, finite, finite), min_size=1, max_size=4)
masks = st.none() | hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20))
settings_values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | finite | st.text()
seeds = st.builds(
    SeedStart,
    seed=st.integers(0, 2**32 - 1),
    truncation_psi=st.floats(-1, 2),
    truncation_cutoff=st.none() | st.integers(0, 18),
    class_index=st.none() | st.integers(0, 999),
)
latents = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.floats(-100, 100, width=32))


@st.composite
def rounds(draw):
    array = np.array(draw(pairs))
    settings = draw(st.dictionaries(st.text(max_size=8), settings_values, max_size=3))
    steps = draw(st.none() | st.integers(0, 500))
    made = Round.from_arrays(array[:, :2], array[:, 2:], draw(masks), settings, steps)
    after = sorted(draw(st.sets(st.integers(1, 500), max_size=3)))
    moved = [Retarget(after=step, targets=array[:, :2].tolist()) for step in after]
    return made.model_copy(update={"feather": draw(st.floats(0, 9)), "moved": moved})


edits = st.builds(
    EditFile,
    model=st.builds(
        ModelReference,
        name=st.text(min_size=1, max_size=20),
        sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    ),
    start=seeds | latents.map(WPlusStart.from_array),
    rounds=st.lists(rounds(), min_size=1, max_size=3),
)


def example() -> dict:
    return {
        "format": "draglab-edit",
        "version": 3,
        "model": {"name": "heads", "sha256": "0" * 64},
        "start": {"seed": 7},
        "rounds": [{"points": [{"handle": [1, 2.5], "target": [3, 4]}]}],
    }


def parse(content) -> EditFile:
    return parse_edit_file(json.dumps(content).encode(), "edit.json")


@given(edits)
def test_round_trip(tmp_path_factory, edit):
    path = tmp_path_factory.mktemp("edit") / "edit.json"
    save_edit_file(path, edit)
    assert load_edit_file(path) == edit


@given(latents)
def test_latents_keep_every_bit(latent):
    assert (WPlusStart.from_array(latent).array() == latent).all()


def test_arrays_come_back():
    mask = np.eye(5, dtype=bool)
    one = Round.from_arrays(np.array([[1, 2.5]]), np.array([[3, 4]]), mask)
    assert one.handles().tolist() == [[1, 2.5]]
    assert one.targets().tolist() == [[3, 4]]
    movable = one.movable()
    assert movable is not None
    assert (movable == mask).all()
    assert Round.from_arrays(np.zeros((1, 2)), np.ones((1, 2))).movable() is None


def test_a_feathered_mask_has_soft_edges():
    mask = np.zeros((20, 20), bool)
    mask[:, :10] = True
    one = Round.from_arrays(np.zeros((1, 2)), np.ones((1, 2)), mask).model_copy(update={"feather": 4.0})
    movable = one.movable()
    assert movable is not None and movable.dtype == np.float32
    assert 0 < movable[0, 11] < 0.5 < movable[0, 8] < 1


def test_short_form_has_the_defaults():
    edit = parse(example())
    assert edit.start == SeedStart(seed=7, truncation_psi=1.0, truncation_cutoff=None, class_index=None)
    assert edit.rounds[0].settings == {}
    assert edit.rounds[0].steps is None
    assert (edit.rounds[0].feather, edit.rounds[0].moved) == (0, [])


FORMER = {"back_off": None, "settle_steps": None, "mask_limit": None, "descent": "adam", "patience": 50}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, FORMER),
        ({"r1": 4.0}, {**FORMER, "r1": 4.0}),
        ({"patience": None, "back_off": 6}, {**FORMER, "patience": None, "back_off": 6}),
    ],
)
def test_files_of_version_1_keep_the_settings_of_their_time(tmp_path, given, expected):
    old = {**example(), "version": 1}
    old["rounds"][0]["settings"] = given
    edit = parse(old)
    assert (edit.version, edit.rounds[0].settings) == (3, expected)
    save_edit_file(tmp_path / "edit.json", edit)
    assert load_edit_file(tmp_path / "edit.json") == edit
    # All else is as in a file of this version that says so.
    new = example()
    new["rounds"][0]["settings"] = expected
    assert parse(new) == edit


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"descent": "first-order"}),
        ({"descent": "auto", "r1": 4.0}, {"descent": "first-order", "r1": 4.0}),
        ({"descent": "normalized"}, {"descent": "normalized"}),
    ],
)
def test_files_of_version_2_keep_the_method_of_their_time(given, expected):
    old = {**example(), "version": 2}
    old["rounds"][0]["settings"] = given
    assert parse(old).rounds[0].settings == expected


NAN_LATENT = "AADAfwAAgD8="  # float32 NaN, 1


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["format"], "other", 'its "format" must be "draglab-edit"'),
        (["version"], 4, r"newer draglab \(version 4\); this one reads up to version 3: upgrade draglab"),
        (["version"], 0, "^edit.json: version: "),
        (["version"], "1", "^edit.json: version: "),
        (["comment"], "hello", "^edit.json: comment: Extra"),
        (["rounds", 0, "feather"], -1, r"^edit.json: rounds\[0\].feather: "),
        (["rounds", 0, "moved"], [{"after": 0, "targets": [[1, 2]]}], r"rounds\[0\].moved\[0\].after: "),
        (["rounds", 0, "moved"], [{"after": 1, "targets": [[1, 2], [3, 4]]}], "give one for each handle"),
        (["rounds", 0, "moved"], [{"after": 2, "targets": [[1, 2]]}] * 2, "in the order of their steps"),
        (["model"], None, "^edit.json: model: "),
        (["model", "sha256"], "abc", r"^edit.json: model\.sha256: "),
        (["start", "seed"], -1, r"^edit.json: start\.seed: "),
        (["start", "seed"], 2**32, r"^edit.json: start\.seed: "),
        (["start", "seed"], "7", r"^edit.json: start\.seed: "),
        (["start"], {}, r"^edit.json: start\.seed: Field required"),
        (["start"], 5, r"^edit.json: start: "),
        (["start"], {"w_plus": "AAAA", "shape": [1, 1]}, r"^edit.json: start: the latent has 3 bytes"),
        (["start"], {"w_plus": "\u00e4", "shape": [1, 1]}, r"^edit.json: start: the latent is not base64"),
        (["start"], {"w_plus": NAN_LATENT, "shape": [1, 2]}, r"^edit.json: start: .*NaN"),
        (["start"], {"w_plus": "", "shape": [0, 1]}, r"^edit.json: start\.shape\[0\]: "),
        (["rounds"], [], "^edit.json: rounds: "),
        (["rounds", 0, "points"], [], r"^edit.json: rounds\[0\]\.points: "),
        (["rounds", 0, "points", 0, "handle"], [1], r"^edit.json: rounds\[0\]\.points\[0\]\.handle: "),
        (["rounds", 0, "points", 0, "target"], [1, "x"], r"points\[0\]\.target\[1\]: "),
        (["rounds", 0, "points", 0, "target"], [1, 1e999], "broken JSON|target"),
        (["rounds", 0, "points", 0, "target"], [1, float("nan")], "broken JSON"),
        (["rounds", 0, "mask"], "!", r"rounds\[0\]\.mask: the mask is not base64"),
        (["rounds", 0, "mask"], "AAAA", r"rounds\[0\]\.mask: .*not an image"),
        (["rounds", 0, "steps"], -1, r"rounds\[0\]\.steps: "),
        (["rounds", 0, "settings"], {"a": [1]}, r"rounds\[0\]\.settings\.a"),
    ],
)
def test_each_wrong_field_is_named_in_one_line(place, value, message):
    content = example()
    holder = content
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = value
    with pytest.raises(DraglabError, match=message) as caught:
        parse(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"draglab-edit"',
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"format": "\\ud800"}',
    ],
)
def test_other_files(data):
    with pytest.raises(DraglabError, match="edit file"):
        parse_edit_file(data)


def test_control_codes_in_a_field_name_do_not_reach_the_terminal():
    with pytest.raises(DraglabError) as caught:
        parse(example() | {"\x1b[31m\n\ud800": 1})
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def test_a_file_that_is_too_large(tmp_path):
    path = tmp_path / "edit.json"
    with path.open("wb") as file:
        file.truncate(SIZE_LIMIT + 1)
    with pytest.raises(DraglabError, match="larger than 64 MiB"):
        load_edit_file(path)


@given(edit=edits, data=st.data())
def test_damaged_files_only_give_draglab_errors(edit, data):
    content = bytearray(edit.model_dump_json().encode())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_edit_file(bytes(content))
    except DraglabError as error:
        assert "\n" not in str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(["version", "model", "start", "rounds", "other"]), value=json_values)
def test_any_value_anywhere_only_gives_draglab_errors(field, value):
    try:
        parse(example() | {field: value})
    except DraglabError as error:
        assert "\n" not in str(error)
