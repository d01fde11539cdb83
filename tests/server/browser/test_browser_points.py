"""Handles come, move and go as the hand says, however late the messages are."""

import json

import numpy as np
import pytest

from tests.server.browser.editor_page import EditorPage
from tests.server.browser.places import beside_nose, nose

POINTS = "() => import('/static/js/store.js').then((m) => m.get().session.points)"
PLACES = [(60, 80), (128, 60), (190, 90), (90, 130), (150, 150), (120, 200)]
SLOW = """
    // Everything of the server comes late, and not evenly so.
    const Plain = WebSocket;
    let delay = 0;
    window.WebSocket = class extends Plain {
        addEventListener(type, react) {
            if (type !== "message") return super.addEventListener(type, react);
            let last = Promise.resolve();
            super.addEventListener(type, (event) => {
                delay = (delay + 170) % 400;
                const wait = delay;
                last = last.then(() => new Promise((over) => setTimeout(over, wait))).then(() => react(event));
            });
        }
    };
"""


def places_of(editor: EditorPage) -> list[tuple[int, int]]:
    """Handles as the server has them, told to another page."""
    return sorted((round(point["handle"][0]), round(point["handle"][1])) for point in editor.page.evaluate(POINTS))


def place_all(editor: EditorPage) -> None:
    """Handles as fast as a hand can, with short pulls."""
    for x, y in PLACES:
        editor.page.mouse.move(*editor.on_screen((x, y)))
        editor.page.mouse.down()
        editor.page.mouse.move(*editor.on_screen((x + 9, y)))
        editor.page.mouse.up()


@pytest.mark.parametrize("late", [False, True])
def test_no_handle_is_lost_to_a_quick_hand(server, visit, late):
    editor = visit(server.url, script=SLOW if late else None)
    editor["#when-pulled"].select_option("wait")
    place_all(editor)
    editor.until(lambda: editor[".handle-row"].count() == len(PLACES), "a handle was lost")
    session = editor.page.evaluate("sessionStorage.getItem('draglab.session')")
    other = visit(server.url, session=session)
    other.until(lambda: places_of(other) == sorted(PLACES), "the server has other handles")
    # Every handle is a step of its own.
    for count in range(len(PLACES) - 1, -1, -1):
        other.page.keyboard.press("Control+z")
        other.until(lambda count=count: other[".handle-row"].count() == count, "undo took another number of handles")


def test_states_that_cross_a_change_do_not_undo_it(server, visit):
    """The page is told, late, how things were before its changes, and shows them all the same."""
    editor = visit(server.url, script=SLOW)
    editor["#when-pulled"].select_option("wait")
    place_all(editor)
    seen = []
    for _ in range(60):
        seen.append(editor[".handle-row"].count())
        editor.page.wait_for_timeout(20)
    assert seen[-1] == len(PLACES)
    assert seen == sorted(seen)


def test_a_change_made_without_a_connection_is_made_when_it_is_back(mortal_server, visit):
    editor: EditorPage = visit(mortal_server.url)
    editor["#when-pulled"].select_option("wait")
    editor.press(nose(editor.size()))
    editor.move(beside_nose(editor.size()))
    mortal_server.kill()
    editor.page.mouse.up()
    editor.until(lambda: "Connection lost" in editor.status, "the page did not say that the connection is lost")
    assert editor[".handle-row"].count() == 1
    mortal_server.start()
    editor.until(lambda: editor["#undo"].is_enabled(), "the page did not come back")
    session = editor.page.evaluate("sessionStorage.getItem('draglab.session')")
    other = visit(mortal_server.url, session=session)
    other.until(lambda: places_of(other) == [nose(other.size())], "the handle did not reach the server")


def test_two_pages_place_handles_in_one_session(server, visit):
    one = visit(server.url)
    two = visit(server.url, session=one.page.evaluate("sessionStorage.getItem('draglab.session')"))
    for editor in (one, two):
        editor["#when-pulled"].select_option("wait")
    for (x, y), editor in zip(PLACES, [one, two] * 3, strict=True):
        editor.press((x, y))
        editor.move((x + 8, y), steps=1)
        editor.page.mouse.up()
    for editor in (one, two):
        editor.until(lambda editor=editor: places_of(editor) == sorted(PLACES), "a handle was lost")
    assert len({json.dumps(point["id"]) for point in one.page.evaluate(POINTS)}) == len(PLACES)


def test_a_pull_elsewhere_leaves_the_handles_of_the_round_before_behind(editor):
    side = editor.size()
    editor.drag(nose(side), beside_nose(side))
    assert editor.status.startswith("Arrived")
    assert editor["#markers .handle.resting"].count() == 1
    # At the chin, downwards.
    editor.press((0.46 * side, 0.735 * side))
    editor.move((0.46 * side, 0.79 * side))
    editor.page.mouse.up()
    editor.until(lambda: editor.rounds() == 2, "no round began")
    editor.until(lambda: editor[".handle-row"].count() == 1, "the nose is pulled still")
    assert editor.numbers()[3] == pytest.approx(0.79 * side, abs=1)
    editor.page.keyboard.press("Escape")
    editor.until(lambda: editor.state == "idle", "the round does not stop")
    # Nothing is gone for good: before the round both are there.
    editor["#undo"].click()
    editor.until(lambda: editor[".handle-row"].count() == 2, "the handle before is lost")


def test_a_handle_pulled_again_goes_on(editor):
    side = editor.size()
    editor.drag(nose(side), beside_nose(side))
    x, y = editor.numbers()[:2]
    editor.pull((x, y), (x - 12, y + 4))
    editor.until(lambda: editor.rounds() == 2, "no round began")
    editor.until_ended()
    assert editor[".handle-row"].count() == 1
    assert editor.numbers()[2:] == pytest.approx((x - 12, y + 4), abs=0.6)


def test_a_click_pins_a_place_and_a_second_lets_go(editor):
    before = editor.picture()
    spot = (60, 230)
    editor.page.mouse.click(*editor.on_screen(spot))
    editor.until(lambda: editor["#markers .pin"].count() == 1, "there is no pin")
    assert editor["#markers .handle"].count() == 0
    row = editor[".handle-row"]
    assert row.get_by_text("Pin", exact=True).is_visible() and row.get_by_text("Let go").is_visible()
    editor.until(lambda: editor["#undo"].is_enabled(), "the pin is no step of the history")
    # A pin alone is no drag.
    assert editor["#run"].is_disabled()
    editor.page.mouse.click(*editor.on_screen(spot))
    editor.until(lambda: editor[".handle-row"].count() == 0, "the pin was not let go")
    editor.page.keyboard.press("Control+z")
    editor.until(lambda: editor["#markers .pin"].count() == 1, "undo did not bring the pin back")
    editor[".handle-row .let-go"].click()
    editor.until(lambda: editor["#markers .pin"].count() == 0, "the button does not let go")
    assert np.abs(editor.picture() - before).mean() < 0.5


def test_pins_stay_in_later_rounds_and_hold_the_place(editor):
    side = editor.size()
    spot = (60, 230)
    editor.page.mouse.click(*editor.on_screen(spot))
    editor.until(lambda: editor["#markers .pin"].count() == 1, "there is no pin")
    editor.drag(nose(side), (nose(side)[0] + 8, nose(side)[1]))
    x, y = editor.numbers()[:2]
    assert np.hypot(x - spot[0], y - spot[1]) < 2
    # The nose rests now; a click keeps it there, too.
    nose_now = editor.numbers(1)[:2]
    editor.page.mouse.click(*editor.on_screen((nose_now[0], nose_now[1])))
    editor.until(lambda: editor["#markers .pin"].count() == 2, "the handle was not pinned")
    editor.pull((0.46 * side, 0.735 * side), (0.46 * side, 0.76 * side))
    editor.until(lambda: editor.rounds() == 2, "no round began")
    editor.until(lambda: editor.state == "idle", "the round did not end")
    assert editor["#markers .pin"].count() == 2
    x, y = editor.numbers(1)[:2]
    assert np.hypot(x - nose_now[0], y - nose_now[1]) < 3


def test_a_pin_that_is_pulled_is_a_handle_again(editor):
    editor["#when-pulled"].select_option("wait")
    editor.page.mouse.click(*editor.on_screen((60, 100)))
    editor.until(lambda: editor["#markers .pin"].count() == 1, "there is no pin")
    editor.pull((60, 100), (80, 100))
    editor.until(lambda: editor["#markers .handle"].count() == 1, "it is no handle")
    assert editor["#markers .pin"].count() == 0
    assert editor.numbers() == pytest.approx([60, 100, 80, 100], abs=0.7)
    # One that waits for its drag keeps its target when it is clicked.
    editor.page.mouse.click(*editor.on_screen((60, 100)))
    editor.until(lambda: editor["#markers .halo"].count() == 1, "it was not selected")
    assert editor["#markers .pin"].count() == 0
