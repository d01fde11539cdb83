"""A widget in a notebook as a person sees it."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Page

XY = tuple[float, float]
SECONDS = 60.0
READ = """async (canvas) => {
    // What came while it was out of sight is drawn now.
    const view = canvas.ownerDocument.defaultView;
    for (let n = 0; n < 2; n++) await new Promise((resolve) => view.requestAnimationFrame(resolve));
    return canvas.toDataURL("image/png");
}"""
PRESSES = """(paper, size) => {
    // The document's listener runs before the stage's own.
    const presses = [];
    paper.ownerDocument.addEventListener("pointerdown", (event) => {
        const box = paper.getBoundingClientRect();
        const scale = size / box.width;
        presses.push([(event.clientX - box.left) * scale - 0.5, (event.clientY - box.top) * scale - 0.5]);
    }, { capture: true });
    return presses;
}"""


class Stage:
    """The stage in a widget's frame. Points are image pixels (docs/conventions.md).

    Args:
        size: side of the image, pixels.
    """

    def __init__(self, page: Page, frame: FrameLocator, size: int) -> None:
        self.page, self.frame, self.size = page, frame, size
        frame.locator("#paper:not([hidden])").wait_for(state="attached", timeout=1000 * SECONDS)

    @property
    def status(self) -> str:
        return self.frame.locator("#status").text_content() or ""

    @property
    def notices(self) -> str:
        return self.frame.locator("#notices").text_content() or ""

    def until(self, holds: Callable[[], Any], what: str) -> None:
        """Wait until `holds()` is true."""
        ends = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < ends, f"{what}; the widget says: {self.status!r} {self.notices!r}"
            self.page.wait_for_timeout(30)

    def picture(self) -> NDArray[np.int16]:
        """What is drawn on the stage, without handles, [H, W, 3]."""
        self.come_into_view()
        url = self.frame.locator("#picture").evaluate(READ)
        image = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
        return np.asarray(image.convert("RGB"), dtype=np.int16)

    def on_screen(self, point: XY) -> XY:
        box = self.frame.locator("#paper").bounding_box()
        assert box is not None
        scale = box["width"] / self.size
        return box["x"] + (point[0] + 0.5) * scale, box["y"] + (point[1] + 0.5) * scale

    def come_into_view(self) -> None:
        """Scroll the notebook, which scrolls to the cell that runs: what is out of sight is not drawn."""
        self.frame.owner.scroll_into_view_if_needed()

    def come_to_rest(self) -> None:
        """Wait until the notebook has scrolled to the cell that runs, and come back into view."""
        place, seen = None, 0
        while seen < 4:
            self.come_into_view()
            self.page.wait_for_timeout(100)
            before, place = place, self.on_screen((0.0, 0.0))
            seen = seen + 1 if place == before else 0

    def press(self, point: XY) -> None:
        """Press on a point, once more if the notebook scrolled just then and the press fell beside it."""
        pressed = self.frame.locator("#paper").evaluate_handle(PRESSES, self.size)
        ends = time.monotonic() + SECONDS
        while True:
            self.come_to_rest()
            x, y = self.on_screen(point)
            self.page.mouse.move(x, y)
            self.page.mouse.down()
            place = pressed.evaluate("presses => presses.pop() ?? null")
            if place is not None and np.hypot(place[0] - point[0], place[1] - point[1]) < 1.5:
                return
            self.page.mouse.up()
            assert time.monotonic() < ends, f"no press reaches the picture at {point}; the last fell on {place}"

    def move(self, start: XY, end: XY, steps: int = 25) -> None:
        """Move the hand as a person does, in many small moves."""
        for step in range(1, steps + 1):
            share = step / steps
            place = start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
            self.page.mouse.move(*self.on_screen(place))
            self.page.wait_for_timeout(20)

    def release(self) -> None:
        self.page.mouse.up()


def difference(a: NDArray[np.int16], b: NDArray[np.int16]) -> float:
    """Mean absolute difference of two pictures, of 255; 255 if one is not drawn yet and so has another size."""
    return float(np.abs(a - b).mean()) if a.shape == b.shape else 255.0
