"""The page without a mouse: keys alone, fingers on a phone, names for screen readers."""

from pathlib import Path

import numpy as np
import pytest

from draglab.checkpoints import list_models
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
    editor.until(lambda: editor.status.startswith("Following"), "the picture does not follow")
    keys.press("Enter")
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
    keys.press("Control+y")
    editor.until(lambda: editor[".handle-row"].count() == 1, "Ctrl+Y did not redo")
    keys.press("n")
    keys.press("Delete")
    editor.until(lambda: editor[".handle-row"].count() == 0, "Delete did not delete the handle")


def _way(start, end):
    """Arrow keys from one pixel to another, as (key, how often)."""
    dx, dy = round(end[0] - start[0]), round(end[1] - start[1])
    across = ("ArrowRight" if dx > 0 else "ArrowLeft", abs(dx))
    return [across, ("ArrowDown" if dy > 0 else "ArrowUp", abs(dy))]


def test_start_images_are_browsed_and_undone(editor):
    before = editor.picture()
    editor.until(lambda: editor[".seed img"].count() == 12, "the seeds have no pictures")
    # Those that are good to begin with come first, and the first of them is shown.
    assert _seeds(editor)[0] == editor["#seed"].input_value() == "78"
    second = _seeds(editor)[1]
    editor[".seed"].nth(1).click()
    other = editor.until_picture(differs_from=before)
    assert editor["#seed"].input_value() == second
    editor["#mix"].check()
    editor.until_picture(differs_from=other)
    for _ in range(2):
        editor.page.keyboard.press("Control+z")
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 0.5, "undo did not bring the first image back")
    assert not editor["#mix"].is_checked()


def _seeds(editor):
    return [each.get_attribute("data-seed") for each in editor[".seed"].all()]


def test_each_model_opens_with_an_image_that_was_chosen(editor):
    editor["#model"].select_option("hands")
    editor.until(lambda: editor["#seed"].input_value() == "12", "hands begin with another image")
    entries = {entry.name: entry.first_seeds for entry in list_models()}
    editor.until(lambda: _seeds(editor) == [str(seed) for seed in entries["hands"]], "the strip begins elsewhere")
    editor["[aria-label='Next seeds']"].click()
    editor.until(lambda: _seeds(editor) == [str(seed) for seed in range(12)], "the other seeds do not follow")


def test_settings_are_changed_and_put_back(editor):
    editor.when_pulled("release")
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
    editor.when_pulled("wait")
    empty = (round(0.16 * side), round(0.78 * side))
    editor.slow_down(0.05)
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
    const parts = [...document.querySelectorAll("#hint p, #hint button")];
    const cut = parts.some((each) => each.scrollWidth > each.clientWidth);
    return inside && !cut && hint.top >= stage.bottom;
}"""


@pytest.mark.parametrize("width", [390, 1000, 1440])
def test_what_is_said_of_a_handle_is_never_on_the_picture(server, visit, width):
    editor = visit(server.url, width=width)
    side = editor.size()
    empty = (round(0.16 * side), round(0.78 * side))
    editor.slow_down(0.05)
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


# What is read on a control is part of its name: who speaks to the page says what they see.
MISNAMED = """() => [...document.querySelectorAll("button, a, [role=radio], [role=slider]")]
    .filter((element) => element.checkVisibility({visibilityProperty: true}) && element.ariaLabel)
    .filter((element) => !element.ariaLabel.toLowerCase().includes(element.innerText.trim().toLowerCase()))
    .map((element) => [element.ariaLabel, element.innerText])"""
OUTSIDE = """() => [...document.querySelectorAll("#notices p, #hint p")]
    .filter((element) => !element.closest("header, nav, main, aside, section[aria-label]"))
    .map((element) => element.textContent)"""
AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = """async () => {
    const options = {rules: {"label-content-name-mismatch": {enabled: true}}};
    const { violations } = await axe.run(document, options);
    return violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]);
}"""


def busy_page(editor):
    """Everything that the page can show at once: handles, pins, history, notices, settings."""
    editor.when_pulled("wait")
    editor.page.mouse.click(*editor.on_screen((60, 100)))
    editor.pull((60, 200), (75, 200))
    editor.until(lambda: editor[".handle-row"].count() == 2, "the handles are not there")
    editor["#zoom-in"].click()
    editor.page.evaluate("import('/static/js/notices.js').then((m) => m.notify('Something was done.'))")
    editor.page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")


@pytest.mark.parametrize("width", [390, 1000, 1440])
def test_the_panel_is_no_wider_than_it_is(server, visit, width):
    editor = visit(server.url, width=width)
    busy_page(editor)
    wanted, there = editor.page.evaluate("() => ['scrollWidth', 'clientWidth'].map((name) => panel[name])")
    assert wanted <= there


@pytest.mark.parametrize("width", [390, 1440])
def test_names_hold_what_is_read_and_notices_lie_in_a_landmark(server, visit, width):
    editor = visit(server.url, width=width)
    busy_page(editor)
    assert editor.page.evaluate(MISNAMED) == []
    assert editor.page.evaluate(OUTSIDE) == []
    assert editor[".rail .word"].all_inner_texts()[:6] == ["Drag", "Region", "Brush", "Eraser", "Fill", "Move"]
    assert all(word.is_visible() for word in editor[".rail #tools .word"].all())


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: make web/node_modules")
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_nothing(server, visit, width):
    editor = visit(server.url, width=width)
    busy_page(editor)
    editor.page.evaluate(AXE.read_text())
    assert editor.page.evaluate(RULES) == []
