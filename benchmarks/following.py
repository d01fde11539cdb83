"""How closely the picture follows a hand, measured in a page in Chromium.

A script in the page notes when pointer events come, what the server says of each step, and when the page has drawn the
picture of a step. A step has the target of one pointer event, which tells how old that event is when it is drawn.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.server.browser.chromium import launched
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import Launched

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCRIPT = """
window.noted = [];
let moved = 0;
addEventListener("pointermove", (event) => (moved = event.timeStamp), true);
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  const message = JSON.parse(text);
  if (message.type === "pull") noted.push({type: "pull", at: moved, target: message.points[0].target});
  if (message.type === "seen") noted.push({type: "seen", at: performance.now(), stamp: message.stamp});
  return send.call(this, text);
};
const open = window.WebSocket;
window.WebSocket = function (address) {
  const socket = new open(address);
  socket.addEventListener("message", ({ data }) => {
    if (typeof data !== "string" || !data.startsWith('{"type":"progress"')) return;
    const { stamp, handles, targets } = JSON.parse(data);
    noted.push({type: "progress", at: performance.now(), stamp, handle: handles.at(-1), target: targets.at(-1)});
  });
  return socket;
};
window.WebSocket.prototype = open.prototype;
window.WebSocket.OPEN = open.OPEN;
"""
BEGIN = """([model, seed]) =>
  import("/static/js/app.js").then((m) => m.send({type: "new_session", start: {model, seed}}))"""
RATE = 60
"""Pointer events a second."""


@dataclass(frozen=True)
class Following:
    """How the picture followed one pull.

    Attributes:
        pictures, steps: number a second. lags: from a pointer event to the drawn picture of its step, ms.
        ways: from the handle to the newest place of the pointer, image pixels, after each step.
        first: from the first pointer event of the pull to its first picture, ms.
    """

    pictures: float
    steps: float
    lags: list[float]
    ways: list[float]
    first: float


def follow(page: Page, model: str, seed: int, reach: float, seconds: float, period: float) -> Following:
    """Pull the middle of the nose to and fro.

    Args:
        reach: farthest way from the nose, share of the picture's side. period: time for there and back, seconds.
    """
    editor = EditorPage(page, "")
    page.evaluate(BEGIN, [model, seed])
    name = "() => import('/static/js/store.js').then((m) => m.get().session?.model)"
    editor.until(lambda: page.evaluate(name) == model, "the model did not open")
    page.wait_for_timeout(3000)
    page.evaluate("noted.length = 0")
    side = editor.size()
    nose = (0.445 * side, 0.485 * side)
    x, y = editor.on_screen(nose)
    far = math.dist(editor.on_screen((nose[0] + reach * side, nose[1])), (x, y))
    page.mouse.move(x, y)
    page.mouse.down()
    begun = time.perf_counter()
    for count in range(round(RATE * seconds)):
        share = 0.5 - 0.5 * math.cos(2 * math.pi * count / RATE / period)
        page.mouse.move(x + far * share, y + 0.3 * far * share)
        time.sleep(max(begun + (count + 1) / RATE - time.perf_counter(), 0))
    noted: list[dict[str, Any]] = page.evaluate("noted")
    page.mouse.up()
    editor.until_ended()
    return _evaluated(noted)


def _evaluated(noted: list[dict[str, Any]]) -> Following:
    events: dict[tuple[float, ...], float] = {}
    steps: dict[int, tuple[float, ...]] = {}
    lags, ways, newest = [], [], None
    first = end = 0.0
    begun = next(each["at"] for each in noted if each["type"] == "pull")
    for each in noted:
        if each["type"] == "pull":
            newest = tuple(each["target"])
            events[newest] = each["at"]
        elif each["type"] == "progress":
            steps[each["stamp"]] = tuple(each["target"])
            if newest is not None:
                ways.append(math.dist(each["handle"], newest))
        elif each["stamp"] in steps:
            first = first or each["at"] - begun
            end = each["at"]
            lags.append(each["at"] - events.get(steps[each["stamp"]], begun))
    shown = max(end - begun - first, 1.0) / 1000
    times = [each["at"] for each in noted if each["type"] == "progress"]
    return Following(len(lags) / shown, len(times) / max((times[-1] - begun) / 1000, 1e-3), lags, ways, first)


def report(server: Launched, model: str, seed: int, repeats: int, seconds: float) -> None:
    """Print the figures of slow and of quick pulls."""
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.add_init_script(SCRIPT)
        EditorPage(page, server.url).open()
        for words, reach, period in (("slow", 0.06, 6.0), ("quick", 0.12, 2.0)):
            for _ in range(repeats):
                found = follow(page, model, seed, reach, seconds, period)
                lags, ways = sorted(found.lags), sorted(found.ways)
                print(
                    f"{words} pull, load {os.getloadavg()[0]:.1f}: "
                    f"{found.pictures:.1f} pictures and {found.steps:.1f} steps a second; "
                    f"lag {statistics.median(lags):.0f} ms, 90 % {lags[int(0.9 * len(lags))]:.0f} ms; "
                    f"handle {statistics.median(ways):.2f} px from the pointer, 90 % {ways[int(0.9 * len(ways))]:.2f}; "
                    f"first picture after {found.first:.0f} ms",
                    flush=True,
                )
