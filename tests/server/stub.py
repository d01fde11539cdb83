"""A session whose steps cost nothing, for what is about the server alone."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from draglab.editor.state import StepReport
from draglab.editor.view import NodeView
from draglab.server.live_session import LiveSession
from tests.server.running import Client, Running


class StubSession:
    """What live.LiveSession uses of an EditingSession. Pictures are noise, `side` pixels wide and high."""

    def __init__(self, side: int = 16, id: str = "stub") -> None:
        self.id = id
        self.steps = 0
        self.running = False
        self._noise = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)

    def view(self) -> Any:
        node = NodeView(1, None, "round", self.steps, self.steps, None if self.running else "stopped", 1, "")
        state = "running" if self.running else "idle"
        return SimpleNamespace(original=1, cursor=1, mask=None, nodes=[node], state=state, session=self.id)

    def end_of(self, node: int) -> tuple[str, str] | None:
        return None if self.running else ("stopped", "")

    def start_round(self) -> None:
        self.running = True

    def step(self) -> StepReport | None:
        if not self.running:
            return None
        self.steps += 1
        return StepReport(1, self.steps, [(1.0, 2.0)], [1.0], 1.0, 0.5, None, "")

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.running = False

    def mask(self) -> tuple[None, float]:
        return None, 0.0

    def image(self, height: int | None = None) -> np.ndarray:
        return self._noise.copy()

    original_image = image


def open_stub(server: Running, client: Client, session: StubSession) -> None:
    """Let a client open the stub."""
    editor = server.editor

    def add() -> None:
        live = LiveSession(cast(Any, session), None, editor.worker)
        editor.sessions._live[None, session.id] = live

    editor.worker.call(add).result()
    client.send("open_session", session=session.id)
    client.picture("current")
