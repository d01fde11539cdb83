"""The editor's page as a person sees it: points of the picture, pulls, what it says, what it shows."""

from __future__ import annotations

import base64
import io
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Locator, Page

XY = tuple[float, float]

SLOW_DOWN = """(length) => import('/static/js/app.js').then((app) =>
    app.send({type: "set_settings", settings: {largest_step: length}}))"""
ENDED_ROUND = """() => import('/static/js/store.js').then((store) => {
    const { nodes, cursor } = store.get().session;
    return (nodes.find((node) => node.id === cursor).end ?? null) === null ? null : cursor;
})"""
"""Number of the entry that is shown, if it is a round that has ended."""
TIMEOUT = 120.0
"""Seconds: no test waits so long but on a machine that does much else."""

READ_CANVAS = """() => {
    const canvas = document.getElementById("picture");
    return canvas.toDataURL("image/png").split(",")[1];
}"""


class EditorPage:
    """Works with one page. Points are image pixels, as everywhere (docs/conventions.md).

    Args:
        page: a page of the browser. url: of the server.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)

    def _note(self, line: ConsoleMessage) -> None:
        # A lost connection leaves a line of the browser's own in the console, ERR_CONNECTION_REFUSED and the like.
        if line.type == "error" and "ERR_" not in line.text:
            self.problems.append(line.text)

    def open(self) -> EditorPage:
        """Open the address and wait for the first picture."""
        self.page.goto(self.url)
        return self.until_shown()

    def until_shown(self) -> EditorPage:
        self.page.wait_for_selector("#paper:not([hidden])", state="attached", timeout=1000 * TIMEOUT)
        return self

    def until(self, holds: Any, what: str, seconds: float = TIMEOUT) -> None:
        """Wait until `holds()` is true. (The page's CSP forbids what wait_for_function does.)"""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"{what}; the page says: {self.status!r}"
            self.page.wait_for_timeout(30)

    def __getitem__(self, selector: str) -> Locator:
        return self.page.locator(selector)

    # What it says.

    @property
    def status(self) -> str:
        return self["#status"].text_content() or ""

    @property
    def state(self) -> str:
        return self["#run"].get_attribute("data-state") or ""

    def slow_down(self, length: float = 0.3) -> None:
        """Let steps be at most so long, in standard deviations: a drag then takes so many that it can be looked at."""
        self.page.evaluate(SLOW_DOWN, length)

    def until_running(self) -> None:
        self.until(lambda: self.state == "running" and "Step" in self.status, "no round began")

    def until_ended(self) -> None:
        self.until(lambda: self.state == "idle" and "tep" in self.status, "the round did not end")

    def rounds(self) -> int:
        return self['#strip [data-kind="round"]'].count()

    def numbers(self, row: int = 0) -> list[float]:
        """Handle x, y and target x, y of a point, as its fields show them; those of a missing target are left out."""
        fields = self[".handle-row"].nth(row).locator("input")
        texts = [fields.nth(index).input_value() for index in range(4)]
        return [float(text) for text in texts if text]

    # Where things are.

    def size(self) -> int:
        """Side of the image in pixels."""
        return int(self.page.evaluate("() => import('/static/js/store.js').then((m) => m.get().session.image.width)"))

    def on_screen(self, point: XY) -> XY:
        """Where the centre of an image pixel is in the window."""
        paper = self["#paper"]
        paper.wait_for(state="visible")
        box = paper.bounding_box()
        assert box is not None
        scale = box["width"] / self.size()
        return box["x"] + (point[0] + 0.5) * scale, box["y"] + (point[1] + 0.5) * scale

    # What a hand does.

    def press(self, point: XY) -> None:
        self.page.mouse.move(*self.on_screen(point))
        self.page.mouse.down()

    def move(self, point: XY, steps: int = 5) -> None:
        self.page.mouse.move(*self.on_screen(point), steps=steps)

    def pull(self, handle: XY, target: XY) -> None:
        """Press, pull, let go."""
        self.press(handle)
        self.move(target)
        self.page.mouse.up()

    def when_pulled(self, way: str) -> None:
        """Choose what a pull does: "follow", "release" or "wait"."""
        self["#when-pulled"].select_option(way)

    def drag(self, handle: XY, target: XY) -> None:
        """Pull, and wait until the round is over."""
        before = self.page.evaluate(ENDED_ROUND)
        self.pull(handle, target)
        self.until(lambda: self.page.evaluate(ENDED_ROUND) not in (None, before), "no round began and ended")
        self.until_ended()

    def until_running_or_over(self) -> None:
        """A quick round may be over before anybody looks."""
        before = self.rounds()
        self.until(lambda: self.state == "running" or self.rounds() > before or "tep" in self.status, "no round began")

    # What it shows.

    def picture(self) -> NDArray[np.int64]:
        """[side, side, 3]: the picture on the canvas at the image's resolution, with the mask if that is shown."""
        for name in ("#paper", "#picture"):  # hidden while a model loads
            self[name].wait_for(state="visible")
        data = base64.b64decode(self.page.evaluate(READ_CANVAS))
        canvas = Image.open(io.BytesIO(data)).convert("RGB")
        paper, stage = self["#paper"].bounding_box(), self["#picture"].bounding_box()
        assert paper is not None and stage is not None
        scale = canvas.width / stage["width"]
        left, top = (paper["x"] - stage["x"]) * scale, (paper["y"] - stage["y"]) * scale
        box = (left, top, left + paper["width"] * scale, top + paper["height"] * scale)
        side = self.size()
        return np.asarray(canvas.resize((side, side), Image.Resampling.BOX, box=box), np.int64)

    def frame_shown(self) -> int | None:
        """Of the round that is looked through, as far as its picture is there."""
        return self.page.evaluate("() => import('/static/js/pictures.js').then((m) => m.scrubbed()?.frame ?? null)")

    def at_rest(self, milliseconds: float = 500) -> NDArray[np.int64]:
        """The picture once no newer one comes for so long."""
        while True:
            picture = self.picture()
            self.page.wait_for_timeout(milliseconds)
            if np.array_equal(self.picture(), picture):
                return picture

    def until_picture(self, differs_from: NDArray[np.int64]) -> NDArray[np.int64]:
        """The next picture that is clearly another one."""
        self.until(lambda: np.abs(self.picture() - differs_from).mean() > 0.5, "the picture stayed the same")
        return self.picture()
