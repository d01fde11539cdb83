"""A drag that cannot arrive: it ends at its best step, says why, and goes on if somebody wants that."""

import re

import numpy as np
import pytest

from tests.server.browser.editor_page import EditorPage
from tests.server.browser.places import nose, out_of_reach

IMPATIENT = """() => import('/static/js/app.js').then((app) =>
    app.send({type: "set_settings", settings: {patience: 4, max_steps: 10000, descent: "first-order"}}))"""


def frames(editor: EditorPage) -> dict[str, int]:
    """Of the round that is shown."""
    return editor.page.evaluate(
        """() => import('/static/js/store.js').then((store) => {
            const { nodes, cursor } = store.get().session;
            return nodes.find((node) => node.id === cursor);
        })"""
    )


def test_a_drag_that_gives_up_keeps_its_best_step_and_can_go_on(editor):
    side = editor.size()
    editor.page.evaluate(IMPATIENT)
    editor.when_pulled("release")
    before = editor.picture()
    editor.pull(nose(side), out_of_reach(side))
    editor.until_running_or_over()
    editor.until_ended()
    assert editor.status.startswith("Stopped: the point no longer moves closer; ")
    round_ = frames(editor)
    assert round_["kept"] < round_["frames"]
    assert f"Step {round_['kept']} of {round_['frames']} is kept." in editor.status
    assert editor["#timeline-text"].text_content() == f"{round_['kept']} / {round_['frames']}"
    best = editor.until_picture(differs_from=before)
    editor.page.wait_for_timeout(200)
    best = editor.picture()

    # All steps can still be looked at.
    editor["#timeline"].focus()
    editor.page.keyboard.press("End")
    editor.until(lambda: editor.frame_shown() == round_["frames"], "the last step is not shown")
    assert "earlier step" in editor.status or "another step" in editor.status
    for _ in range(round_["frames"] - round_["kept"]):
        editor.page.keyboard.press("ArrowLeft")
    editor.until(lambda: editor.status.startswith("Stopped:"), "the kept step is not where the slider says")
    editor.until(lambda: np.abs(editor.picture() - best).mean() < 2.5, "the kept step is not shown")

    editor["#go-on"].click()
    editor.until_running()
    editor.until(lambda: steps_said(editor) >= round_["frames"] + 6, "it does not go on where it stopped", 60)
    assert editor["#go-on"].is_hidden()
    assert editor.rounds() == 1
    editor["#run"].click()
    editor.until_ended()
    assert editor["#go-on"].is_hidden()
    assert editor.status.startswith("Stopped after")


def steps_said(editor: EditorPage) -> int:
    """Number of the step that the status names; 0 = it names none."""
    found = re.search(r"Step (\d+)", editor.status)
    return int(found[1]) if found else 0


def ends(editor: EditorPage) -> tuple[int, int]:
    """Numbers of arrows: solid up to where the picture comes, and dashed beyond."""
    beyond = editor["#markers .arrow.beyond:not(.under)"].count()
    return editor["#markers .arrow:not(.under):not(.beyond)"].count(), beyond


@pytest.mark.parametrize("way", ["follow", "release"])
def test_what_is_out_of_reach_is_said_and_shown_before_the_drag_ends(editor, way):
    side = editor.size()
    editor.when_pulled(way)
    x, y = nose(side)
    # Slow enough to look at it; steps that are too small bring a picture at the end of its reach nowhere.
    editor.slow_down(0.3 if way == "release" else 1.0)
    editor.press((x, y))
    editor.move((side - 20.0, y), steps=8)
    if way == "release":
        editor.page.mouse.up()
    editor.until(lambda: "out of reach" in editor.status, "nothing is said of what is out of reach")
    editor.until(lambda: ends(editor)[1] == 1, "the way beyond is not dashed")
    if way == "follow":
        assert re.fullmatch(r"Following · .* behind your hand: that is out of reach", editor.status)
        # The hand turns: the picture goes with it as far as it can.
        editor.at_rest(3000)
        before = editor.numbers()[1]
        editor.move((side - 20.0, y - 90), steps=8)
        editor.until(lambda: editor.numbers()[1] < before - 4, "the picture does not turn with the hand")
        editor.page.mouse.up()
    editor.until_ended()
    assert "as far as the picture goes without breaking" in editor.status
    assert ends(editor)[1] == 1
    assert editor["#markers .target.beyond"].count() == 2
    left = np.hypot(*(np.subtract(editor.numbers()[:2], editor.numbers()[2:])))
    assert left > side / 10
    editor["#go-on"].click()
    editor.until_running_or_over()
    editor.until(lambda: np.hypot(*np.subtract(editor.numbers()[:2], editor.numbers()[2:])) < left - 5, "it stays")
    editor.page.keyboard.press("Escape")
    editor.until(lambda: editor.state == "idle", "it does not stop")


def test_an_arrow_within_reach_is_whole(editor):
    editor.when_pulled("wait")
    side = editor.size()
    x, y = nose(side)
    editor.pull((x, y), (x + 25, y))
    editor.until(lambda: editor["#run"].is_enabled(), "nothing to run")
    assert ends(editor) == (1, 0)
    editor["#run"].click()
    editor.until_ended()
    assert editor.status.startswith("Arrived") and ends(editor)[1] == 0


def test_a_small_picture_that_is_replaced_while_the_page_asks_for_it_is_asked_for_anew(editor):
    """Nothing of it is an error in the console, and the current picture is shown at last."""
    side = editor.size()
    editor.page.evaluate(IMPATIENT)
    editor.when_pulled("release")
    editor.until(lambda: editor["#strip img"].count() == 1, "the start has no picture")
    held = []
    editor.page.route("**/thumbnails/**", lambda route: held.append(route))
    editor.pull(nose(side), out_of_reach(side))
    editor.until_running_or_over()
    editor.until_ended()
    editor.until(lambda: held, "the picture of the drag was not asked for")
    replaced = frames(editor)["picture"]
    assert held[-1].request.url.endswith(f"/{replaced}")
    editor["#go-on"].click()
    editor.until_running()
    editor["#run"].click()
    editor.until_ended()
    assert frames(editor)["picture"] != replaced
    with editor.page.expect_response(f"**/thumbnails/*/{replaced}") as answer:
        # The requests that are held are sent then.
        editor.page.unroute("**/thumbnails/**")
    assert answer.value.status == 204
    shown = editor['#strip [data-kind="round"] img']
    editor.until(lambda: shown.evaluate("(img) => img.complete && img.naturalWidth") == 96, "there is no picture")
    assert (shown.get_attribute("src") or "").endswith(f"/{frames(editor)['picture']}")
