"""`draglab edit` in a process of its own, for what is about the end of a process."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.server.running_server import TIMEOUT, Answer

TOKEN = "a-token-of-many-people"
# Without statistics, as in conftest.py: a drag has the same method whenever it begins.
_START = """
import sys
from draglab.checkpoints import statistics
statistics.add_statistics = lambda generator, progress: None
from draglab.cli.main import run
run()
"""


@dataclass
class Launched:
    """A process that serves, and how to reach it."""

    process: subprocess.Popen
    port: int
    log: Path

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, content: Any = None, token: str = TOKEN, person: str = "") -> Answer:
        """A program's request. person: whose drags it is about, of those who share a token."""
        body = None if content is None else json.dumps(content).encode()
        headers = {"authorization": f"Bearer {token}", "cookie": f"draglab_person={person}"}
        return self.request(method, f"/api/v1{path}", body, **headers)

    def status(self, name: str, **named: Any) -> dict:
        answer = self.api("GET", f"/drags/{name}", **named)
        assert answer.status == 200, answer.body
        return answer.json()

    def ended(self, name: str, **named: Any) -> dict:
        deadline = time.monotonic() + TIMEOUT
        while (status := self.status(name, **named))["state"] in ("waiting", "running"):
            assert time.monotonic() < deadline, status
            time.sleep(0.01)
        return status

    def lines(self) -> list[dict]:
        """The lines of a log in JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def launched(models: Path, data: Path, *extra: str) -> Iterator[Launched]:
    """A process that serves until the block is left, when it is killed."""
    data.mkdir(exist_ok=True)
    log = data / "log.txt"
    options = ["--no-browser", "--port", "0", "--token", TOKEN, "--models", str(models), "--data", str(data), *extra]
    with log.open("a") as errors:
        command = [sys.executable, "-c", _START, "edit", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        address = next((line for line in process.stdout if "http://" in line), "")
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", address)
        assert found, log.read_text()
        yield Launched(process, int(found.group(1)), log)
    finally:
        process.kill()
        process.wait()
