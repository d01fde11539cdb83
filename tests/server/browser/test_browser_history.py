"""A long history: the page keeps its shape, its size and its speed."""

import pytest

from draglab.checkpoints import load_generator
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.long_history import write_long_session

WIDTHS = (390, 1000, 1440)
OVERFLOW = "() => [document.documentElement.scrollWidth, document.querySelector('.centre').scrollWidth]"
CENTRES = """() => ['#stage', '#panel'].map((name) => {
    const { left, right } = document.querySelector(name).getBoundingClientRect();
    return [left, right];
})"""
NODES = "() => document.querySelectorAll('#strip *').length"
IN_SIGHT = """() => {
    const frame = document.getElementById('strip-view').getBoundingClientRect();
    return [...document.querySelectorAll('#strip .entry')].filter((each) => {
        const { left, right } = each.getBoundingClientRect();
        return right > frame.left && left < frame.right;
    }).map((each) => Number(each.closest('li').ariaPosInSet));
}"""


@pytest.fixture(scope="module")
def heads():
    return load_generator("heads", device="cpu")


@pytest.fixture
def long(server, visit, heads):
    """Opens a session with a history of so many entries in a page of its own."""

    def opened(entries: int, width: int = 1440, **context) -> EditorPage:
        session = write_long_session(server.folder / "data", heads, entries)
        return visit(server.url, width=width, height=900, session=session, **context)

    return opened


@pytest.mark.parametrize("width", WIDTHS)
def test_the_history_never_pushes_the_picture_aside(long, width):
    editor = long(40, width)
    assert editor.page.evaluate(OVERFLOW)[0] == width
    (left, right), (panel, _) = editor.page.evaluate(CENTRES)
    assert left >= 0 and right <= (width if width <= 760 else panel)
    # What is pressed is what is there.
    editor.page.mouse.click(*editor.on_screen((93, 125)))
    editor.until(lambda: editor[".handle-row"].count() == 2, "the press missed")
    assert editor.numbers(1)[:2] == pytest.approx((93, 125), abs=1)


def test_four_hundred_entries_open_at_once_and_only_those_in_sight_are_in_the_page(long):
    editor = long(400)
    session = editor.page.context.new_cdp_session(editor.page)
    session.send("Performance.enable")
    editor.page.reload()
    editor.until_shown()
    editor.until(lambda: 400 in editor.page.evaluate(IN_SIGHT), "the newest entry is not in sight")
    assert editor.page.evaluate(NODES) < 250
    # What the page itself takes, whatever else the machine does: seconds.
    spent = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    assert 0 < spent["ScriptDuration"] + spent["LayoutDuration"] + spent["RecalcStyleDuration"] < 1


def test_the_strip_is_scrolled_and_walked_through_with_keys(long):
    editor = long(60)
    editor.page.locator("#strip .entry[aria-current]").focus()
    editor.page.keyboard.press("ArrowLeft")
    assert _focused(editor) == "59"
    editor.page.keyboard.press("Home")
    editor.until(lambda: 1 in editor.page.evaluate(IN_SIGHT), "the start did not come into sight")
    assert _focused(editor) == "1"
    editor.page.keyboard.press("ArrowRight")
    editor.page.keyboard.press("ArrowRight")
    assert _focused(editor) == "3"
    editor.page.keyboard.press("Enter")
    editor.until(lambda: editor["#strip [aria-current]"].first.get_attribute("data-kind") == "round", "nothing shown")
    sizes = editor.page.evaluate("() => [...document.querySelectorAll('#strip li')].map((each) => each.ariaSetSize)")
    assert set(sizes) == {"60"}
    # One of them is in the order of Tab.
    stops = editor.page.evaluate("() => [...document.querySelectorAll('#strip button')].map((each) => each.tabIndex)")
    assert stops.count(0) == 1

    editor.page.evaluate("document.getElementById('strip-view').scrollLeft = 1e6")
    editor.until(lambda: 60 in editor.page.evaluate(IN_SIGHT), "scrolling does not bring entries")
    # The one with the focus stays, so that keys go on from it.
    assert _focused(editor) == "3"


def _focused(editor: EditorPage) -> str | None:
    return editor.page.evaluate("document.activeElement.closest('li')?.ariaPosInSet ?? null")
