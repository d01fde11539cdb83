"""What the pages of a widget and its session say to each other, without a notebook."""

import base64
import io
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.editor.state import StartSpec
from draglab.media.images import encode_mask
from draglab.notebook.views import MOST, Views
from draglab.server.live_session import LiveSession
from draglab.server.worker import Worker
from tests.tiny import tiny_generator


class Notebook:
    """A session with its views, and what was sent to the pages."""

    def __init__(self, tmp_path) -> None:
        self.worker = Worker()
        self.worker.start()
        self.generator = tiny_generator()
        self.sent: list[tuple[dict[str, Any], bytes | None]] = []
        self.threads: set[str] = set()
        self.live = self.worker.call(lambda: self._begin(tmp_path)).result()
        self.views = Views(self.worker, self.live, (32, 32), self._send)

    def _begin(self, folder) -> LiveSession:
        self.journal = Journal(folder)
        session = EditingSession.create(self.journal, lambda _: self.generator, StartSpec("tiny", 1))
        return LiveSession(session, None, self.worker)

    def _send(self, content: dict[str, Any], buffers=None) -> None:
        self.threads.add(threading.current_thread().name)
        self.sent.append((content, None if buffers is None else buffers[0]))

    def close(self) -> None:
        self.views.close()
        self.worker.call(lambda: (self.live.session.rounds.stop(), self.journal.file.close())).result()
        self.worker.close(10)

    def say(self, view: str, type: str, **values: Any) -> None:
        """Send a message as a page does."""
        self.views.receive({"view": view, "text": json.dumps({"type": type, **values})})

    def hello(self, view: str) -> None:
        self.say(view, "hello", protocol=1, token="", session=None, height=32)
        self.until(lambda: self.pictures(view), f"{view} gets no picture")

    def messages(self, view: str, type: str) -> list[dict[str, Any]]:
        texts = [content["text"] for content, _ in list(self.sent) if content["view"] == view and "text" in content]
        return [message for message in map(json.loads, texts) if message["type"] == type]

    def pictures(self, view: str) -> list[tuple[dict[str, Any], Image.Image]]:
        found = []
        for content, data in list(self.sent):
            if content["view"] == view and data is not None:
                (length,) = struct.unpack("<I", data[:4])
                image = Image.open(io.BytesIO(data[4 + length :]))
                found.append((json.loads(data[4 : 4 + length]), image))
        return found

    def taken(self, view: str) -> int:
        return sum(content.get("taken", 0) for content, _ in list(self.sent) if content["view"] == view)

    def until(self, holds: Callable[[], Any], what: str) -> None:
        ends = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < ends, what
            time.sleep(0.005)

    @property
    def session(self) -> EditingSession:
        return self.live.session


@pytest.fixture
def notebook(tmp_path) -> Iterator[Notebook]:
    made = Notebook(tmp_path)
    yield made
    made.close()


def pull(notebook: Notebook, target: tuple[float, float], done: bool = False, view: str = "a") -> None:
    point = {"id": 7, "handle": [10, 16], "target": list(target), "pin": False}
    notebook.say(view, "pull", points=[point], gesture=1, done=done)


def test_a_page_is_welcomed_and_shown_the_session(notebook: Notebook):
    notebook.hello("a")
    [welcome] = notebook.messages("a", "welcome")
    assert welcome["session"] == notebook.session.document.id
    assert welcome["models"]["models"] == [] and welcome["sessions"] == []
    [state, *_] = notebook.messages("a", "state")
    assert state["image"] == {"width": 32, "height": 32}
    header, image = notebook.pictures("a")[0]
    assert image.size == (header["width"], header["height"]) == (32, 32)
    # Nothing is sent from the thread that receives, which is the kernel's, nor from that of the steps.
    assert all(name.startswith("draglab-widget") for name in notebook.threads)


def test_every_message_is_taken_once(notebook: Notebook):
    notebook.hello("a")
    notebook.say("a", "set_view", height=16)
    notebook.say("a", "no_such_thing")
    notebook.until(lambda: notebook.taken("a") == 3, "not every message is taken")


def test_the_newest_place_of_the_hand_wins(notebook: Notebook):
    """As after a long cell: all at once, while the worker is busy."""
    notebook.hello("a")
    go_on = threading.Event()
    notebook.worker.call(go_on.wait)
    places = np.linspace(11, 22, 200)
    for x in places:
        pull(notebook, (float(x), 16.0))
    go_on.set()
    notebook.until(lambda: _aims(notebook)[-1:] == [[22.0, 16.0]], "the newest place is not taken")
    seen = {tuple(aim) for aim in _aims(notebook)}
    assert len(seen) < len(places) / 4
    pull(notebook, (22.0, 16.0), done=True)
    notebook.until(lambda: notebook.messages("a", "state")[-1]["nodes"][-1]["kind"] == "round", "no round is recorded")


def _aims(notebook: Notebook) -> list[list[float]]:
    return [message["targets"][0] for message in notebook.messages("a", "progress")]


def test_a_pull_goes_on_while_nothing_is_heard(notebook: Notebook):
    """The kernel is in a cell: no message comes, but steps are made and pictures go out."""
    notebook.hello("a")
    before = len(notebook.pictures("a"))
    pull(notebook, (22.0, 16.0))
    notebook.until(lambda: len(notebook.messages("a", "progress")) > 3, "steps stop")
    notebook.until(lambda: len(notebook.pictures("a")) > before, "no picture goes out")
    assert notebook.pictures("a")[-1][0]["kind"] == "live"


def test_a_painted_mask_reaches_the_session_and_other_views(notebook: Notebook):
    notebook.hello("a")
    notebook.hello("b")
    mask = np.zeros((32, 32), bool)
    mask[4:20, 8:] = True
    notebook.say("a", "set_mask", id=1, png=encode_mask(mask), feather=0.0)
    notebook.until(lambda: any(each["png"] for each in notebook.messages("b", "mask")), "the other view is not told")
    sent = notebook.messages("b", "mask")[-1]["png"]
    seen = np.asarray(Image.open(io.BytesIO(base64.b64decode(sent))).convert("L")) > 127
    assert np.array_equal(seen, mask)


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"type": "set_mask", "id": 5, "png": encode_mask(np.ones((8, 8), bool))}, "32"),
        ({"type": "set_mask", "id": 5, "png": "no picture"}, "base64"),
        ({"type": "undo", "id": 5}, "nothing to undo"),
        ({"type": "pull", "id": 5, "points": "many", "gesture": 1}, "points"),
        ({"type": "export", "id": 5, "kind": "png"}, "not possible here"),
        ({"type": "set_start", "id": 5, "start": {"seed": 3}}, "not possible here"),
    ],
)
def test_what_cannot_be_done_is_said(notebook: Notebook, message: dict[str, Any], problem: str):
    notebook.hello("a")
    notebook.views.receive({"view": "a", "text": json.dumps(message)})
    notebook.until(lambda: notebook.messages("a", "error"), "no error is sent")
    [error] = notebook.messages("a", "error")
    assert error["id"] == 5
    assert problem in error["message"]
    assert notebook.worker.errors == 0


@pytest.mark.parametrize("content", [None, "text", [], {}, {"view": 3}, {"view": "a"}, {"view": "a", "text": 5}])
def test_other_messages_of_the_channel_are_ignored(notebook: Notebook, content: Any):
    notebook.views.receive(content)
    notebook.hello("a")


@pytest.mark.parametrize("text", ["{", "[1]", "x" * 100, '{"type": "hello", "protocol": 1e999}'])
def test_what_is_no_message_is_said(notebook: Notebook, text: str):
    notebook.views.receive({"view": "a", "text": text})
    notebook.until(lambda: notebook.messages("a", "error"), "no error is sent")


def test_a_page_that_leaves_lets_go(notebook: Notebook):
    notebook.hello("a")
    pull(notebook, (22.0, 16.0))
    notebook.until(lambda: notebook.session.rounds.pulling, "no pull begins")
    notebook.views.receive({"view": "a", "leaves": True})
    notebook.until(lambda: not notebook.session.rounds.pulling, "the hand is still down")
    assert notebook.live.viewers == []


def test_the_oldest_of_too_many_views_is_left(notebook: Notebook):
    for number in range(MOST + 2):
        notebook.hello(f"view {number}")
    notebook.until(lambda: len(notebook.live.viewers) == MOST, "views are not left")
    # Views that are left speak to a client of their own again.
    notebook.hello("view 0")
