"""What leaves the page and comes back: exports, edit files, sessions after a reload or a crash."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from draglab.cli.main import main
from tests.provenance import origin_in
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import launched_server
from tests.server.browser.places import beside_nose, nose, out_of_reach

DROP = """async ([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name, {type: "application/json"}));
    for (const type of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


def export(editor: EditorPage, kind: str, folder: Path) -> Path:
    """Downloads a file by its button."""
    editor["#export"].click()
    with editor.page.expect_download() as waiting:
        editor[f'#export-dialog [data-kind="{kind}"]'].first.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    editor.page.keyboard.press("Escape")
    return path


def test_what_is_exported_is_made_again_by_the_command_line_and_by_dropping_it(editor, server, visit, tmp_path):
    side = editor.size()
    before = editor.picture()
    editor.drag(nose(side), beside_nose(side))
    editor.until_picture(differs_from=before)
    picture, edit = export(editor, "png", tmp_path), export(editor, "json", tmp_path)

    again = tmp_path / "again.png"
    assert main(["drag", str(edit), "-o", str(again), "--device", "cpu"]) == 0
    exported = np.asarray(Image.open(picture))
    np.testing.assert_array_equal(np.asarray(Image.open(again)), exported)

    other = visit(server.url)
    other.page.evaluate(DROP, ["edit.json", edit.read_text()])
    other.until(lambda: other.rounds() == 1 and other.state == "idle", "the dropped edit is not shown")
    other.until(lambda: np.abs(other.picture() - exported).mean() < 3, "the dropped edit shows another picture")

    steps = json.loads(edit.read_text())["rounds"][0]["steps"]
    assert other["#timeline"].get_attribute("max") == str(steps)


def test_exports_bear_the_visible_mark_when_it_is_switched_on(editor, server, visit, tmp_path):
    plain = export(editor, "png", tmp_path).read_bytes()
    editor["#export"].click()
    editor["#export-dialog .switch >> text=into the corner"].click()
    assert editor["#visible-mark"].is_checked()
    editor.page.keyboard.press("Escape")
    marked = export(editor, "png", tmp_path).read_bytes()
    assert not origin_in(plain).marked and origin_in(marked).marked
    before, after = (np.asarray(Image.open(io.BytesIO(data))).astype(int) for data in (plain, marked))
    rows, columns = np.nonzero(np.abs(before - after).max(-1))
    side = editor.size()
    assert rows.min() > side * 0.8 and columns.min() > side * 0.8, "the mark is not in the corner"

    # The browser remembers it.
    editor.page.reload()
    editor.until_shown()
    editor["#export"].click()
    assert editor["#visible-mark"].is_checked() and editor["#visible-mark"].is_enabled()


def test_where_the_server_marks_everything_nobody_can_switch_it_off(chromium, visit, tmp_path, monkeypatch):
    monkeypatch.setenv("DRAGLAB_MARK", "on")
    with launched_server(tmp_path / "server") as marking:
        editor = visit(marking.url)
        editor["#export"].click()
        assert editor["#visible-mark"].is_checked() and editor["#visible-mark"].is_disabled()
        assert "This server" in (editor['#export-dialog [aria-label="Visible mark"]'].text_content() or "")
        editor.page.keyboard.press("Escape")
        assert origin_in(export(editor, "png", tmp_path).read_bytes()).marked


def test_a_file_that_is_no_edit_is_refused_with_a_reason(editor):
    editor.page.evaluate(DROP, ["holiday.json", "{}"])
    notice = editor[".notice.error"]
    notice.wait_for()
    assert "holiday.json cannot be opened" in (notice.text_content() or "")
    assert editor.state == "idle"
    # The browser says so too, in its console.
    editor.problems.clear()


def test_a_video_is_told_from_an_edit_before_it_is_sent(editor):
    sent = []
    editor.page.on("request", lambda request: sent.append(request.url))
    editor.page.evaluate(DROP, ["holiday.json", "\0\0\0\x20ftypisom" + "x" * 100])
    editor[".notice.error"].wait_for()
    said = editor[".notice.error"].text_content() or ""
    assert said == "holiday.json is a video: open a photo, or a file that draglab has saved."
    assert not any("upload" in url for url in sent)


def test_a_reloaded_tab_goes_on_with_its_drag(editor):
    side = editor.size()
    editor.pull(nose(side), out_of_reach(side))
    editor.until_running()
    editor.page.reload()
    editor.until_shown()
    editor.until(lambda: editor.rounds() == 1, "the round is lost")
    assert editor.numbers()[2:] == [side - 2, side - 2]
    editor.page.keyboard.press("Escape")
    editor.until(lambda: editor.state == "idle", "the round cannot be stopped after a reload")


def test_a_killed_server_loses_nothing_and_the_page_comes_back_by_itself(mortal_server, visit):
    editor: EditorPage = visit(mortal_server.url)
    side = editor.size()
    editor.pull(nose(side), out_of_reach(side))
    editor.until_running()
    editor.until(lambda: "Step 1 " not in editor.status, "the drag does not go on")
    mortal_server.kill()
    editor.until(lambda: "Connection lost" in editor.status, "the page did not say that the connection is lost")
    assert editor["#run"].is_disabled()

    mortal_server.start()
    editor.until(lambda: editor.state == "idle" and editor["#run"].is_enabled(), "the page did not come back")
    assert editor.rounds() == 1
    assert int(editor["#timeline"].get_attribute("max") or 0) >= 1
    before = editor.picture()
    editor.page.keyboard.press(" ")
    editor.until_running()
    editor.until_picture(differs_from=before)

    # Who opens the page anew is offered that session.
    editor.page.keyboard.press("Escape")
    editor.until_ended()
    other = visit(mortal_server.url)
    other[".notice p >> text=Go on where you left off?"].wait_for()
    other[".notice button >> text=Go on"].click()
    other.until(lambda: other.rounds() == 2, "the session was not opened")
