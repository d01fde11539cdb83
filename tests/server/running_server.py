"""A real server in this process, and a client of its websocket."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import uvicorn
from starlette.applications import Starlette
from websockets.sync.client import ClientConnection, connect

from draglab.server.app import Editor, Options, make_app
from draglab.server.launcher import config_of

TIMEOUT = 60.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """A server that runs, and how to reach it."""

    app: Starlette
    port: int
    address: str

    @property
    def editor(self) -> Editor:
        return self.app.state.editor

    @property
    def token(self) -> str:
        return self.editor.access.token

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """headers: by name with _ for -, e.g. content_type; host="" leaves Host out."""
        names = {name.replace("_", "-").title(): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.address, self.port, timeout=TIMEOUT)
        try:
            connection.putrequest(method, path, skip_host="Host" in names, skip_accept_encoding=True)
            if body is not None:
                names["Content-Length"] = str(len(body))
            for name, value in names.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def api(self, method: str, path: str, content: Any = None) -> Answer:
        """A program's request, with the token."""
        body = None if content is None else json.dumps(content).encode()
        return self.request(method, f"/api/v1{path}", body, authorization=f"Bearer {self.token}")

    @contextmanager
    def client(self, hello: bool = True, cookie: str = "", height: int = 32) -> Iterator["Client"]:
        """A page's websocket that has said hello."""
        headers = {"Cookie": cookie} if cookie else {}
        with self.websocket(headers) as connection:
            client = Client(connection)
            if hello:
                client.send("hello", protocol=1, token=self.token, height=height)
                client.until("welcome")
            yield client

    def websocket(self, headers: dict[str, str], called: str | None = None, **options: Any) -> ClientConnection:
        """called: what the server is called, where that is not its address."""
        uri = f"ws://{called or f'{self.address}:{self.port}'}/ws"
        reached = socket.create_connection((self.address, self.port), timeout=TIMEOUT)
        reached.settimeout(None)
        # A client that does not read would wait for the server's goodbye.
        return connect(uri, sock=reached, additional_headers=headers, proxy=None, close_timeout=0.2, **options)


class Client:
    """What a page does. Live pictures are acknowledged as they come, unless `acknowledges` is False."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.acknowledges = True
        self.received: list[dict[str, Any]] = []

    def send(self, type: str, **fields: Any) -> None:
        self.connection.send(json.dumps({"type": type, **fields}))

    def next(self) -> dict[str, Any]:
        """The next message; a picture is its header with type "picture" and the encoded bytes as "data"."""
        data = self.connection.recv(timeout=TIMEOUT)
        if isinstance(data, str):
            message = json.loads(data)
        else:
            end = 4 + int.from_bytes(data[:4], "little")
            message = {"type": "picture", **json.loads(data[4:end]), "data": data[end:]}
            if message["kind"] == "live" and self.acknowledges:
                self.send("seen", stamp=message["stamp"])
        self.received.append(message)
        return message

    def until(self, type: str, matches: Callable[[dict[str, Any]], bool] = lambda message: True) -> dict[str, Any]:
        """The next message of a type that matches; an error that was not asked for fails the test."""
        while True:
            message = self.next()
            if message["type"] == type and matches(message):
                return message
            assert message["type"] != "error", message

    def until_error(self) -> dict[str, Any]:
        """The next error."""
        while (message := self.next())["type"] != "error":
            pass
        return message

    def picture(self, kind: str) -> dict[str, Any]:
        return self.until("picture", lambda message: message["kind"] == kind)

    def begin(self, **start: Any) -> str:
        """A new session that is shown; its name."""
        self.send("new_session", start=start or None)
        name = self.until("state")["session"]
        self.picture("current")
        return name

    def drag_without_end(self) -> None:
        """A round that would take for ever: tracking cannot find exactly this target."""
        self.send("set_settings", settings={"max_steps": 1_000_000, "stop_distance": 1e-9, "patience": None})
        self.send("set_points", points=[{"id": 1, "handle": [8, 9], "target": [14.37, 9.21]}], done=True)
        self.send("run")
        self.until("progress")


@contextmanager
def running(options: Options) -> Iterator[Running]:
    """A server; it has ended when the block is left."""
    listener = socket.create_server(("127.0.0.1", 0))
    options = replace(options, port=listener.getsockname()[1])
    app = make_app(options)
    server = uvicorn.Server(config_of(app, options))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        editor = app.state.editor
        assert editor.ready.wait(TIMEOUT)
        yield Running(app, options.port, "127.0.0.1")
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def wait_for(condition: Callable[[], object]) -> None:
    """Until it is true, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.001)
