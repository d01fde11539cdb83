"""Drags that programs ask for, and how persons who share a token ask."""

import json
import time
from collections.abc import Callable

from tests.server.running_server import Answer, Running

TOKEN = "a-token-of-many-people"
ROUND = {"start": {"seed": 1}, "model": "tiny", "points": [{"handle": [8, 9], "target": [14, 9]}]}
# Tracking cannot find exactly this target.
ENDLESS = {
    **ROUND,
    "points": [{"handle": [8, 9], "target": [14.37, 9.21]}],
    "settings": {"max_steps": 10_000, "stop_distance": 1e-9, "patience": None},
}
SHORT = {**ROUND, "settings": {"max_steps": 2, "stop_distance": 1e-9}}


def asker(server: Running) -> Callable[..., Answer]:
    """Requests of persons, who are told apart by their cookies."""

    def ask(person: str, method: str, path: str, content: object = None) -> Answer:
        headers = {"authorization": f"Bearer {TOKEN}", "cookie": f"draglab_person={person}"}
        body = None if content is None else json.dumps(content).encode()
        return server.request(method, f"/api/v1{path}", body, **headers)

    return ask


def ended(ask: Callable[..., Answer], person: str, name: str) -> dict:
    while (status := ask(person, "GET", f"/drags/{name}").json())["state"] in ("waiting", "running"):
        time.sleep(0.01)
    return status


def refused(answer: Answer, limit: str) -> None:
    assert answer.status == 429 and f"'{limit}'" in answer.json()["error"]
    assert 1 <= int(answer.headers["retry-after"]) <= 600
