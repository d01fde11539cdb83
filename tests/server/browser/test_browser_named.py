"""Named edits: buttons that place handles, which one undo takes back."""

from __future__ import annotations

from typing import Any

import numpy as np

from draglab.checkpoints import load_generator
from draglab.editor.faces import place_named
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.test_browser_following import entries

POINTS = "() => import('/static/js/store.js').then((m) => m.get().session.points)"
START = "() => import('/static/js/store.js').then((m) => m.get().session.start)"


def strengthen(editor: EditorPage, value: str) -> None:
    editor["#named-strength"].evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }", value
    )


def until_placed(editor: EditorPage, number: int) -> list[dict[str, Any]]:
    editor.until(lambda: len(editor.page.evaluate(POINTS)) == number, "the handles are not placed")
    return editor.page.evaluate(POINTS)


def test_a_button_places_handles_and_undo_takes_them_back(editor: EditorPage) -> None:
    editor["[data-edit=smile]"].wait_for(state="visible")
    strengthen(editor, "0.5")
    editor["[data-edit=smile]"].click()
    points = until_placed(editor, 4)
    start = editor.page.evaluate(START)
    generator = load_generator("heads", device="cpu")
    w_plus = generator.w_plus_from_seed(start["seed"], start["truncation_psi"])
    wanted = place_named(generator, w_plus, {"smile": 0.5})
    assert np.allclose([point["handle"] for point in points], wanted.handles, atol=0.2)
    assert np.allclose([point["target"] for point in points], wanted.targets, atol=0.2)
    assert [point["pin"] for point in points] == [False, False, True, True]
    assert entries(editor)[-1] == "points" and editor.rounds() == 0  # nothing is dragged yet
    # Another takes their place, and is dragged like any handles.
    strengthen(editor, "1")
    editor["[data-edit=turn-left]"].click()
    until_placed(editor, 2)
    before = editor.picture()
    editor["#run"].click()
    editor.until_running_or_over()
    editor.until_ended()
    editor.until_picture(differs_from=before)
    for number in (2, 4, 0):
        editor["#undo"].click()
        until_placed(editor, number)


def test_models_without_faces_have_no_buttons(editor: EditorPage) -> None:
    editor["[data-edit=smile]"].wait_for(state="visible")
    editor.page.evaluate(
        "() => import('/static/js/app.js').then((m) => m.send({type: 'set_start', start: {model: 'hands', seed: 1}}))"
    )
    editor["#named-edits"].wait_for(state="hidden")
    editor.page.wait_for_timeout(500)
    assert editor["#named-edits"].is_hidden()
