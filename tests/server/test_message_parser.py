import json
import typing

import pytest

from draglab.server import messages
from draglab.server.limits import Limits
from draglab.server.message_parser import MessageError, ProtocolError, parse
from draglab.server.messages import Progress, encode

START = {"model": "heads", "seed": 7, "truncation_psi": 0.7, "class_index": None, "mix": {"seed": 1, "first_layer": 6}}

EXAMPLES = [
    {"type": "hello", "protocol": 1, "token": "t", "session": None, "height": 640},
    {"type": "new_session", "start": START},
    {"type": "new_session", "start": None, "id": 1},
    {"type": "open_session", "session": "abc"},
    {"type": "forget_session", "session": "abc"},
    {"type": "set_view", "height": 300},
    {"type": "set_start", "start": START},
    {"type": "set_points", "points": [{"id": 1, "handle": [1, 2.5], "target": None}], "done": False},
    {"type": "add_point", "point": {"id": 1, "handle": [1, 2.5], "target": None}},
    {"type": "move_point", "point": 1, "target": [1, 2], "done": False},
    {"type": "remove_points", "points": None},
    {"type": "pull", "points": [{"id": 1, "handle": [1, 2.5], "target": [3, 4]}], "gesture": 7, "done": True},
    {"type": "set_mask", "png": None, "feather": 2},
    {"type": "suggest_mask"},
    {"type": "check_handle", "x": 1, "y": 2.5},
    {"type": "region_points", "polygon": [(1, 2), (3.5, 2), (3, 9)], "count": 5},
    {"type": "list_named_edits"},
    {"type": "place_named_edit", "name": "smile", "strength": 0.5},
    {"type": "check_locality", "ways": [{"handle": [1, 2], "target": [3.5, 2]}]},
    {"type": "set_settings", "settings": {"r1": 2.5, "subpixel": True, "patience": None, "latent_space": "w"}},
    {"type": "reset_settings", "names": None},
    {"type": "list_sessions"},
    {"type": "rename_session", "session": "abc", "name": "Grandfather"},
    *({"type": name} for name in ("run", "stop", "pause", "go_on", "undo", "redo", "take_back")),
    {"type": "goto", "node": 3},
    {"type": "scrub", "node": 3, "frame": 2},
    {"type": "continue_from", "node": 3, "frame": 2},
    {"type": "seeds", "seeds": [1, 2], "truncation_psi": 1, "height": 96},
    {"type": "export", "kind": "mp4", "scope": "round"},
    {"type": "export", "kind": "png", "scope": "photo", "stitch": True},
    {"type": "cancel_export", "export": 7},
    {"type": "describe", "as": "python"},
    {"type": "seen", "stamp": 12},
    {"type": "list_models"},
    {"type": "download_model", "model": "ffhq-512", "accept_licence": True},
    {"type": "stop_download"},
    {"type": "stop_measuring", "model": "ffhq-512"},
    {"type": "find_frame", "photo": "abc", "model": "heads"},
    {
        "type": "invert_photo",
        "photo": "abc",
        "model": "heads",
        "frame": {"x": 1, "y": 2.5, "size": 64, "angle": -3},
        "effort": "fast",
    },
    {"type": "resume_photo", "photo": "abc"},
    {"type": "stop_photo", "photo": "abc"},
    {"type": "cancel_photo", "photo": "abc", "id": 3},
    {"type": "transfer_to", "seeds": [1, 2], "height": 96, "more": True},
    {"type": "stop_transfer", "close": True},
    {"type": "keep_transferred", "seed": 2},
    {"type": "export_sessions", "sessions": ["abc"]},
]


def read(content: object, **limits: int):
    return parse(json.dumps(content), Limits(**limits))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["type"])
def test_every_message_is_read(example):
    message = read(example)
    for name, value in example.items():
        got = getattr(message, "as_" if name == "as" else name)
        assert got == value or name in ("start", "point", "points", "target", "ways", "frame")


def test_every_message_has_an_example():
    known = set()
    for kind in typing.get_args(messages.ClientMessage):
        hint = typing.get_type_hints(kind)["type"]
        known |= set(typing.get_args(hint))
    assert known == {example["type"] for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["type"])
def test_an_unknown_field_is_refused(example):
    with pytest.raises(MessageError, match="surprise"):
        read({**example, "surprise": 1})


@pytest.mark.parametrize(
    "content",
    [
        [],
        7,
        {},
        {"type": "format_disk"},
        {"type": "run", "id": "1"},
        {"type": "run", "id": -1},
        {"type": "seen", "stamp": 1.5},
        {"type": "seen", "stamp": True},
        {"type": "goto"},
        {"type": "set_points", "points": [{"id": 1, "handle": [1]}], "done": True},
        {"type": "set_points", "points": [{"id": 1, "handle": [1, 2, 3]}], "done": True},
        {"type": "set_points", "points": [{"id": 1, "handle": [1, float("nan")]}], "done": True},
        {"type": "set_points", "points": [{"id": 1, "handle": [1, float("inf")]}], "done": True},
        {"type": "set_points", "points": [{"id": 1, "handle": [1, 1e300]}], "done": True},
        {"type": "set_points", "points": [{"id": 1, "handle": [1, 2], "colour": "red"}], "done": True},
        {"type": "set_settings", "settings": {"r1": float("nan")}},
        {"type": "set_settings", "settings": {"r1": [1]}},
        {"type": "set_start", "start": {"seed": 2**32}},
        {"type": "set_start", "start": {"seed": 1, "truncation_psi": float("nan")}},
        {"type": "open_session", "session": "x" * 301},
        {"type": "export", "kind": "exe", "scope": "image"},
        {"type": "set_mask", "png": 5, "feather": 0},
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(content):
    with pytest.raises(MessageError) as caught:
        read(content)
    assert str(caught.value).startswith("the message cannot be used: ")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_an_error_repeats_the_id():
    with pytest.raises(MessageError) as caught:
        read({"type": "goto", "id": 12})
    assert caught.value.id == 12
    with pytest.raises(MessageError) as caught:
        read({"type": "goto", "id": "12"})
    assert caught.value.id is None


@pytest.mark.parametrize("text", ["", "hello", '{"type": "run"', "[" * 100_000])
def test_what_is_not_json_violates_the_protocol(text):
    with pytest.raises(ProtocolError):
        parse(text, Limits())


def test_numbers_that_json_lacks_become_null():
    progress = Progress(
        node=1,
        step=2,
        points=[1],
        handles=[(1.0, 2.0)],
        targets=[(3.0, 2.0)],
        distances=[float("inf")],
        mean_distance=3.0,
        loss=float("nan"),
        steps_per_second=4.0,
        stamp=5,
    )
    content = json.loads(encode(progress), parse_constant=lambda text: pytest.fail(text))
    assert content["loss"] is None and content["distances"] == [None] and content["handles"] == [[1.0, 2.0]]
