"""Regions: drawn around, then moved, turned and scaled as one object, with a mouse, fingers and keys."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.server.browser.editor_page import XY, EditorPage
from tests.server.browser.test_browser_following import entries

POINTS = "() => import('/static/js/store.js').then((m) => m.get().session.points)"


def mouth(side: int) -> XY:
    return 0.36 * side, 0.58 * side


def around(side: int) -> list[XY]:
    """Places on an ellipse around the mouth, closed."""
    x, y = mouth(side)
    turns = [math.tau * step / 14 for step in range(15)]
    return [(x + 0.13 * side * math.cos(turn), y + 0.06 * side * math.sin(turn)) for turn in turns]


def draw(editor: EditorPage) -> None:
    editor["[data-tool=region]"].first.click()
    first, *rest = around(editor.size())
    editor.press(first)
    for place in rest:
        editor.move(place, steps=2)
    editor.page.mouse.up()
    until_there(editor)


def until_there(editor: EditorPage) -> None:
    editor.until(lambda: editor["#markers .grip"].count() == 5, "there is no region")


def centre(editor: EditorPage, selector: str) -> XY:
    """The centre of a mark, in window pixels. Waits for the mark: each state draws all of them anew."""
    boxes = []
    editor.until(lambda: boxes.append(editor[selector].first.bounding_box()) or boxes[-1], f"there is no {selector}")
    box = boxes[-1]
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def width_of(editor: EditorPage) -> float:
    """Of the picture in the window."""
    box = editor["#paper"].bounding_box()
    assert box is not None
    return box["width"]


def places(editor: EditorPage, of: str) -> np.ndarray:
    return np.array([point[of] for point in sorted(editor.page.evaluate(POINTS), key=lambda point: point["id"])])


def test_a_region_is_moved_and_one_undo_takes_it_back(editor: EditorPage) -> None:
    side = editor.size()
    editor.page.keyboard.press("l")
    assert editor.status.startswith("Draw around")
    draw(editor)
    assert editor.status.startswith("Pull inside the region") and entries(editor) == ["start"]
    before, start = editor.picture(), centre(editor, "#markers .grip.turn")
    x, y = mouth(side)
    editor.press((x, y))
    editor.move((x + 4, y + 3), steps=3)
    editor.move((x + 8, y + 6), steps=3)
    editor.until(lambda: editor.status.startswith("Following"), "it is not followed")
    editor.until_picture(differs_from=before)
    assert editor[".handle-row"].count() == 8
    editor.page.mouse.up()
    editor.until_ended()
    assert entries(editor) == ["start", "round"]
    handles, targets = places(editor, "handle"), places(editor, "target")
    assert np.linalg.norm(handles - targets, axis=1).mean() < 2.5
    # The box is where its handles are.
    scale = width_of(editor) / side
    moved = (np.array(centre(editor, "#markers .grip.turn")) - start) / scale
    assert moved == pytest.approx([8, 6], abs=3)
    editor["#undo"].click()
    editor.until(lambda: editor[".handle-row"].count() == 0, "undo took less than the whole")
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 6, "the picture was not taken back")
    assert centre(editor, "#markers .grip.turn") == pytest.approx(start, abs=1)
    editor["#redo"].click()
    editor.until(lambda: editor[".handle-row"].count() == 8, "redo")
    back = (np.array(centre(editor, "#markers .grip.turn")) - start) / scale
    assert back == pytest.approx(moved, abs=0.5)


def test_corner_and_knob_scale_and_turn_about_the_middle(editor: EditorPage) -> None:
    side = editor.size()
    editor.when_pulled("wait")
    draw(editor)
    middle = np.array(mouth(side))
    x, y = centre(editor, "#markers rect.grip")
    mx, my = editor.on_screen(mouth(side))
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(mx + 1.2 * (x - mx), my + 1.2 * (y - my), steps=4)
    editor.page.mouse.up()
    editor.until(lambda: editor[".handle-row"].count() == 8, "the corner does nothing")
    handles, targets = places(editor, "handle") - middle, places(editor, "target") - middle
    assert targets == pytest.approx(1.2 * handles, abs=0.8)
    editor.until(lambda: entries(editor) == ["start", "points"], "the targets are not in the history")

    # On top of the scale: what waits lies where it is to go.
    x, y = centre(editor, "#markers .grip.turn")
    far = my - y
    editor.page.mouse.move(x, y)
    editor.page.mouse.down()
    editor.page.mouse.move(mx + far * math.sin(0.3), my - far * math.cos(0.3), steps=4)
    editor.page.mouse.up()
    turn = np.array([[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]])

    def turned() -> bool:
        return bool(np.abs(places(editor, "target") - middle - 1.2 * handles @ turn.T).max() < 1.2)

    editor.until(turned, "the knob does not turn it")
    editor["#undo"].click()
    editor.until(lambda: np.abs(places(editor, "target") - middle - 1.2 * handles).max() < 1, "undo")
    editor["#undo"].click()
    editor.until(lambda: editor[".handle-row"].count() == 0, "undo took less than the whole")


def test_pins_hold_and_leave_fewer_points(editor: EditorPage) -> None:
    side = editor.size()
    editor.page.mouse.click(*editor.on_screen((0.5 * side, 0.3 * side)))
    editor.page.mouse.click(*editor.on_screen((0.2 * side, 0.9 * side)))
    editor.until(lambda: editor["#markers .pin"].count() == 2, "there are no pins")
    draw(editor)
    x, y = mouth(side)
    editor.when_pulled("release")
    editor.pull((x, y), (x + 5, y))
    editor.until_running_or_over()
    editor.until_ended()
    assert editor[".handle-row"].count() == 8 and editor["#markers .pin"].count() == 2
    assert entries(editor)[-1] == "round"


def test_escape_takes_a_pull_back_and_then_drops_the_region(editor: EditorPage) -> None:
    side = editor.size()
    draw(editor)
    x, y = mouth(side)
    editor.press((x, y))
    editor.move((x + 6, y), steps=4)
    editor.until(lambda: editor.status.startswith("Following"), "it is not followed")
    editor.page.keyboard.press("Escape")
    editor.page.mouse.up()
    editor.until(lambda: editor.state == "idle" and editor[".handle-row"].count() == 0, "the pull goes on")
    until_there(editor)
    editor.page.keyboard.press("Escape")
    editor.until(lambda: editor["#markers .grip"].count() == 0, "the region stays")
    # Of another image it means nothing.
    draw(editor)
    editor.page.keyboard.press("r")
    editor.until(lambda: editor["#markers .grip"].count() == 0, "the region is there over another image")


def test_keys_draw_and_pull_a_region(editor: EditorPage) -> None:
    side = editor.size()
    editor.page.keyboard.press("l")
    editor["#stage"].focus()
    editor.page.keyboard.press("ArrowLeft")
    editor.page.keyboard.press("Enter")
    for key in ("ArrowLeft", "ArrowDown", "ArrowRight"):
        for _ in range(3):
            editor.page.keyboard.press(f"Shift+{key}")
    editor.page.keyboard.press("Enter")
    until_there(editor)
    start = centre(editor, "#markers .grip.turn")
    for key in ("Shift+ArrowUp", "Shift+ArrowLeft", "Enter", "Shift+ArrowRight"):
        editor.page.keyboard.press(key)
    editor.until(lambda: editor.status.startswith("Following"), "it is not followed")
    editor.page.keyboard.press("Enter")
    editor.until_ended()
    assert editor[".handle-row"].count() == 8
    (x, y), zoom = np.subtract(centre(editor, "#markers .grip.turn"), start), width_of(editor) / side
    assert (x / zoom, y / zoom) == pytest.approx((10, 0), abs=3)


def test_fingers_on_a_phone(server, visit) -> None:
    editor = visit(server.url, width=390, height=800, has_touch=True, is_mobile=True)
    touch = editor.page.context.new_cdp_session(editor.page)

    def finger(kind: str, *points: XY) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    editor["[data-tool=region]"].first.tap()
    first, *rest = [editor.on_screen(place) for place in around(editor.size())]
    finger("touchStart", first)
    for place in rest:
        finger("touchMove", place)
    finger("touchEnd")
    until_there(editor)
    x, y = editor.on_screen(mouth(editor.size()))
    before = editor.picture()
    finger("touchStart", (x, y))
    for far in (4, 8, 12):
        finger("touchMove", (x + far, y))
        editor.page.wait_for_timeout(60)
    editor.until_picture(differs_from=before)
    finger("touchEnd")
    editor.until_ended()
    assert editor.rounds() == 1 and editor["#markers .handle"].count() == 8
    assert editor.page.evaluate("document.documentElement.scrollWidth") == 390
