"""Earlier sessions: their pictures, another name, deleting and taking that back."""

from __future__ import annotations

from tests.server.browser.places import beside_nose, nose


def test_earlier_sessions_are_renamed_deleted_and_brought_back(editor):
    keys = editor.page.keyboard
    editor.drag(nose(editor.size()), beside_nose(editor.size()))
    editor.until(lambda: editor["#strip img"].count() >= 2, "the history has no pictures")
    editor["#open"].click()
    editor["#open-dialog >> text=New session"].click()
    editor.until(lambda: editor.rounds() == 0, "no new session began")

    editor["#open"].click()
    row = editor["#open-dialog .sessions li"].first
    row.wait_for()
    assert "1 drag" in (row.text_content() or "")
    shown = row.locator("img")
    editor.until(lambda: shown.evaluate("(img) => img.complete && img.naturalWidth") == 96, "the row has no picture")
    row.locator("text=Rename").click()
    keys.type("Grandfather 顔")
    keys.press("Enter")
    named = editor["#open-dialog .sessions li >> text=Grandfather 顔"]
    named.wait_for()
    assert editor["#open-dialog"].is_visible()

    editor['[aria-label^="Delete Grandfather 顔"]'].click()
    editor["#open-dialog >> text=Grandfather 顔 is deleted."].wait_for()
    editor["#open-dialog .sessions >> text=Undo"].click()
    named.wait_for()
    editor.page.keyboard.press("Escape")
    editor["#open"].click()
    named.click()
    editor.until(lambda: editor.rounds() == 1, "what was brought back cannot be opened")


def test_pictures_of_the_history_are_kept_when_the_page_is_opened_again(editor):
    fetched = """() => performance.getEntriesByType("resource").filter((each) => each.name.includes("/thumbnails/"))
        .map((each) => each.transferSize)"""
    editor.drag(nose(editor.size()), beside_nose(editor.size()))
    editor.until(lambda: editor["#strip img"].count() == 2, "the history has no pictures")
    editor.page.wait_for_timeout(300)
    for _ in range(2):
        editor.open()
        editor.until(lambda: editor["#strip img"].count() == 2, "the history has no pictures any more")
        editor.page.wait_for_timeout(300)
    assert editor.page.evaluate(fetched) == [0, 0], "they were fetched again"


def test_a_deleted_session_is_gone_when_the_list_is_closed(editor):
    editor.drag(nose(editor.size()), beside_nose(editor.size()))
    editor.until(lambda: editor["#strip img"].count() >= 2, "the history has no pictures")
    editor["#open"].click()
    editor["#open-dialog >> text=New session"].click()
    editor.until(lambda: editor.rounds() == 0, "no new session began")
    editor["#open"].click()
    rows = editor["#open-dialog .sessions li"]
    rows.first.wait_for()
    before = rows.count()
    rows.first.locator('[aria-label^="Delete"]').click()
    editor["#open-dialog >> text=is deleted."].wait_for()
    editor.page.keyboard.press("Escape")
    editor["#open"].click()
    editor["#open-dialog >> text=New session"].wait_for()
    editor.until(lambda: rows.count() == before - 1, "the deleted session is still listed")


def test_a_list_that_comes_late_does_not_take_a_name_that_is_being_written(editor):
    editor.drag(nose(editor.size()), beside_nose(editor.size()))
    editor["#open"].click()
    editor["#open-dialog >> text=New session"].click()
    editor.until(lambda: editor.rounds() == 0, "no new session began")
    # As from a server that is busy: the answer comes while the person writes.
    editor.page.evaluate(
        """() => {
            document.querySelector("#open").click();
            [...document.querySelectorAll("#open-dialog .rename")][0].click();
        }"""
    )
    editor.page.keyboard.type("Grand")
    editor.page.wait_for_timeout(700)
    editor.page.keyboard.type("father")
    editor.page.keyboard.press("Enter")
    editor["#open-dialog .sessions li >> text=Grandfather"].first.wait_for()
