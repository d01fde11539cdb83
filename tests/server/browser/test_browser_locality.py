"""What a drag keeps by itself: a slider, and a veil over the picture while there is something to be dragged."""

from __future__ import annotations

import numpy as np

from tests.server.browser.editor_page import EditorPage
from tests.server.browser.places import beside_nose, nose

LOCALITY = "() => import('/static/js/store.js').then((m) => m.get().session.settings.locality)"


def keys(editor: EditorPage, *names: str) -> None:
    editor["#setting-locality"].focus()
    for name in names:
        editor.page.keyboard.press(name)


def corner(editor: EditorPage) -> float:
    """Brightness of the background, far from the nose."""
    side = editor.size()
    return float(editor.picture()[: side // 8, -side // 8 :].mean())


def test_what_is_kept_is_dimmed_until_it_is_dragged(editor: EditorPage) -> None:
    side = editor.size()
    editor.when_pulled("wait")
    bright = corner(editor)
    editor["#show-held"].set_checked(True, force=True)
    editor.pull(nose(side), beside_nose(side))
    editor.until(lambda: editor["#run"].is_enabled(), "there is nothing to run")
    editor.until(lambda: corner(editor) < bright - 5, "what is kept is not dimmed by itself")
    # With the lowest value everything may follow.
    keys(editor, "End")
    editor.until(lambda: editor.page.evaluate(LOCALITY) == 0, "the slider does nothing")
    assert editor["#setting-locality"].get_attribute("aria-valuetext") == "Everything"
    editor.until(lambda: abs(corner(editor) - bright) < 1, "it is dim although everything may follow")
    keys(editor, "Home")
    editor.until(lambda: editor.page.evaluate(LOCALITY) == 1000, "the slider does nothing")
    editor.until(lambda: corner(editor) < 0.7 * bright, "what is kept is not dimmed")
    dark = corner(editor)
    editor["#setting-locality"].fill("0.5")
    editor.until(lambda: editor.page.evaluate(LOCALITY) == 100, "the middle is another value")
    editor.until(lambda: dark + 5 < corner(editor) < bright - 5, "less that is kept is as dark")
    x, y = nose(side)
    around = np.s_[y - 4 : y + 4, x + 8 : x + 16]
    lit = editor.picture()[around].mean()
    editor["#stage"].focus()
    editor["#show-held"].set_checked(False, force=True)
    editor.until(lambda: abs(corner(editor) - bright) < 1, "the switch does not light it")
    # What follows is hardly dimmed.
    assert lit > 0.9 * editor.picture()[around].mean()
    keys(editor, "ArrowLeft")
    editor.until(lambda: corner(editor) < bright - 5, "who is at the slider sees nothing")
    editor["#stage"].focus()
    editor.until(lambda: abs(corner(editor) - bright) < 1, "it stays dim")
    editor["#show-held"].set_checked(True, force=True)
    editor.until(lambda: corner(editor) < bright - 5, "it does not come back")
    editor["#run"].click()
    editor.until_running_or_over()
    editor.until(lambda: abs(corner(editor) - bright) < 4, "it covers a drag")
    editor.until_ended()
    assert abs(corner(editor) - bright) < 4
    editor["#handle-settings button"].click()
    editor.until(lambda: editor.page.evaluate(LOCALITY) == 100, "the model's own value is not restored")
    editor.until(lambda: editor["#handle-settings button"].is_disabled(), "it is still said to be changed")


def test_a_mask_decides_instead(editor: EditorPage) -> None:
    side = editor.size()
    editor.when_pulled("wait")
    bright = corner(editor)
    editor["#show-held"].set_checked(True, force=True)
    editor.pull(nose(side), beside_nose(side))
    keys(editor, "Home")
    editor.until(lambda: corner(editor) < 0.7 * bright or corner(editor) < 60, "what is kept is not dimmed")
    dark = corner(editor)
    editor.page.keyboard.press("b")
    editor.press((side / 2, side / 2))
    editor.move((side / 2, side / 2 + 20))
    editor.page.mouse.up()
    editor.page.keyboard.press("m")
    editor.until(lambda: corner(editor) > dark + 20, "the veil lies over a mask")
