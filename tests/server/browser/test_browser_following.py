"""The picture follows the hand while it pulls: with a mouse, fingers and keys."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from PIL import Image

from draglab.cli.main import main
from tests.server.browser.editor_page import XY, EditorPage
from tests.server.browser.places import beside_nose, nose
from tests.server.browser.test_browser_files import export


def between(start: XY, end: XY, share: float) -> XY:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def until_near(editor: EditorPage, target: XY, pixels: float = 2.0) -> None:
    """Wait until the handle is there, with the hand still down."""

    def near() -> bool:
        numbers = editor.numbers()
        return len(numbers) == 4 and math.dist(numbers[:2], target) <= pixels

    editor.until(near, "the handle did not follow")


def entries(editor: EditorPage) -> list[str]:
    return [entry.get_attribute("data-kind") or "" for entry in editor["#strip .entry"].all()]


def at_rest(editor: EditorPage) -> np.ndarray:
    """The picture once no newer one comes."""
    while True:
        picture = editor.picture()
        editor.page.wait_for_timeout(500)
        if np.abs(editor.picture() - picture).max() == 0:
            return picture


def followed(editor: EditorPage, start: XY, end: XY) -> np.ndarray:
    """Pull slowly, and return the picture that is shown while the hand is still down."""
    before = editor.picture()
    editor.press(start)
    for share in (0.25, 0.5, 0.75, 1.0):
        editor.move(between(start, end, share), steps=3)
        editor.page.wait_for_timeout(60)
    until_near(editor, end)
    assert editor.state == "running"
    assert re.fullmatch(r"Following · [\d.]+ px behind your hand", editor.status)
    editor.until_picture(differs_from=before)
    return at_rest(editor)


def test_the_picture_follows_the_hand_and_a_pull_is_one_entry(editor, tmp_path):
    side = editor.size()
    before = editor.picture()
    shown = followed(editor, nose(side), beside_nose(side))
    assert entries(editor) == ["start"]
    editor.page.mouse.up()
    editor.until_ended()
    assert editor.status.startswith("Arrived after")
    assert entries(editor) == ["start", "round"]
    # Little changes after that: the picture was there already.
    after = at_rest(editor)
    assert np.abs(after - shown).mean() < 0.3 * np.abs(after - before).mean()

    picture, edit = export(editor, "png", tmp_path), export(editor, "json", tmp_path)
    (one,) = json.loads(edit.read_text())["rounds"]
    assert one["moved"] and one["steps"] >= 4
    again = tmp_path / "again.png"
    assert main(["drag", str(edit), "-o", str(again), "--device", "cpu"]) == 0
    np.testing.assert_array_equal(np.asarray(Image.open(again)), np.asarray(Image.open(picture)))

    editor.page.keyboard.press("Control+z")
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 0.5, "undo did not take the pull back")
    assert editor[".handle-row"].count() == 0 and editor["#undo"].is_disabled()
    editor.page.keyboard.press("Control+y")
    editor.until(lambda: np.abs(editor.picture() - after).mean() < 0.5, "redo did not bring it back")


@pytest.mark.parametrize("key", ["Escape", "Control+z"])
def test_taken_back_it_is_as_if_nobody_had_pulled(editor, key):
    side = editor.size()
    before = editor.picture()
    followed(editor, nose(side), beside_nose(side))
    editor.page.keyboard.press(key)
    editor.until(lambda: editor.state == "idle", "the pull goes on")
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 0.5, "the picture was not taken back")
    assert editor[".handle-row"].count() == 0 and editor["#markers .handle"].count() == 0
    # The hand that is still down does nothing more.
    editor.move((nose(side)[0], side / 4))
    editor.page.mouse.up()
    editor.page.wait_for_timeout(300)
    assert editor.state == "idle" and entries(editor) == ["start"]
    assert editor["#undo"].is_disabled() and editor["#redo"].is_disabled()
    # And the next press pulls again.
    followed(editor, nose(side), beside_nose(side))
    editor.page.mouse.up()
    editor.until_ended()
    assert entries(editor) == ["start", "round"]


def test_it_waits_for_a_hand_that_rests(editor):
    side = editor.size()
    start, end = nose(side), beside_nose(side)
    followed(editor, start, between(start, end, 0.5))
    editor.page.wait_for_timeout(700)
    assert editor.state == "running"
    resting = editor.picture()
    editor.move(end)
    until_near(editor, end)
    editor.until_picture(differs_from=resting)
    editor.page.mouse.up()
    editor.until_ended()
    assert editor.rounds() == 1


def test_run_when_i_let_go_stays_and_is_remembered(editor):
    side = editor.size()
    editor["#when-pulled"].select_option("release")
    editor.page.reload()
    editor.until_shown()
    editor.until(lambda: editor["#when-pulled"].input_value() == "release", "it was not remembered")
    before = editor.picture()
    editor.press(nose(side))
    editor.move(beside_nose(side))
    editor.page.wait_for_timeout(400)
    assert editor.state == "idle" and np.abs(editor.picture() - before).mean() < 0.5
    editor.page.mouse.up()
    editor.until_running_or_over()
    editor.until_ended()
    assert entries(editor) == ["start", "points", "round"]

    editor["#when-pulled"].select_option("wait")
    editor.pull((60, 80), (60, 90))
    editor.until(lambda: editor[".handle-row"].count() == 2, "the pull was lost")
    editor.page.wait_for_timeout(300)
    assert editor.state == "idle" and editor.rounds() == 1


def test_a_pull_before_the_last_has_arrived_is_an_entry_of_its_own(editor):
    side = editor.size()
    followed(editor, nose(side), beside_nose(side))
    editor.move((beside_nose(side)[0] + side / 8, beside_nose(side)[1]), steps=1)
    editor.page.mouse.up()
    start = (round(0.25 * side), round(0.3 * side))
    editor.press(start)
    editor.move((start[0], start[1] + side / 20), steps=4)
    editor.until(lambda: editor[".handle-row"].count() == 2, "the second handle is not there")
    editor.until(lambda: editor.status.startswith("Following"), "the second pull is not followed")
    editor.page.mouse.up()
    editor.until_ended()
    assert entries(editor) == ["start", "round", "round"]
    editor["#undo"].click()
    editor.until(lambda: editor[".handle-row"].count() == 1, "undo took more or less than one pull back")


def test_stop_ends_the_pull_although_the_hand_is_down(editor):
    side = editor.size()
    followed(editor, nose(side), beside_nose(side))
    editor.page.keyboard.press("Space")
    editor.until(lambda: editor.state == "idle" and entries(editor) == ["start", "round"], "it goes on")
    editor.move((nose(side)[0], side / 2))
    editor.page.mouse.up()
    editor.page.wait_for_timeout(300)
    assert editor.state == "idle" and editor.rounds() == 1


def test_another_window_sees_it_and_a_window_that_goes_lets_go(editor, server):
    session = editor.page.evaluate("() => import('/static/js/store.js').then((m) => m.get().session.session)")
    second = editor.page.context.new_page()
    second.add_init_script(f"sessionStorage.setItem('draglab.session', '{session}')")
    other = EditorPage(second, server.url).open()
    side = editor.size()
    before = other.picture()
    followed(editor, nose(side), beside_nose(side))
    other.until_picture(differs_from=before)
    until_near(other, beside_nose(side))
    assert other.numbers()[2:] == pytest.approx(beside_nose(side), abs=0.5)
    editor.page.close()
    other.until(lambda: other.state == "idle" and other.rounds() == 1, "nobody let go")
    assert other.status.startswith("Arrived")


def test_fingers_on_a_phone_are_followed(server, visit):
    editor = visit(server.url, width=390, height=800, has_touch=True, is_mobile=True)
    side = editor.size()
    before = editor.picture()
    touch = editor.page.context.new_cdp_session(editor.page)

    def fingers(kind: str, *points: XY) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    start, end = nose(side), beside_nose(side)
    fingers("touchStart", editor.on_screen(start))
    for share in (0.3, 0.6, 1.0):
        fingers("touchMove", editor.on_screen(between(start, end, share)))
        editor.page.wait_for_timeout(60)
    editor.until_picture(differs_from=before)
    assert editor.state == "running"
    # A second finger zooms: the pull is taken back.
    x, y = editor.on_screen(end)
    fingers("touchStart", (x, y), (x, y + 60))
    fingers("touchEnd")
    editor.until(lambda: editor.state == "idle", "the pull goes on")
    editor.until(lambda: np.abs(editor.picture() - before).mean() < 0.5, "the picture was not taken back")

    fingers("touchStart", editor.on_screen(start))
    fingers("touchMove", editor.on_screen(between(start, end, 0.5)))
    fingers("touchMove", editor.on_screen(end))
    editor.until(lambda: editor.status.startswith("Following"), "it is not followed")
    fingers("touchEnd")
    editor.until_ended()
    editor.until(lambda: editor.status.startswith("Arrived"), "it did not arrive")
    assert editor.rounds() == 1
    assert editor.page.evaluate("document.documentElement.scrollWidth") == 390


def test_with_a_mask_it_follows_too(editor):
    side = editor.size()
    editor["#mask-panel .choice.frozen"].click()
    editor.page.keyboard.press("b")
    editor.press((side / 16, side / 2))
    editor.move((side / 16, side - 1.0))
    editor.page.mouse.up()
    editor.until(lambda: editor['#strip [data-kind="mask"]'].count() == 1, "the stroke is not in the history")
    editor.page.keyboard.press("m")
    editor.page.keyboard.press("v")
    before = editor.picture()
    editor.press(nose(side))
    editor.move(beside_nose(side), steps=4)
    editor.until_picture(differs_from=before)
    assert editor.state == "running"
    editor.page.mouse.up()
    editor.until_ended()
    assert entries(editor) == ["start", "mask", "round"]
