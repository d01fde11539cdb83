"""A session whose steps cost nothing, for what is about the server alone."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from draglab.editor.state import StepReport
from draglab.editor.view import NodeView
from draglab.server.live_session import LiveSession
from tests.server.running_server import Client, Running


class StubSession:
    """The parts of an EditingSession that a LiveSession uses. Pictures are noise, `side` pixels wide and high."""

    def __init__(self, side: int = 16, id: str = "stub") -> None:
        self.rounds = StubRounds()
        self.document = SimpleNamespace(id=id, history=self, mask=lambda node: (None, 0.0))
        noise = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
        shot = SimpleNamespace(image=lambda height=None, moving=False: noise.copy())
        self.pictures = SimpleNamespace(current_shot=lambda: shot, original_shot=lambda: shot)

    @property
    def node(self) -> Any:
        end = None if self.rounds.running else "stopped"
        return SimpleNamespace(id=1, round=SimpleNamespace(end=end), end_text="")

    def get(self, node: int) -> Any:
        return self.node

    def view(self) -> Any:
        steps, end = self.rounds.steps, self.node.round.end
        node = NodeView(1, None, "round", steps, steps, end, 1, "")
        state = "running" if self.rounds.running else "idle"
        return SimpleNamespace(original=1, cursor=1, mask=None, nodes=[node], state=state, session=self.document.id)


class StubRounds:
    """The round of a stub, which runs until it is stopped."""

    def __init__(self) -> None:
        self.steps = 0
        self.running = self.pulling = False
        self.ended: int | None = None

    @property
    def due(self) -> bool:
        return self.running

    def start(self) -> None:
        self.running = True

    def step(self) -> StepReport | None:
        if not self.running:
            return None
        self.steps += 1
        return StepReport(1, self.steps, [1], [(1.0, 2.0)], [(1.0, 3.0)], [1.0], 1.0, 0.5, None, "")

    def stop(self, paused: bool = False) -> None:
        self.running, self.ended = False, 1


def open_stub(server: Running, client: Client, session: StubSession) -> None:
    """Let a client open the stub."""
    editor = server.editor

    def add() -> None:
        live = LiveSession(cast(Any, session), None, editor.worker)
        editor.sessions._live[None, session.document.id] = live

    editor.worker.call(add).result()
    client.send("open_session", session=session.document.id)
    client.picture("current")
