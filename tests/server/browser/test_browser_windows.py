"""What is seen before there is anything to see, and two windows on one session."""

from __future__ import annotations

from tests.server.browser.editor_page import EditorPage
from tests.server.browser.places import beside_nose, nose

NO_ANSWER = "window.WebSocket = class extends EventTarget { send() {} close() {} }"
UNFINISHED = ("#zoom-value", "#run", "#seed", "#truncation", "#timeline", "#undo", "#export", "#setting-r1", "#model")


def test_nothing_unfinished_is_shown_before_the_first_state(server, chromium):
    person = chromium.new_context()
    page = person.new_page()
    page.add_init_script(NO_ANSWER)
    page.goto(server.url)
    page.wait_for_selector("#start-panel input", state="attached")
    assert page.locator("#empty-text").is_visible()
    assert [selector for selector in UNFINISHED if page.locator(selector).is_visible()] == []
    person.close()


def test_all_of_it_is_shown_then(editor):
    for selector in set(UNFINISHED) - {"#setting-r1"}:
        assert editor[selector].is_visible(), selector


def test_two_windows_say_so_and_show_the_same(editor, server):
    session = editor.page.evaluate("() => import('/static/js/store.js').then((m) => m.get().session.session)")
    second = editor.page.context.new_page()
    second.add_init_script(f"sessionStorage.setItem('draglab.session', '{session}')")
    other = EditorPage(second, server.url).open()
    for window in (editor, other):
        window.until(
            lambda window=window: "open in 2 windows" in (window["#title"].text_content() or ""), "nothing says so"
        )
        window[".notice >> text=This session is open in 2 windows."].wait_for()

    side = editor.size()
    editor.when_pulled("release")
    editor.drag(nose(side), beside_nose(side))
    other.until(lambda: other.rounds() == 1 and other.state == "idle", "the drag is not in the other window")
    assert other.status == editor.status and other.numbers() == editor.numbers()
    second.keyboard.press("Control+z")
    editor.until(lambda: editor["#strip [aria-current]"].get_attribute("data-kind") == "points", "undo stayed there")

    second.close()
    editor.until(lambda: "windows" not in (editor["#title"].text_content() or ""), "the other window has gone")
