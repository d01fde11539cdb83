"""What is done while there is no connection: made when it is back, or said not to be done. Nothing is lost silently."""

import pytest

from tests.server.browser.editor_page import EditorPage
from tests.server.browser.places import nose, out_of_reach

# The page loses its connection and does not try to have it back, until it is told to.
CUT = """() => import('/static/js/app.js').then(({ connection }) => {
    connection.delay = 1e9;
    connection.socket.close();
})"""
JOIN = "() => import('/static/js/app.js').then(({ connection }) => connection.open())"
SESSION = "() => import('/static/js/store.js').then((m) => m.get().session)"
HALF = """() => import('/static/js/mask/layer.js').then(({ maskLayer }) => {
    const { data } = maskLayer.forPainting();
    data.fill(0).fill(1, 0, data.length / 2);
    return maskLayer.commit();
})"""
NOTICE = ".notice.error"
NOT_DONE = "Not done: there is no connection. Try again when it is back."


def cut(editor: EditorPage) -> None:
    editor.page.evaluate(CUT)
    editor.until(lambda: "Connection lost" in editor.status, "the page did not say that the connection is lost")


def join(editor: EditorPage) -> None:
    editor.page.evaluate(JOIN)
    editor.until(lambda: "Connection lost" not in editor.status, "the page did not come back")


def told_to_another(server, visit, editor: EditorPage) -> EditorPage:
    """Another page on the same session: shows what the server has."""
    session = editor.page.evaluate("sessionStorage.getItem('draglab.session')")
    return visit(server.url, session=session)


def masked(editor: EditorPage) -> float:
    """The share of the picture that is tinted."""
    return editor.page.evaluate(
        """() => import('/static/js/mask/layer.js').then(({ maskLayer: { mask } }) =>
            mask ? mask.data.reduce((sum, value) => sum + value, 0) / mask.data.length : 0)"""
    )


def test_settings_and_masks_are_made_when_the_connection_is_back(editor, server, visit):
    cut(editor)
    field = editor["#setting-latent_space"]
    field.evaluate("(field) => { field.value = '1'; field.dispatchEvent(new Event('change')); }")
    editor.page.evaluate(HALF)
    assert editor.page.evaluate(SESSION)["settings"]["latent_space"] == "w"
    join(editor)
    other = told_to_another(server, visit, editor)
    other.until(lambda: other.page.evaluate(SESSION)["settings"]["latent_space"] == "w", "the setting was lost")
    other.until(lambda: masked(other) == 0.5, "the mask was lost")
    assert masked(editor) == 0.5 and editor.page.evaluate(SESSION)["settings"]["latent_space"] == "w"
    assert editor[NOTICE].count() == 0


@pytest.mark.parametrize(
    "act",
    [
        lambda editor: (editor["#seed"].fill("3"), editor["#seed"].press("Enter")),
        lambda editor: editor.page.keyboard.press("Control+z"),
        lambda editor: editor["#strip button"].first.click(),
    ],
    ids=["another image", "undo", "an entry of the history"],
)
def test_what_cannot_be_done_without_a_connection_is_said(editor, act):
    editor.page.mouse.click(*editor.on_screen((93, 125)))
    editor.until(lambda: len(editor.page.evaluate(SESSION)["nodes"]) == 2, "there is no handle")
    before = editor.page.evaluate(SESSION)
    cut(editor)
    act(editor)
    editor.until(lambda: editor[NOTICE].count() == 1, "nobody was told")
    assert NOT_DONE in (editor[NOTICE].text_content() or "")
    assert editor["#seed"].input_value() == str(before["start"]["seed"])
    join(editor)
    editor.page.wait_for_timeout(300)
    assert editor.page.evaluate(SESSION)["cursor"] == before["cursor"]


def test_a_question_without_a_connection_is_answered_at_once(editor):
    cut(editor)
    editor["#export"].click()
    editor["#export-dialog [data-kind=png]"].click()
    editor.until(lambda: NOT_DONE in (editor["#export-dialog"].text_content() or ""), "the dialog waits")


def test_stop_holds_until_the_connection_is_back(editor):
    side = editor.size()
    editor.page.evaluate(
        """() => import('/static/js/app.js').then((app) =>
            app.send({ type: "set_settings", settings: {
                patience: null, max_steps: 100000, descent: "first-order" } }))"""
    )
    editor.pull(nose(side), out_of_reach(side))
    editor.until_running()
    cut(editor)
    editor.page.keyboard.press("Escape")
    join(editor)
    editor.until_ended()
    assert editor.status.startswith("Stopped after")


def test_pictures_of_seeds_come_after_a_lost_connection(editor):
    cut(editor)
    editor["#start-panel [aria-label='Next seeds']"].click()
    assert editor[".seed img"].count() < editor[".seed"].count()
    join(editor)
    editor.until(lambda: editor[".seed img"].count() == editor[".seed"].count(), "pictures of seeds are missing")
