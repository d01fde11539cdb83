"""How quick the editor is, through a server process of its own and its websocket, as a page uses it.

    python -m benchmarks.editor [--model heads] [--height 614] [--seconds 10] [--following]

Prints: how closely the picture follows a hand in Chromium (following.py; with --following, this alone); from the start
of the server to its address; from then to the first picture of a page in Chromium (where there is one); live pictures
and steps a second in a drag; from release to the first live picture; how many steps are made after stop; and how three
sessions at once share the steps. Needs the tests' folder and their client.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from benchmarks import following
from tests.server.browser.chromium import launched, reason_to_skip
from tests.server.browser.launch import Launched
from tests.server.running_server import Client

WITHOUT_END = {"max_steps": 1_000_000, "stop_distance": 1e-9, "patience": None, "reach": None}


@contextmanager
def client_of(server: Launched, height: int) -> Iterator[Client]:
    """A page's websocket that has said hello."""
    with urllib.request.urlopen(server.url) as page:
        token = re.search(r'name="draglab-token" content="([^"]+)"', page.read().decode())
    assert token is not None
    with connect(server.url.replace("http", "ws") + "ws", origin=server.url.rstrip("/"), close_timeout=0.2) as socket:  # pyright: ignore[reportArgumentType]
        client = Client(socket)
        client.send("hello", protocol=1, token=token[1], height=height)
        client.until("welcome")
        yield client


def begin_drag(client: Client, side: int) -> None:
    """Press on the nose, pull far, let go; `run` is what release sends."""
    client.send("set_settings", settings=WITHOUT_END)
    nose = [0.445 * side, 0.485 * side]
    client.send("set_points", points=[{"id": 1, "handle": nose, "target": [0.9 * side, 0.93 * side]}], done=True)
    client.send("run")


def one_drag(client: Client, side: int, seconds: float) -> dict[str, float]:
    """Live pictures and steps a second, time from release to the first picture, steps after stop."""
    released = time.perf_counter()
    begin_drag(client, side)
    client.picture("live")
    first = time.perf_counter() - released
    begun, pictures, steps, last = time.perf_counter(), 0, [], 0
    while time.perf_counter() - begun < seconds:
        message = client.next()
        pictures += message["type"] == "picture"
        if message["type"] == "progress":
            steps.append(message["step"])
    elapsed = time.perf_counter() - begun
    last = steps[-1]
    client.send("stop")
    while (message := client.next())["type"] != "ended":
        if message["type"] == "progress":
            last = message["step"]
    return {
        "first picture, s": first,
        "pictures a second": pictures / elapsed,
        "steps a second": (steps[-1] - steps[0]) / elapsed,
        "steps after stop": last - steps[-1],
    }


def shares(server: Launched, side: int, seconds: float, sessions: int = 3) -> list[int]:
    """Steps that sessions at once make."""
    found: list[int] = []
    ready, over = threading.Barrier(sessions), threading.Event()

    def person() -> None:
        with client_of(server, 256) as client:
            client.begin()
            ready.wait()
            begin_drag(client, side)
            first = client.until("progress")["step"]
            last = first
            while not over.is_set():
                message = client.next()
                last = message["step"] if message["type"] == "progress" else last
            found.append(last - first)

    people = [threading.Thread(target=person) for _ in range(sessions)]
    for one in people:
        one.start()
    time.sleep(seconds)
    over.set()
    for one in people:
        one.join()
    return found


def first_picture(server: Launched) -> float | None:
    """From asking for the page to its first picture, in Chromium; None where there is none."""
    if reason_to_skip() is not None:
        return None
    with launched() as browser:
        page = browser.new_page()
        begun = time.perf_counter()
        page.goto(server.url)
        page.wait_for_selector("#paper:not([hidden])", state="attached")
        return time.perf_counter() - begun


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="heads")
    parser.add_argument("--height", type=int, default=614, help="of the picture in the window, device pixels")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=78)
    parser.add_argument("--models", type=Path, help="folder of models")
    parser.add_argument("--following", action="store_true", help="measure nothing but how the picture follows a hand")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Launched(Path(folder), args.models)
        begun = time.perf_counter()
        server.start()
        print(f"server answers after {time.perf_counter() - begun:.2f} s")
        try:
            if reason_to_skip() is None:
                following.report(server, args.model, args.seed, args.repeats, args.seconds)
            if args.following:
                return
            opened = first_picture(server)
            print("no Chromium: no page" if opened is None else f"page shows its first picture after {opened:.2f} s")
            runs: list[dict[str, Any]] = []
            with client_of(server, args.height) as client:
                for _ in range(args.repeats):
                    client.begin(model=args.model, seed=args.seed)
                    state = next(m for m in reversed(client.received) if m["type"] == "state")
                    side = state["image"]["width"]
                    runs.append(one_drag(client, side, args.seconds))
            for name in runs[0]:
                print(f"{name}: {statistics.median(run[name] for run in runs):.3g}")
            print(f"steps of three sessions at once: {sorted(shares(server, side, args.seconds))}")
        finally:
            server.end()


if __name__ == "__main__":
    main()
