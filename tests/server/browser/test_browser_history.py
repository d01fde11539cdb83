"""A long history: the page keeps its shape, its size and its speed."""

import pytest

from draglab.checkpoints import load_generator, save_generator
from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import launched_server
from tests.server.browser.long_history import write_long_session
from tests.tiny import tiny_generator

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


ROUNDS = """(count) => new Promise((done, fail) => {
    const started = performance.now();
    const look = async () => {
        const { session } = (await import("/static/js/store.js")).get();
        const rounds = session.nodes.filter((node) => node.kind === "round").length;
        if (rounds >= count && session.state === "idle") done(rounds);
        else if (performance.now() - started > 120000) fail(new Error(`${rounds} rounds`));
        else setTimeout(look, 5);
    };
    look();
})"""
SET = "(settings) => import('/static/js/app.js').then((m) => m.send({type: 'set_settings', settings}))"
DRAGS = 60


@pytest.mark.slow
def test_sixty_drags_leave_the_page_as_it_is(tmp_path, visit):
    (tmp_path / "models").mkdir()
    save_generator(tiny_generator(), tmp_path / "models" / "tiny.safetensors")
    with launched_server(tmp_path) as server:
        editor = visit(server.url, width=1440, height=900)
        editor["#model"].select_option("tiny")
        editor.until(lambda: editor.size() == 32, "the model was not opened")
        editor.page.evaluate(SET, {"max_steps": 2, "stop_distance": 1e-9})
        session = editor.page.context.new_cdp_session(editor.page)
        session.send("Performance.enable")

        def used() -> dict[str, float]:
            session.send("HeapProfiler.collectGarbage")
            return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}

        before: dict[str, float] = {}
        stage = editor["#stage"].bounding_box()
        for count in range(1, DRAGS + 1):
            x, y = 4 + count % 20, 5 + count * 7 % 21
            editor.press((x, y))
            editor.move((x + 4, y + 3), steps=1)
            editor.page.mouse.up()
            editor.page.evaluate(ROUNDS, count)
            if count == DRAGS // 4:
                before = used()
        after = used()
        assert editor["#stage"].bounding_box() == stage
        assert editor.page.evaluate(OVERFLOW)[0] == 1440
        assert editor[".handle-row"].count() == 1
        editor.until(lambda: DRAGS + 1 in editor.page.evaluate(IN_SIGHT), "the newest round is not in sight")
        assert editor.page.evaluate(NODES) < 250
        assert after["Nodes"] - before["Nodes"] < 300
        assert after["JSEventListeners"] - before["JSEventListeners"] < 120
        assert after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 2.4e6
