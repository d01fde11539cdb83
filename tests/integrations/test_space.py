"""The demo for a Space, in Chromium."""

import base64
import io
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.server.browser.chromium import launched, reason_to_skip

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).resolve().parents[2] / "integrations" / "space"
SECONDS = 120.0
PIXELS = """image => {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


def python() -> str:
    """A Python with Gradio: DRAGLAB_SPACE_PYTHON, for an environment of its own, or this one."""
    given = os.environ.get("DRAGLAB_SPACE_PYTHON")
    if given is None and find_spec("gradio") is None:
        pytest.skip("Gradio is not installed: say in DRAGLAB_SPACE_PYTHON where a Python with Gradio and draglab is")
    return given or sys.executable


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the demo."""
    interpreter = python()
    if reason := reason_to_skip():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("space")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        "PYTHONPATH": str(FOLDER.parents[1] / "src"),
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(folder / "temporary"),
        "HF_HUB_OFFLINE": "1",
    }
    log = (folder / "log").open("wb")
    process = subprocess.Popen([interpreter, "app.py"], cwd=FOLDER, env={**os.environ, **own}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        ends = time.monotonic() + SECONDS
        while True:
            try:
                with urllib.request.urlopen(url, timeout=5):
                    break
            except OSError:
                alive = process.poll() is None and time.monotonic() < ends
                assert alive, f"the demo did not start:\n{(folder / 'log').read_text(errors='replace')[-3000:]}"
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def picture(page: "Page") -> NDArray[np.int16]:
    data = page.locator("img[src*='/file=']").first.evaluate(PIXELS)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), dtype=np.int16)


def click(page: "Page", x: float, y: float) -> None:
    """Click on a place of the 256 px image."""
    image = page.locator("img[src*='/file=']").first
    box = image.bounding_box()
    assert box is not None
    # The picture lies in the middle of its element (object-fit).
    side = min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    page.mouse.click(left + (x + 0.5) * side / 256, top + (y + 0.5) * side / 256)


def test_two_clicks_and_a_button_drag_the_picture(space: str):
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(space)
        page.locator("img[src*='/file=']").first.wait_for(timeout=1000 * SECONDS)
        before = picture(page)
        click(page, 93, 125)
        page.get_by_text("Now click where it should go.").wait_for(timeout=1000 * SECONDS)
        click(page, 118, 125)
        page.get_by_text("Another point, or").wait_for(timeout=1000 * SECONDS)
        page.get_by_role("button", name="Drag").click()
        page.get_by_text("Done.").wait_for(timeout=1000 * SECONDS)
        page.wait_for_timeout(500)
        after = picture(page)
        assert before.shape == after.shape == (512, 512, 3)
        assert np.abs(after - before).mean() > 3
        page.get_by_role("button", name="Undo").click()
        ends = time.monotonic() + 20
        while np.abs(picture(page) - before).mean() > 0.5:
            assert time.monotonic() < ends, "undo does not bring the first picture back"
            page.wait_for_timeout(100)
        # Without points it says what to do.
        page.get_by_role("button", name="Drag").click()
        page.get_by_text("Click a point of the picture").nth(1).wait_for(timeout=1000 * SECONDS)
        assert problems == []


def test_the_header_is_one_that_a_space_takes():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    header = dict(re.findall(r"^(\w+): (.*)$", text.split("---")[1], re.MULTILINE))
    assert header["sdk"] == "gradio"
    assert (FOLDER / header["app_file"]).is_file()
    assert header.keys() >= {"title", "emoji", "colorFrom", "colorTo", "sdk_version", "license"}
    assert len(header["short_description"]) <= 60
    lowest, highest = re.findall(r"gradio>=(\d+),<(\d+)", (FOLDER / "requirements.txt").read_text())[0]
    assert int(lowest) <= int(header["sdk_version"].split(".")[0]) < int(highest)
