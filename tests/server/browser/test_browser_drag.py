"""Dragging, stopping, undoing and going back, with a mouse in a real browser."""

import numpy as np
import pytest
from numpy.typing import NDArray

from draglab.checkpoints import load_generator
from draglab.generators import to_uint8
from tests.server.browser.editor_page import XY, EditorPage
from tests.server.browser.places import beside_nose, nose, out_of_reach


@pytest.fixture(scope="module")
def first_image() -> NDArray[np.int64]:
    """[side, side, 3]: what the page shows first."""
    generator = load_generator("heads")
    return to_uint8(generator.image(generator.w_plus_from_seed(78)))[0].astype(np.int64)


def found(patch_of: NDArray[np.int64], at: XY, image: NDArray[np.int64]) -> XY:
    """Where the surroundings of `at` are in another image: the place with the least mean absolute difference."""
    side = len(image)
    reach, far = side // 16, side // 6
    x, y = int(at[0]), int(at[1])
    patch = patch_of[y - reach : y + reach + 1, x - reach : x + reach + 1]
    offsets = [(dx, dy) for dx in range(-far, far + 1) for dy in range(-far, far + 1)]

    def difference(dx: int, dy: int) -> float:
        there = image[y + dy - reach : y + dy + reach + 1, x + dx - reach : x + dx + reach + 1]
        return float(np.abs(there - patch).mean())

    dx, dy = min(offsets, key=lambda offset: difference(*offset))
    return x + dx, y + dy


LASTING = """() => import('/static/js/app.js').then((app) =>
    app.send({type: "set_settings", settings: {
        patience: null, max_steps: 10000, descent: "first-order", step_size: 0.01}}))"""


def test_the_picture_follows_the_hand(editor, first_image):
    side = editor.size()
    start, end = nose(side), beside_nose(side)
    before = editor.picture()
    np.testing.assert_allclose(before, first_image, atol=40)
    assert np.abs(before - first_image).mean() < 3

    editor.drag(start, end)

    assert editor.status.startswith("Arrived")
    handle, target = editor.numbers()[:2], editor.numbers()[2:]
    assert np.hypot(handle[0] - target[0], handle[1] - target[1]) <= 1.5
    assert np.hypot(target[0] - end[0], target[1] - end[1]) < 0.5
    after = editor.at_rest()
    place = found(before, start, after)
    assert np.hypot(place[0] - end[0], place[1] - end[1]) <= 3 * side / 128
    assert editor["#timeline-text"].text_content() not in ("", None)


def test_a_running_drag_can_be_watched_steered_and_stopped(editor):
    side = editor.size()
    before = editor.picture()
    editor.page.evaluate(LASTING)
    editor.when_pulled("release")
    editor.pull(nose(side), out_of_reach(side))
    editor.until_running()
    live = editor.until_picture(differs_from=before)
    assert editor.state == "running"
    assert "px left" in editor.status and "steps/s" in editor.status

    editor.pull(out_of_reach(side), (2.0, side / 2))
    editor.until(lambda: editor.numbers()[2] < side / 2, "the target did not move")
    assert editor.state == "running"
    assert editor.rounds() == 1
    editor.until_picture(differs_from=live)

    editor["#run"].click()
    editor.until_ended()
    assert editor.status.startswith("Stopped after")
    assert editor["#run-text"].text_content() == "Run"


def test_undo_and_redo_bring_back_the_same_pictures(editor):
    side = editor.size()
    editor.when_pulled("release")
    before = editor.picture()
    editor.drag(nose(side), beside_nose(side))
    editor.until_picture(differs_from=before)
    after = editor.at_rest()

    editor.page.keyboard.press("Control+z")
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 0.5, "undo did not bring the start back")
    assert editor.numbers()[:2] == pytest.approx(nose(side), abs=0.6)
    editor["#undo"].click()
    editor.until(lambda: editor[".handle-row"].count() == 0, "undo did not take the point away")
    assert editor["#undo"].is_disabled()

    editor.page.keyboard.press("Control+Shift+Z")
    editor.until(lambda: editor[".handle-row"].count() == 1, "redo did not bring the point back")
    editor.page.keyboard.press("Control+y")
    editor.until(lambda: np.abs(editor.picture() - after).mean() < 0.5, "redo did not bring the round back")


def test_a_zoomed_press_hits_the_pixel_under_it(editor, first_image):
    side = editor.size()
    # A pixel that differs from its neighbours, so that a press beside it would show.
    gradient = np.abs(np.diff(first_image.sum(2), axis=1))[side // 3 : side // 2, side // 3 : side // 2]
    row, column = np.unravel_index(gradient.argmax(), gradient.shape)
    pixel = (float(column + side // 3), float(row + side // 3))
    editor.when_pulled("wait")
    fitted = editor["#zoom-value"].text_content()
    editor.page.mouse.move(*editor.on_screen(pixel))
    for _ in range(6):
        editor.page.mouse.wheel(0, -250)
        editor.page.wait_for_timeout(20)
    editor.until(lambda: editor["#zoom-value"].text_content() != fitted, "the wheel did not zoom")
    x, y = editor.on_screen(pixel)
    editor.page.wait_for_timeout(200)
    shot = editor.page.evaluate(
        """([x, y]) => {
            const canvas = document.getElementById("picture"), box = canvas.getBoundingClientRect();
            const scale = canvas.width / box.width;
            return [...canvas.getContext("2d").getImageData((x - box.left) * scale, (y - box.top) * scale, 1, 1).data];
        }""",
        [x, y],
    )
    np.testing.assert_allclose(shot[:3], first_image[int(pixel[1]), int(pixel[0])], atol=40)

    editor.page.mouse.click(x, y)
    editor.until(lambda: editor[".handle-row"].count() == 1, "no handle was placed")
    assert editor.numbers() == pytest.approx(pixel, abs=0.1)
    editor.page.keyboard.press("Control+0")
    editor.until(lambda: editor["#zoom-value"].text_content() == fitted, "Ctrl+0 did not fit")


def test_an_earlier_frame_is_looked_at_and_begins_a_branch(editor):
    side = editor.size()
    before = editor.picture()
    editor.drag(nose(side), beside_nose(side))
    editor.until_picture(differs_from=before)

    editor["#timeline"].focus()
    editor.page.keyboard.press("Home")
    # Frames that are looked at come as JPEG.
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 2.5, "frame 0 is not the picture before")
    looked_at = editor.picture()
    assert "earlier step" in editor.status
    editor.page.keyboard.press("ArrowRight")
    editor.page.keyboard.press("ArrowRight")
    editor.until(lambda: editor.frame_shown() == 2, "frame 2 is not shown")
    middle = editor.until_picture(differs_from=looked_at)
    editor["#continue"].click()
    editor.until(lambda: editor['#strip [data-kind="continue"]'].count() == 1, "there is no branch")
    editor.until(lambda: np.abs(editor.picture() - middle).mean() < 2.5, "the branch begins with another picture")
    assert "From step 2" in (editor["#strip [aria-current]"].get_attribute("aria-label") or "")

    # The round is still there, whole, and beside it another way on from the points.
    editor["#undo"].click()
    editor.until(lambda: editor['#strip [data-kind="round"][aria-current]'].count() == 1, "undo does not lead back")
    editor["#undo"].click()
    editor.until(lambda: editor["#strip .ahead"].count() == 2, "undo does not lead further back")
    editor.pull(nose(side), (nose(side)[0], side - 2))
    editor.until_running()
    editor["#run"].click()
    editor.until_ended()
    fork = editor["#strip .fork"]
    assert "2/2" in (fork.text_content() or "")
    fork.click()
    editor.until(lambda: editor['#strip [data-kind="continue"]'].count() == 1, "the first version is lost")


def frozen_change(editor: EditorPage, masked: bool) -> float:
    """Pulls the nose; how much what is left of the face (hair, shoulder, background) changes, mean of 0 to 255.

    Args:
        masked: paint over it first that it must stay.
    """
    side = editor.size()
    before = editor.picture()
    frozen = (slice(None), slice(0, round(0.29 * side)))
    if masked:
        editor["#mask-panel .choice.frozen"].click()
        editor.page.keyboard.press("b")
        for _ in range(12):
            editor.page.keyboard.press("]")
        editor.press((side / 16, 0.0))
        editor.move((side / 16, side - 1.0))
        editor.page.mouse.up()
        editor.until(lambda: editor['#strip [data-kind="mask"]'].count() == 1, "the stroke is not in the history")
        tinted = np.abs(editor.picture() - before)
        assert tinted[frozen].mean() > 10
        assert tinted[:, side // 2 :].mean() < 1
        editor.page.keyboard.press("m")
        editor.page.keyboard.press("v")
        editor.until(lambda: np.abs(editor.picture() - before).mean() < 0.5, "the mask cannot be hidden")
    # The same steps however busy the machine is.
    editor.when_pulled("release")
    editor.drag(nose(side), (nose(side)[0] + side / 18, nose(side)[1]))
    assert editor.status.startswith("Arrived")
    editor.until_picture(differs_from=before)
    return float(np.abs(editor.at_rest() - before)[frozen].mean())


def test_the_mask_keeps_what_must_stay(server, visit):
    without, masked = (frozen_change(visit(server.url), masked=each) for each in (False, True))
    assert masked < 0.8 * without
