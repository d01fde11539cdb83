import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from draglab.cli.main import main
from draglab.editor.journal import Journal
from draglab.editor.session import EditingSession
from draglab.errors import DraglabError
from draglab.server.app import Options
from draglab.server.launcher import PORT, address, bind, check_access, open_browser
from tests.server.running_server import Client, connect

START = "import sys; from draglab.cli.main import run; run()"
POINTS = [{"id": 1, "handle": [8, 9], "target": [14.37, 9.21]}]


def test_a_taken_port_is_refused_when_it_was_asked_for():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(DraglabError, match="choose another"):
        bind("127.0.0.1", taken.getsockname()[1])


def test_another_port_is_taken_when_none_was_asked_for():
    # Whoever has the default port, we or somebody else: it is taken.
    with bind("127.0.0.1", None) as first, bind("127.0.0.1", None) as second:
        assert second.getsockname()[1] not in (PORT, first.getsockname()[1])


def test_the_server_answers_before_pytorch_is_there():
    program = "import sys, draglab.server.launcher, draglab.cli.edit; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_address_that_is_not_here():
    for host in ("no.such.host.invalid", "192.0.2.1", "x" * 300):
        with pytest.raises(DraglabError):
            bind(host, 0)


def test_other_machines_need_a_token():
    check_access("127.0.0.1", None)
    check_access("0.0.0.0", "a-token-of-a-person")
    for host in ("0.0.0.0", "::", "192.168.1.5", "box.lan", ""):
        with pytest.raises(DraglabError, match="--token"):
            check_access(host, None)


def test_a_server_behind_a_proxy_needs_a_token_and_good_names():
    check_access("127.0.0.1", "a-token-of-a-person", ["draglab.example.org"])
    with pytest.raises(DraglabError, match=r"draglab\.example\.org can be reached .* --token"):
        check_access("127.0.0.1", None, ["draglab.example.org"])
    for name in ("https://draglab.example.org", "a b", "", "x" * 300, "draglab.example.org:443"):
        with pytest.raises(DraglabError, match="--name"):
            check_access("127.0.0.1", "a-token-of-a-person", [name])


def test_the_printed_address_can_be_opened():
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert address(Options(), listener) == f"http://127.0.0.1:{port}/"
        shared = address(Options(host="0.0.0.0", token="a-token-of-a-person"), listener)
        assert shared == f"http://{socket.gethostname()}:{port}/?token=a-token-of-a-person"
        assert address(Options(host="::1"), listener) == f"http://[::1]:{port}/"
        proxied = address(Options(names=("draglab.example.org",), token="a-token-of-a-person"), listener)
        assert proxied == "https://draglab.example.org/?token=a-token-of-a-person"


def test_the_browser_s_command_line_holds_no_token(monkeypatch, tmp_path):
    told, opened = [], []
    monkeypatch.setattr("draglab.server.launcher.open_browser", opened.append)
    monkeypatch.setattr("draglab.server.launcher.bind", lambda host, port: bind(host, 0))
    monkeypatch.setattr(
        "draglab.server.launcher.serve", lambda options, listener, started: told.append((options, started))
    )
    monkeypatch.setattr("os._exit", lambda code: None)
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    monkeypatch.delenv("OMP_WAIT_POLICY")
    options = Options(token="a-token-of-a-person")
    with bind("127.0.0.1", 0) as listener:
        assert address(options, listener, "code").endswith("/?code=code")
    assert main(["edit", "--token", "a-token-of-a-person", "--data", str(tmp_path)]) == 0
    ((_, started),) = told
    started("http://127.0.0.1:1/?token=a-token-of-a-person", "http://127.0.0.1:1/?code=abc")
    assert opened == ["http://127.0.0.1:1/?code=abc"]
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE", "threads that wait would keep the browser's core busy"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a screen")
def test_no_browser_without_a_screen(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    open_browser("http://127.0.0.1:1/")
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    open_browser("http://127.0.0.1:1/")
    deadline = time.monotonic() + 10
    while not opened and time.monotonic() < deadline:
        time.sleep(0.001)
    assert opened == ["http://127.0.0.1:1/"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--host", "0.0.0.0", "--token", ""],
        ["--token", "short"],
        ["--models", "no/such/folder"],
        ["--limit", "points=none"],
        ["--port", "70000"],
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(arguments, capsys, monkeypatch):
    monkeypatch.delenv("DRAGLAB_TOKEN", raising=False)
    assert main(["edit", "--no-browser", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_draglab_alone_is_the_editor(monkeypatch):
    called = []
    monkeypatch.setattr("draglab.cli.main.edit", lambda: called.append("edit"))
    assert main([]) == 0 and called == ["edit"]


@contextmanager
def launched(models: Path, data: Path, *extra: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """`draglab edit` in a process of its own, and the address that it prints."""
    command = [
        sys.executable,
        "-c",
        START,
        "edit",
        "--no-browser",
        "--models",
        str(models),
        "--data",
        str(data),
        *extra,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                break
        else:
            pytest.fail("no address was printed")
        yield process, found.group()
    finally:
        process.kill()
        process.wait()


@contextmanager
def page(url: str) -> Iterator[Client]:
    """A client with the token of the page."""
    from urllib.request import urlopen

    with urlopen(url) as answer:
        token = re.search(r'name="draglab-token" content="([^"]+)"', answer.read().decode())
    assert token is not None
    with connect(url.replace("http", "ws") + "ws", proxy=None, close_timeout=0.2) as connection:
        client = Client(connection)
        client.send("hello", protocol=1, token=token.group(1), height=32)
        client.until("welcome")
        yield client


@pytest.mark.skipif(os.name == "nt", reason="signals cannot be sent to one process on Windows")
def test_nothing_is_lost_by_kill_9_and_ctrl_c_ends_it_at_once(models, tmp_path):
    with launched(models, tmp_path) as (process, url), page(url) as client:
        name = client.begin(model="tiny", seed=3)
        client.drag_without_end()
        seen = client.until("progress", lambda progress: progress["step"] >= 5)["step"]
        process.kill()
    with launched(models, tmp_path) as (process, url):
        with page(url) as client:
            assert [session["id"] for session in client.received[-1]["sessions"]] == [name]
            client.send("open_session", session=name)
            last = client.until("state")["nodes"][-1]
            # Everything that was shown is there.
            assert last["end"] == "interrupted" and last["frames"] >= seen
            client.send("run")
            client.until("progress")
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            took = time.monotonic() - began
        assert process.stdout is not None
        assert "sessions are kept" in process.stdout.read()
    assert took < 2
    session = EditingSession.open(Journal(tmp_path), lambda source: pytest.fail(str(source)), name)
    assert session.view().nodes[-1].end == "stopped"
