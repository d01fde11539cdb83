"""Connections that say nothing, too much, or never listen."""

import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from draglab.server.gate import GREETING_BYTES
from draglab.server.limits import Limits
from draglab.server.message_parser import parse
from tests.server.running_server import Running, wait_for

TOKEN = "a-token-of-a-person"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


def dial(server: Running, data: bytes = b"") -> socket.socket:
    connection = socket.create_connection((server.address, server.port), timeout=10)
    connection.sendall(data)
    return connection


def closed(connection: socket.socket) -> float:
    """Seconds until the other end closes; what it says before is thrown away."""
    began = time.monotonic()
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - began


@pytest.fixture
def hasty(start) -> Running:
    return start(limits=Limits(header_seconds=0.3, body_seconds=0.3, send_seconds=0.3, hello_seconds=0.3))


def test_people_get_in_past_hundreds_of_silent_connections(start):
    server = start(limits=Limits(waiting=40, waiting_per_address=20))
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(dial(server))
        for _ in range(100):
            stack.enter_context(server.websocket({}, open_timeout=10))
        began = time.monotonic()
        assert server.request("GET", "/").status == 200
        with server.client() as client:
            client.begin(model="tiny", seed=1)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", GET, GET + b"\r\n" + GET])
def test_limit_header_seconds(hasty, beginning):
    with dial(hasty, beginning) as connection:
        assert closed(connection) < 5


def test_headers_that_come_letter_by_letter_are_late_too(hasty):
    with dial(hasty, GET) as connection:
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 5:
                connection.sendall(b"x")
                time.sleep(0.02)


def test_a_body_that_nobody_reads_is_not_awaited(hasty):
    """Without the token the answer comes at once; what is sent after it is thrown away, but not for ever."""
    head = b"POST /upload/edit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    with dial(hasty, head) as connection:
        assert connection.recv(12) == b"HTTP/1.1 401"
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 5:
                connection.sendall(b"x")
                time.sleep(0.02)


def test_limit_body_seconds(hasty):
    token = f"Authorization: Bearer {hasty.token}\r\n".encode()
    head = b"POST /upload/edit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n" + token + b"\r\n"
    with dial(hasty, head + b"x") as connection:
        assert connection.recv(12) == b"HTTP/1.1 408"
        assert closed(connection) < 5


def test_limit_send_seconds(hasty):
    """Answers that are not read."""
    one = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect((hasty.address, hasty.port))
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                connection.sendall(one * 20)
                time.sleep(0.01)


def open_connections(server: Running) -> int:
    """How many a listener of the kernel's says there are."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    local = f"0100007F:{server.port:04X}"
    return sum(row[1] == local and row[3] == "01" for row in rows)


def check_that_the_oldest_makes_room(server: Running) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(dial(server)) for _ in range(8)]
        assert all(closed(connection) < 5 for connection in silent[:3])
        wait_for(lambda: open_connections(server) <= 5)
        assert server.request("GET", "/").status == 200


def test_limit_waiting(start):
    check_that_the_oldest_makes_room(start(limits=Limits(waiting=5)))


def test_limit_waiting_per_address(start):
    check_that_the_oldest_makes_room(start(limits=Limits(waiting_per_address=5)))


def test_limit_connections(start):
    """A silent one makes room; where all are in use, the next one is closed."""
    check_that_the_oldest_makes_room(start(limits=Limits(connections=5)))
    server = start(limits=Limits(connections=3))
    with server.client(), server.client(), server.client(), dial(server) as fourth:
        assert closed(fourth) < 5
    wait_for(lambda: open_connections(server) == 0)
    assert server.request("GET", "/").status == 200


def test_limit_clients_per_person(start):
    server = start(token=TOKEN, limits=Limits(clients_per_person=2))
    anna, bert = "draglab_person=anna", "draglab_person=bert"
    with server.client(cookie=anna), server.client(cookie=anna):
        with server.client(hello=False, cookie=anna) as third:
            third.send("hello", protocol=1, token=TOKEN, height=32)
            error = third.next()
            assert error["fatal"] and "'clients_per_person'" in error["message"]
        with server.client(cookie=bert):
            pass


def sent_away(connection: Any, frames: list[Frame]) -> None:
    """The server ends the connection while these are sent again and again."""
    with pytest.raises((ConnectionClosed, OSError)):
        data = b"".join(frame.serialize(mask=True) for frame in frames)
        began = time.monotonic()
        while time.monotonic() - began < 10:
            connection.socket.sendall(data)


def test_a_websocket_that_says_much_and_no_hello_is_closed(server):
    with server.websocket({}) as connection:
        connection.send("x" * GREETING_BYTES)
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=5)


def test_messages_of_very_many_parts_are_not_collected(server):
    with server.client() as client:
        client.connection.socket.sendall(Frame(Opcode.TEXT, b"{", fin=False).serialize(mask=True))
        sent_away(client.connection, [Frame(Opcode.CONT, b"", fin=False)] * 1000)


def test_pings_whose_answers_nobody_reads_end_the_connection(server):
    with dial(server) as connection:
        key = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + key
        )
        connection.sendall(b"\r\n")
        connection.recv(4096)
        hello = f'{{"type": "hello", "protocol": 1, "token": "{server.token}"}}'.encode()
        connection.sendall(Frame(Opcode.TEXT, hello).serialize(mask=True))
        connection.recv(10)
        pings = b"".join(Frame(Opcode.PING, b"x" * 125).serialize(mask=True) for _ in range(1000))
        with pytest.raises(ConnectionError):
            for _ in range(2000):
                connection.sendall(pings)


def test_a_body_of_very_many_small_parts_is_refused(server):
    """h11 takes as long for a part of one byte as for a large one."""
    for token, status in ((server.token, b"400"), ("wrong", b"401")):
        head = f"POST /upload/edit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        head += "Transfer-Encoding: chunked\r\n\r\n"
        before = time.process_time()
        with dial(server, head.encode()) as connection, suppress(ConnectionError):
            time.sleep(0.1)
            connection.sendall(b"1\r\nx\r\n" * 200_000)
            assert connection.recv(12).endswith(status)
            closed(connection)
        assert time.process_time() - before < 1


def test_a_large_body_in_large_parts_is_taken(server):
    head = f"POST /upload/edit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
    part = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with dial(server, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode()) as connection:
        connection.sendall(part * 100 + b"0\r\n\r\n")
        received = b""
        while b"broken JSON" not in received:
            part = connection.recv(4096)
            assert part, received
            received += part


def test_a_flood_of_wrong_messages_lets_others_have_their_turn(server, monkeypatch):
    read = []

    def noted(text, limits):
        read.append(text)
        return parse(text, limits)

    monkeypatch.setattr("draglab.server.socket.parse", noted)
    with server.client() as client:
        read.clear()
        flood = b"".join(Frame(Opcode.TEXT, b'{"type":"x"}').serialize(mask=True) for _ in range(20_000))
        threading.Thread(target=lambda: client.connection.socket.sendall(flood), daemon=True).start()
        wait_for(lambda: read)
        before = len(read)
        assert server.request("GET", "/").status == 200
        assert len(read) - before < 5000
        wait_for(lambda: len(read) >= 1000)


def test_a_long_address_is_refused(server):
    assert server.request("GET", f"/?token={'a' * 9000}").status == 431
    assert server.request("GET", f"/{'a' * 9000}").status == 431
