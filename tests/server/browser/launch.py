"""`draglab edit` as a process of its own, as a person starts it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMAND = "from draglab.cli.main import run; run()"
END_SECONDS = 20


class Launched:
    """A server that can be killed and started again at the same address with the same data.

    Args:
        folder: for its data. models: folder of models; None = an empty one.
    """

    def __init__(self, folder: Path, models: Path | None = None) -> None:
        self.folder = folder
        self.models = folder / "models" if models is None else models
        self.models.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it and wait until it says where it is."""
        arguments = ["edit", "--no-browser", "--port", str(self.port), "--data", str(self.folder / "data")]
        self._process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments, "--models", str(self.models), "--device", "cpu"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert self.url in line, line

    def kill(self) -> None:
        """As kill -9 does: nothing is put away."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """As Ctrl-C does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(END_SECONDS)


@contextmanager
def launched_server(folder: Path) -> Iterator[Launched]:
    """A server that runs until the block is left."""
    server = Launched(folder)
    server.start()
    try:
        yield server
    finally:
        server.end()
