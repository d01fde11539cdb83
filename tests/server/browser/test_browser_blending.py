"""The whole photo with its border blended, in the page: progress, cancel, and the file that is saved."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from draglab.checkpoints import load_generator, save_generator
from draglab.inversion import Frame, invert
from tests.inversion.pictures import QUICK, smooth_picture
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import Launched
from tests.server.browser.photo_page import drop, until_photo_shown
from tests.server.browser.test_browser_people import AXE, RULES
from tests.tiny import tiny_generator

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIDE = 256
"""So large that steps of the tuning can be watched."""
PIXELS = smooth_picture(300, 360)


@pytest.fixture(scope="module")
def photo_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A folder with a model, and the file of a photo that was brought into it."""
    models = tmp_path_factory.mktemp("models")
    save_generator(tiny_generator(img_resolution=SIDE), models / "tiny.safetensors")
    model = load_generator(models / "tiny.safetensors", device="cpu")
    photo = invert(model, PIXELS, Frame(180, 150, 240), QUICK)
    photo.save(models.parent / "holiday.draglab")
    return models, (models.parent / "holiday.draglab").read_bytes()


@pytest.fixture
def edited(chromium: "Browser", tmp_path: Path, photo_file, visit) -> Iterator[EditorPage]:
    """A page with a photo that was dragged."""
    server = Launched(tmp_path, photo_file[0])
    server.start()
    try:
        editor: EditorPage = visit(server.url)
        drop(editor, photo_file[1], "holiday.draglab")
        until_photo_shown(editor, SIDE)
        editor.drag((100, 100), (130, 100))
        yield editor
    finally:
        server.end()


def test_the_border_is_blended_or_not_or_given_up(edited: EditorPage, tmp_path: Path):
    page, dialog = edited.page, edited["#export-dialog"]
    edited["#export"].click()
    group = dialog.locator('[aria-label="Whole photo"]')
    png, cancel = group.locator('[data-kind="png"]'), group.locator("button >> text=Cancel")

    def saved() -> np.ndarray:
        with page.expect_download(timeout=120_000) as waiting:
            png.click()
        waiting.value.save_as(tmp_path / "whole.png")
        assert waiting.value.suggested_filename == "holiday-edited.png"
        return np.asarray(Image.open(tmp_path / "whole.png")).astype(int)

    plain = saved()
    assert not cancel.is_visible()
    group.get_by_role("switch").check(force=True)
    png.click()
    edited.until(lambda: "Blending the border: " in (group.text_content() or ""), "no step was made")
    assert png.is_disabled() and group.locator("progress").is_visible()
    if AXE.is_file():
        page.evaluate(AXE.read_text())
        assert page.evaluate(RULES) == []
    cancel.click()
    edited.until(lambda: "Cancelled." in (group.text_content() or ""), "it goes on")
    assert png.is_enabled() and not group.locator("progress").is_visible()

    # It goes on while the dialog is closed and the image is dragged.
    with page.expect_download(timeout=120_000) as waiting:
        png.click()
        edited.until(lambda: "Blending the border: " in (group.text_content() or ""), "no step was made")
        page.keyboard.press("Escape")
        edited["#undo"].click()
        edited.until(lambda: edited["#redo"].is_enabled(), "undo waits")
        edited["#export"].click()
        assert group.locator("progress").is_visible() and png.is_disabled()
        page.keyboard.press("Escape")
    waiting.value.save_as(tmp_path / "blended.png")
    edited[".notice p >> text=Saved as holiday-edited.png."].wait_for()
    blended = np.asarray(Image.open(tmp_path / "blended.png")).astype(int)
    assert blended.shape == plain.shape == PIXELS.shape
    assert np.abs(blended - plain).max() > 3
    np.testing.assert_array_equal(blended[:, :50], PIXELS[:, :50])


def test_a_picture_is_no_photo_to_blend(editor: EditorPage):
    editor.drag((100, 100), (110, 100))
    editor["#export"].click()
    assert editor['#export-dialog [aria-label="Picture"]'].is_visible()
    assert editor['#export-dialog [aria-label="Whole photo"]'].count() == 0
