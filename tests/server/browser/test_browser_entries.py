"""What makes an entry of the history, and going to one."""

from __future__ import annotations

from tests.server.browser.editor_page import EditorPage
from tests.server.browser.places import beside_nose, nose, out_of_reach


def entries(editor: EditorPage) -> int:
    return editor.page.evaluate("() => import('/static/js/store.js').then((m) => m.get().session.nodes.length)")


def truncation(editor: EditorPage) -> float:
    return editor.page.evaluate("() => import('/static/js/store.js').then((m) => m.get().session.start.truncation_psi)")


def test_a_row_of_arrow_keys_on_a_slider_is_one_entry(editor):
    editor["#truncation"].focus()
    for _ in range(4):
        editor.page.keyboard.press("ArrowLeft")
        editor.page.wait_for_timeout(120)
    assert entries(editor) == 1, "nothing may be kept while keys are pressed"
    assert editor["#truncation"].input_value() == "0.8"
    editor.until(lambda: entries(editor) == 2, "the pause did not end the row of presses")
    assert truncation(editor) == 0.8
    # Leaving the field ends it at once, and so does another key.
    editor.page.keyboard.press("ArrowLeft")
    editor.page.keyboard.press("ArrowLeft")
    editor["#seed"].focus()
    editor.until(lambda: entries(editor) == 3, "leaving the field did not end the row of presses", 0.7)
    editor["#truncation"].focus()
    editor.page.keyboard.press("Home")
    editor.page.keyboard.press("Control+z")
    editor.until(
        lambda: entries(editor) == 4 and truncation(editor) == 0.7, "undo did not take back the presses before it"
    )
    # A mouse needs no pause.
    editor["#truncation"].click()
    editor.until(lambda: entries(editor) == 5, "a click is not taken at once", 0.7)


def test_a_seed_by_arrow_keys_is_one_entry(editor):
    seed = int(editor["#seed"].input_value())
    editor["#seed"].focus()
    for _ in range(3):
        editor.page.keyboard.press("ArrowUp")
    editor.page.keyboard.press("Enter")
    editor.until(lambda: entries(editor) == 2, "Enter did not end the row of presses", 0.7)
    editor.page.wait_for_timeout(1200)
    assert entries(editor) == 2 and editor["#seed"].input_value() == str(seed + 3)


def test_another_thumbnail_ends_a_drag_and_is_shown(editor):
    side = editor.size()
    editor.drag(nose(side), beside_nose(side))
    first = editor['#strip [data-kind="round"]'].get_attribute("data-node")
    editor.pull(beside_nose(side), out_of_reach(side))
    editor.until_running()
    editor.until(lambda: "Step 1 " not in editor.status, "the drag does not go on")
    editor['#strip [data-kind="start"]'].click()
    editor.until(lambda: editor.state == "idle", "the drag goes on")
    editor.until(
        lambda: editor['#strip [data-kind="start"]'].get_attribute("aria-current") == "step", "the start is not shown"
    )
    nodes = editor.page.evaluate("() => import('/static/js/store.js').then((m) => m.get().session.nodes)")
    rounds = [node for node in nodes if node["kind"] == "round"]
    assert [str(rounds[0]["id"]), rounds[1]["end"]] == [first, "stopped"]
