"""The page without a mouse: keys alone, fingers on a phone, names for screen readers."""

import numpy as np
import pytest

from tests.server.browser.places import beside_nose, nose

UNNAMED = """() => [...document.querySelectorAll("button, input, select, textarea, [role=slider]")]
    .filter((element) => element.checkVisibility({visibilityProperty: true}))
    .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim()
        || [...(element.labels ?? [])].some((label) => label.textContent.trim())))
    .map((element) => element.outerHTML)"""


def test_keys_alone_drag_undo_and_look(editor):
    side = editor.size()
    before = editor.picture()
    keys = editor.page.keyboard
    keys.press("Tab")
    keys.press("Enter")  # skip to the picture
    editor.until(lambda: editor.page.evaluate("document.activeElement.id") == "stage", "the link does not lead there")
    keys.press("ArrowRight")  # the crosshair appears in the middle
    middle = round((side - 1) / 2)
    for key, count in _way((middle, middle), nose(side)):
        for _ in range(count):
            keys.press(key)
    keys.press("Enter")
    for key, count in _way(nose(side), beside_nose(side)):
        for _ in range(count):
            keys.press(key)
    assert editor.state == "idle"
    keys.press("Enter")
    editor.until_running_or_over()
    editor.until_ended()
    assert editor.status.startswith("Arrived")
    assert editor.numbers()[2:] == list(beside_nose(side))
    editor.until_picture(differs_from=before)
    keys.press("Control+z")
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 0.5, "Ctrl+Z did not undo")

    keys.press("?")
    assert editor["#help-dialog"].is_visible()
    keys.press("Escape")
    assert not editor["#help-dialog"].is_visible()
    keys.press("Delete")
    editor.until(lambda: editor[".handle-row"].count() == 0, "Delete did not delete the handle")


def _way(start, end):
    """Arrow keys from one pixel to another, as (key, how often)."""
    dx, dy = round(end[0] - start[0]), round(end[1] - start[1])
    across = ("ArrowRight" if dx > 0 else "ArrowLeft", abs(dx))
    return [across, ("ArrowDown" if dy > 0 else "ArrowUp", abs(dy))]


def test_start_images_are_browsed_and_undone(editor):
    before = editor.picture()
    seed = int(editor["#seed"].input_value())
    editor.until(lambda: editor[".seed img"].count() == 12, "the seeds have no pictures")
    editor[f'.seed[data-seed="{seed + 1}"]'].click()
    other = editor.until_picture(differs_from=before)
    assert editor["#seed"].input_value() == str(seed + 1)
    editor["#mix"].check()
    editor.until_picture(differs_from=other)
    for _ in range(2):
        editor.page.keyboard.press("Control+z")
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 0.5, "undo did not bring the first image back")
    assert not editor["#mix"].is_checked()


def test_settings_are_changed_and_put_back(editor):
    editor["summary >> text=Settings"].click()
    field, reset = editor["#setting-max_steps"], editor['[aria-label^="Reset"]:right-of(#setting-max_steps)'].first
    default = field.input_value()
    field.fill("3")
    field.press("Enter")
    side = editor.size()
    editor.drag(nose(side), (side - 2.0, side - 2.0))
    assert "3 steps" in editor.status
    reset.click()
    editor.until(lambda: field.input_value() == default, "the setting was not put back")


def test_a_handle_that_cannot_be_followed_says_so_at_once(editor):
    side = editor.size()
    editor["#run-on-release"].uncheck()
    empty = (round(0.16 * side), round(0.78 * side))
    editor.press(empty)
    editor["#hint"].wait_for()
    editor.move((empty[0] + 12, empty[1]))
    editor.page.mouse.up()
    editor.until(lambda: editor[".handle-row .quality"].is_visible(), "the list does not say so")
    editor["#hint >> text=Use nearest"].click()
    editor.until(lambda: editor.numbers()[:2] != [*map(float, empty)], "the handle did not move")
    editor.until(lambda: not editor["#hint"].is_visible(), "the new place is no better")


def test_every_control_has_a_name(editor):
    editor.page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")
    assert editor.page.evaluate(UNNAMED) == []


def test_fingers_on_a_phone(server, visit):
    editor = visit(server.url, width=360, height=780, has_touch=True, is_mobile=True)
    assert editor.page.evaluate("document.documentElement.scrollWidth") == 360
    side = editor.size()
    before = editor.picture()
    touch = editor.page.context.new_cdp_session(editor.page)

    def fingers(kind, *points):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    # Two fingers zoom and place nothing.
    x, y = editor.on_screen((side / 2, side / 2))
    fitted = editor["#zoom-value"].text_content()
    fingers("touchStart", (x - 20, y))
    fingers("touchStart", (x - 20, y), (x + 20, y))
    fingers("touchMove", (x - 60, y), (x + 60, y))
    fingers("touchEnd")
    editor.until(lambda: editor["#zoom-value"].text_content() != fitted, "two fingers did not zoom")
    editor["#zoom-fit"].click()
    assert editor[".handle-row"].count() == 0

    fingers("touchStart", editor.on_screen(nose(side)))
    fingers("touchMove", editor.on_screen((nose(side)[0] + 3, nose(side)[1])))
    fingers("touchMove", editor.on_screen(beside_nose(side)))
    fingers("touchEnd")
    editor.until_running_or_over()
    editor.until_ended()
    editor.until_picture(differs_from=before)

    editor["#panel-toggle"].tap()
    assert editor["#seed"].is_visible()
    editor["#panel-close"].tap()
    editor.until(lambda: not editor["#seed"].is_visible(), "the sheet did not close")


BESIDE = """() => {
    const hint = document.getElementById("hint").getBoundingClientRect();
    const stage = document.getElementById("stage").getBoundingClientRect();
    const inside = hint.left >= 0 && hint.right <= innerWidth && hint.bottom <= innerHeight && hint.height > 20;
    const cut = [...document.querySelectorAll("#hint p, #hint button")].some((each) => each.scrollWidth > each.clientWidth);
    return inside && !cut && hint.top >= stage.bottom;
}"""


@pytest.mark.parametrize("width", [390, 1000, 1440])
def test_what_is_said_of_a_handle_is_never_on_the_picture(server, visit, width):
    editor = visit(server.url, width=width)
    side = editor.size()
    empty = (round(0.16 * side), round(0.78 * side))
    editor.press(empty)
    editor["#hint"].wait_for()
    assert editor.page.evaluate(BESIDE)
    editor.move((empty[0] + 20, empty[1]))
    editor.page.mouse.up()
    editor.until_running()
    assert editor["#hint"].is_visible() and editor.page.evaluate(BESIDE)
    editor.page.keyboard.press("Escape")
    # The round is over: the timeline can be used.
    editor.until(lambda: not editor["#hint"].is_visible(), "the note stays")
