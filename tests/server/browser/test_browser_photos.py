"""Photos in the page: dropped, framed, brought into a model, dragged, undone, put back, exported, gone on with."""

import base64
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from draglab.checkpoints import load_generator, save_generator
from draglab.inversion.faces import has_dlib
from tests.inversion.pictures import own_image
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import Launched
from tests.server.browser.photo_page import begin, drop, frame, until_framed, until_photo_shown
from tests.server.browser.test_browser_people import AXE, RULES
from tests.tiny import tiny_generator

if TYPE_CHECKING:
    from playwright.sync_api import Browser

WIDTH, HEIGHT = 120, 90
READ_CROP = """() => document.querySelector(".framing .crop").toDataURL("image/png").split(",")[1]"""


@pytest.fixture(scope="module")
def photo() -> bytes:
    """An image of the tiny model on a plain ground, as a PNG of 120x90 pixels; its middle is at (70, 45)."""
    pixels = np.full((HEIGHT, WIDTH, 3), (40, 90, 140), np.uint8)
    pixels[13:77, 38:102] = own_image(tiny_generator(img_resolution=64), 5)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def heads_in_a_row() -> bytes:
    """Two heads of the bundled model as a PNG: the middle of the small one is at (90, 166), of the other (308, 128)."""
    heads = load_generator("heads", device="cpu")
    pixels = np.full((256, 436, 3), 120, np.uint8)
    pixels[76:, :180] = np.asarray(Image.fromarray(own_image(heads, 12)).resize((180, 180)))
    pixels[:, 180:] = own_image(heads, 31)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.fixture
def tiny_server(chromium: "Browser", tmp_path: Path) -> Iterator[Launched]:
    """A server with a model of 64 pixels beside the bundled ones."""
    models = tmp_path / "models"
    models.mkdir()
    save_generator(tiny_generator(img_resolution=64), models / "tiny.safetensors")
    server = Launched(tmp_path, models)
    server.start()
    yield server
    server.end()


def framed(editor: EditorPage, data: bytes, effort: str = "fast", how: str = "drop") -> None:
    """Drops a photo, chooses the tiny model, and waits for its frame."""
    drop(editor, data, how=how)
    editor["#photo-model"].select_option("tiny")
    until_framed(editor)
    editor[f'#photo-dialog input[value="{effort}"]'].check(force=True)


def numbers(editor: EditorPage) -> list[float]:
    """Size, place and turn of the frame."""
    return [float(each) for each in re.findall(r"\d+", frame(editor))]


def preview(editor: EditorPage) -> np.ndarray:
    data = base64.b64decode(editor.page.evaluate(READ_CROP))
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)


def exported(editor: EditorPage, button: str, folder: Path) -> Path:
    editor["#export"].click()
    with editor.page.expect_download() as waiting:
        editor[f"#export-dialog {button}"].click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    editor.page.keyboard.press("Escape")
    return path


def test_a_photo_is_framed_brought_in_dragged_and_put_back(tiny_server, visit: Callable, photo, tmp_path):
    editor: EditorPage = visit(tiny_server.url)
    framed(editor, photo)
    said = editor["#photo-dialog .framing-form"].text_content() or ""
    assert "place the frame yourself" in said
    # dlib knows that there is no face; without it, a model for faces is proposed.
    assert editor[".advice"].is_visible() == (not has_dlib())
    assert frame(editor) == "90 pixels at 60, 45"

    # By keys: one step is half a percent of the side, and with Shift ten times that.
    editor[".frame-box"].focus()
    editor.page.keyboard.press("Shift+ArrowRight")
    assert frame(editor) == "90 pixels at 64, 45"
    editor.page.keyboard.press("-")
    editor.page.keyboard.press(".")
    assert frame(editor) == "88 pixels at 64, 45, turned 1°"
    editor.page.keyboard.press("0")
    assert frame(editor) == "90 pixels at 60, 45"

    # By hand: the middle, then a corner until the frame is the picture of the model.
    before = preview(editor)
    view = editor[".frame-box img"].bounding_box()
    assert view is not None
    scale = view["width"] / WIDTH

    def pull(start: tuple[float, float], end: tuple[float, float]) -> None:
        editor.page.mouse.move(view["x"] + (start[0] + 0.5) * scale, view["y"] + (start[1] + 0.5) * scale)
        editor.page.mouse.down()
        editor.page.mouse.move(view["x"] + (end[0] + 0.5) * scale, view["y"] + (end[1] + 0.5) * scale, steps=4)
        editor.page.mouse.up()

    pull((60, 44), (70, 44.5))
    pull((114.5, 90), (101.5, 77))
    assert [float(each) for each in re.findall(r"\d+", frame(editor))] == pytest.approx([64, 69.5, 45], abs=1)
    assert np.abs(preview(editor) - before).mean() > 3

    begin(editor)
    until_photo_shown(editor)
    assert "LPIPS" in (editor[".report"].text_content() or "")
    assert "holiday" in (editor["#title"].text_content() or "")
    assert editor["#strip .entry"].get_attribute("aria-label") == "Photo holiday"

    shown = editor.at_rest()
    editor.page.keyboard.down("o")
    held = editor.at_rest()
    editor.page.keyboard.up("o")
    crop = np.asarray(Image.open(io.BytesIO(photo)))[13:77, 38:102].astype(int)
    assert np.abs(held - crop).mean() < 8

    editor.drag((30, 30), (38, 30))
    editor.until_picture(differs_from=shown)
    whole = exported(editor, '[aria-label="Whole photo"] [data-kind="png"]', tmp_path)
    before, after = (np.asarray(Image.open(each)).astype(int) for each in (io.BytesIO(photo), whole))
    assert whole.name == "holiday-edited.png" and after.shape == before.shape
    np.testing.assert_array_equal(after[:, :36], before[:, :36])
    assert np.abs(after - before).max() > 10

    file = exported(editor, '[data-kind="draglab"]', tmp_path)
    while editor["#undo"].is_enabled():
        editor["#undo"].click()
        editor.page.wait_for_timeout(100)
    editor.until(lambda: np.abs(editor.picture() - shown).mean() < 1, "undo does not lead back to the photo")

    # The file opens in another page, and nothing is computed again.
    other = visit(tiny_server.url)
    drop(other, file.read_bytes(), file.name)
    until_photo_shown(other)
    other.until(lambda: np.abs(other.picture() - shown).mean() < 1, "the file shows another picture")
    other["text=Show where it differs"].click()
    other.until(lambda: other.page.evaluate("() => document.querySelector('.heat-map').naturalWidth") == 64, "no map")


@pytest.mark.skipif(not has_dlib(), reason="the extra dlib is not installed")
def test_of_several_faces_another_is_taken_by_a_click_or_by_the_button(editor):
    drop(editor, heads_in_a_row())
    until_framed(editor)
    said = editor["#photo-dialog .found"]
    assert "2 faces found: the largest is framed" in (said.text_content() or "")
    size, x, y = numbers(editor)[:3]
    assert abs(x - 308) < 25 and abs(y - 128) < 25
    before = preview(editor)

    mark = editor[".frame-box .face"]
    box = mark.bounding_box()
    assert mark.count() == 1 and box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    # A pull that begins there moves the frame and takes no other face.
    editor.page.mouse.move(*middle)
    assert editor[".frame-box"].get_attribute("data-grip") == "face"
    editor.page.mouse.down()
    editor.page.mouse.move(middle[0] + 30, middle[1], steps=3)
    editor.page.mouse.up()
    assert numbers(editor)[0] == size and numbers(editor)[1] > x
    assert "the largest is framed" in (said.text_content() or "")

    editor.page.mouse.click(*middle)
    assert "Face 2 of 2 is framed" in (said.text_content() or "")
    second = numbers(editor)
    assert abs(second[1] - 90) < 20 and abs(second[2] - 166) < 20 and second[0] < size
    assert np.abs(preview(editor) - before).mean() > 5

    editor["#photo-dialog button >> text=Next face"].click()
    assert "2 faces found: the largest is framed" in (said.text_content() or "")
    assert numbers(editor)[:3] == [size, x, y]
    # 0 puts the frame back to the face that was taken.
    editor.page.mouse.click(*middle)
    editor[".frame-box"].focus()
    editor.page.keyboard.press("ArrowRight")
    editor.page.keyboard.press("0")
    assert numbers(editor) == second


def test_stop_keeps_what_was_found_and_cancel_drops_it(tiny_server, visit, photo):
    editor: EditorPage = visit(tiny_server.url)
    framed(editor, photo, "best", "paste")
    begin(editor)
    editor.until(lambda: "Step" in (editor[".growing-text"].text_content() or ""), "no step was made")
    editor["#photo-dialog button >> text=Stop and keep"].click()
    until_photo_shown(editor)

    framed(editor, photo, "best")
    begin(editor)
    editor["#photo-dialog button >> text=Cancel"].click()
    editor.until(lambda: not editor["#photo-dialog"].is_visible(), "the dialog stays")

    # The same from the list, in which somebody writes a name meanwhile.
    editor["#open"].click()
    editor["#open-dialog button >> text=New session"].click()
    editor.until(lambda: editor.size() != 64, "there is no new session")
    framed(editor, photo, "best")
    begin(editor)
    editor["#photo-dialog button >> text=Go on in the background"].click()
    editor["#panel .photo-work button"].wait_for()
    editor["#open"].click()
    listed = editor['#open-dialog [aria-label="Photos on their way"]']
    assert listed.locator("strong").all_inner_texts() == ["holiday"]
    editor["#open-dialog .rename"].first.click()
    editor.page.keyboard.type("my ")
    bar = editor["#panel .photo-work progress"]
    before = bar.get_attribute("value")
    editor.until(lambda: bar.get_attribute("value") != before, "no step is made")
    editor.page.keyboard.type("photo")
    assert editor["#open-dialog input"].input_value() == "my photo"
    editor.page.keyboard.press("Escape")
    listed.locator('[aria-label="Cancel holiday"]').click()
    editor.until(lambda: not listed.is_visible(), "it was not dropped")


def test_a_killed_server_is_offered_to_go_on_with_the_photo(tiny_server, visit, photo):
    editor: EditorPage = visit(tiny_server.url)
    framed(editor, photo, "best")
    begin(editor)
    editor.until(lambda: "Step" in (editor[".growing-text"].text_content() or ""), "no step was made")
    tiny_server.kill()
    editor.until(lambda: "Connection lost" in editor.status, "the page did not notice")
    tiny_server.start()
    again = editor["#photo-dialog button >> text=Go on >> nth=0"]
    editor.until(lambda: "draglab was ended" in (editor[".growing-text"].text_content() or ""), "nothing is offered")
    again.click()
    editor.until(lambda: "Step" in (editor[".growing-text"].text_content() or ""), "it does not go on")
    editor["#photo-dialog button >> text=Go on in the background"].click()
    editor.until(lambda: editor[".notice p >> text=The photo holiday is ready."].is_visible(), "it is never ready")
    editor[".notice button >> text=Open"].click()
    until_photo_shown(editor)


def test_two_fingers_scale_turn_and_move_the_frame(tiny_server, visit, photo):
    editor: EditorPage = visit(tiny_server.url, 390, 844, has_touch=True, is_mobile=True)
    framed(editor, photo)
    view = editor[".frame-box img"].bounding_box()
    assert view is not None
    scale = view["width"] / WIDTH
    touch = editor.page.context.new_cdp_session(editor.page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [
            {"x": view["x"] + (x + 0.5) * scale, "y": view["y"] + (y + 0.5) * scale, "id": number}
            for number, (x, y) in enumerate(places)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (40, 44), (80, 44))
    fingers("touchMove", (50, 34), (50, 54))
    fingers("touchEnd")
    assert numbers(editor) == pytest.approx([45, 49.5, 44.5, 90], abs=1)

    # One finger moves it.
    fingers("touchStart", (50, 44))
    fingers("touchMove", (60, 40))
    fingers("touchEnd")
    assert numbers(editor) == pytest.approx([45, 59.5, 40.5, 90], abs=1)


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: make web/node_modules")
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing_in_the_dialogs_of_a_photo(tiny_server, visit, photo, width):
    editor: EditorPage = visit(tiny_server.url, width)
    framed(editor, photo, "best")
    editor.page.evaluate(AXE.read_text())
    assert editor.page.evaluate(RULES) == []
    begin(editor)
    editor.until(lambda: "Step" in (editor[".growing-text"].text_content() or ""), "no step was made")
    assert editor.page.evaluate(RULES) == []
    editor["#photo-dialog button >> text=Stop and keep"].click()
    until_photo_shown(editor)
    assert editor.page.evaluate(RULES) == []


def test_files_that_are_no_photos_are_refused_with_a_sentence(editor):
    drop(editor, b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    notice = editor[".notice.error"]
    notice.wait_for()
    assert "holiday.png cannot be opened: the photo is damaged" in (notice.text_content() or "")
    assert not editor["#photo-dialog"].is_visible()
    assert editor["#photo-file"].get_attribute("accept") == "image/*"
    editor.problems.clear()  # the browser says so, too
