"""The page's types of what goes over the wire are those of the server's messages."""

from dataclasses import dataclass
from typing import get_args

import pytest

from draglab.server import messages
from web.make_types import TARGET, typedef, wire_types


def test_the_file_is_the_one_that_is_generated():
    assert TARGET.read_text(encoding="utf-8") == wire_types(), "run: python -m web.make_types"


def test_every_message_is_there():
    text = wire_types()
    for kind in (*get_args(messages.ClientMessage), *get_args(messages.ServerMessage), messages.PictureHeader):
        assert f"@typedef {{object}} {kind.__name__}\n" in text


def properties(name: str) -> set[str]:
    """Of a type of the server's."""
    (block,) = [each for each in wire_types().split("/**") if f"@typedef {{object}} {name}\n" in each]
    lines = [line.split("}") for line in block.splitlines() if "@property" in line]
    return {line[-1].strip() for line in lines}


def test_what_the_server_says_has_the_properties_of_its_type(server):
    """Nothing more and nothing less, down to the parts of the welcome and the state."""
    with server.client(hello=False) as client:
        client.send("hello", protocol=1, token=server.token, height=32)
        welcome = client.until("welcome")
        client.begin(model="tiny", seed=1)
        client.send("set_points", points=[{"id": 1, "handle": [8, 9], "target": [9, 9]}], done=True)
        state = client.until("state")
        client.send("list_sessions", id=3)
        sessions = client.until("sessions")
        said = {
            "Welcome": welcome,
            "ModelInfo": welcome["models"]["models"][0],
            "PanelSetting": welcome["settings"][0],
            "Limits": welcome["limits"],
            "State": state,
            "ImageSize": state["image"],
            "StartView": state["start"],
            "NodeView": state["nodes"][0],
            "Point": state["points"][0],
            "Sessions": sessions,
            "SessionInfo": sessions["sessions"][0],
            "Viewers": next(each for each in client.received if each["type"] == "viewers"),
        }
    for name, value in said.items():
        assert set(value) == properties(name), name


@dataclass(frozen=True)
class Odd:
    """A message that has what JavaScript does not."""

    things: set[int]


def test_a_type_without_a_counterpart_is_refused():
    with pytest.raises(TypeError, match="web/make_types.py"):
        typedef(Odd, known={})
