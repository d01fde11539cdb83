"""A drag that cannot arrive: it ends at its best step, says why, and goes on if somebody wants that."""

import numpy as np

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
    editor.until(lambda: f"Step {round_['frames'] + 6}" in editor.status, "it does not go on where it stopped", 60)
    assert editor["#go-on"].is_hidden()
    assert editor.rounds() == 1
    editor["#run"].click()
    editor.until_ended()
    assert editor["#go-on"].is_hidden()
    assert editor.status.startswith("Stopped after")
