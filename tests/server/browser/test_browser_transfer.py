"""The drawer "Do this to other seeds": results come while the page stays usable, are kept, opened and saved."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.server.browser.editor_page import EditorPage
from tests.server.browser.launch import Launched
from tests.server.browser.places import beside_nose, nose
from tests.server.browser.test_browser_people import AXE, RULES

START = "() => import('/static/js/store.js').then((m) => m.get().session.start.seed)"
LINK = "() => import('/static/js/store.js').then((m) => m.get().link)"
SESSION = "() => import('/static/js/store.js').then((m) => m.get().session.session)"


def begun(editor: EditorPage) -> EditorPage:
    """A drag of the nose, and the drawer with its first results."""
    editor.drag(nose(editor.size()), beside_nose(editor.size()))
    press(editor, "#transfer-open")
    until_done(editor, 1)
    return editor


def press(editor: EditorPage, selector: str) -> None:
    """Click; in a narrow window after opening the sheet where the button is."""
    if not editor[selector].is_visible():
        editor["#panel-toggle"].click()
    editor[selector].click()


def until_done(editor: EditorPage, number: int) -> None:
    editor.until(lambda: done(editor).count() >= number, "no result came")


def done(editor: EditorPage):
    return editor['.transfer-tile[data-state="done"]']


def seeds(editor: EditorPage, state: str = "") -> list[int]:
    which = f'[data-state="{state}"]' if state else "[data-seed]"
    # At once: states change meanwhile.
    return editor[f".transfer-tile{which}"].evaluate_all("(tiles) => tiles.map((tile) => Number(tile.dataset.seed))")


def test_the_button_waits_for_a_drag(editor: EditorPage) -> None:
    assert editor["#transfer-open"].is_disabled()
    editor.pull(nose(editor.size()), beside_nose(editor.size()))
    editor.until_ended()
    editor.until(lambda: editor["#transfer-open"].is_enabled(), "the button is still disabled")
    editor["#undo"].click()
    editor.until(lambda: editor["#transfer-open"].is_disabled(), "the button is enabled at the start")


def test_results_come_while_the_page_is_used(editor: EditorPage) -> None:
    begun(editor)
    assert len(seeds(editor)) == 12 and 78 not in seeds(editor), "the source is not among the others"
    # A drag of one's own is not held up, and comes first.
    side = editor.size()
    before = done(editor).count()
    editor.when_pulled("release")
    editor["#start-panel .seed"].nth(1).click()
    editor.until(lambda: editor.page.evaluate(START) != 78, "no other image is shown")
    editor.drag(nose(side), (0.46 * side, 0.79 * side))
    until_done(editor, before + 1)
    editor.until(lambda: not seeds(editor, "waiting") and not seeds(editor, "working"), "it does not end")
    text = editor["#transfer-status"].text_content() or ""
    assert text.startswith(f"{done(editor).count()} of 12 done")
    skipped = editor['.transfer-tile[data-state="skipped"]']
    assert f"{skipped.count()} skipped" in text and skipped.count() > 0
    assert (skipped.first.locator(".reason").text_content() or "").startswith("Skipped: the image is where")
    assert skipped.first.locator(".keep").is_disabled()
    assert editor["#transfer-stop"].is_disabled()


def test_a_result_shows_how_it_was_while_it_is_held(editor: EditorPage) -> None:
    tile = done(begun(editor)).first
    picture = tile.locator(".transfer-picture")
    images = {name: tile.locator(f"img.{name}") for name in ("before", "after")}
    for image in images.values():
        editor.until(lambda image=image: image.evaluate("(img) => img.naturalWidth") > 0, "a picture is missing")
    looks = {name: image.screenshot() for name, image in images.items()}
    box = picture.bounding_box()
    assert box is not None
    editor.page.mouse.move(box["x"] + 40, box["y"] + 40)
    editor.page.mouse.down()
    assert images["after"].is_hidden() and images["before"].is_visible() and tile.locator(".was").is_visible()
    held = images["before"].screenshot()
    editor.page.mouse.up()
    assert images["after"].is_visible() and tile.locator(".was").is_hidden()
    assert held not in looks.values()
    # The same by keys.
    editor.page.keyboard.press("Tab")
    picture.focus()
    editor.page.keyboard.down("Enter")
    assert images["after"].is_hidden()
    editor.page.keyboard.up("Enter")
    assert images["after"].is_visible()
    assert "Hold to see how it was before" in (picture.get_attribute("aria-label") or "")


def test_what_is_kept_is_opened_with_undo_and_saved(editor: EditorPage, tmp_path: Path) -> None:
    begun(editor)
    until_done(editor, 2)
    source = editor.page.evaluate(SESSION)
    first, second = seeds(editor, "done")[:2]
    tiles = {seed: editor[f'.transfer-tile[data-seed="{seed}"]'] for seed in (first, second)}
    assert editor["#transfer-save"].is_disabled()
    tiles[first].locator(".keep").click()
    editor.until(lambda: tiles[first].locator(".keep").text_content() == "Kept", "it was not kept")
    tiles[second].locator("text=Open").click()
    editor.until(lambda: editor.page.evaluate(START) == second, "it was not opened")
    editor.until(lambda: editor.rounds() == 1 and editor.state == "idle", "its drag is not there")
    assert editor["#transfer"].is_visible() and editor["#transfer-back"].is_visible()
    after = editor.at_rest()
    editor["#undo"].click()
    editor.until_picture(differs_from=after)
    editor["#redo"].click()
    # Both are saved.
    with editor.page.expect_download() as saving:
        editor["#transfer-save"].click()
    path = tmp_path / "kept.zip"
    saving.value.save_as(path)
    archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    assert set(archive.namelist()) == {f"seed{seed}.{kind}" for seed in (first, second) for kind in ("png", "json")}
    assert json.loads(archive.read(f"seed{first}.json"))["start"]["seed"] == first
    # Back, and one is not kept after all; the list of sessions has the other one.
    editor["#transfer-back"].click()
    editor.until(lambda: editor.page.evaluate(SESSION) == source, "the source is not shown")
    tiles[first].locator(".keep").click()
    editor.until(lambda: tiles[first].locator(".keep").text_content() == "Keep", "it is still kept")
    editor["#open"].click()
    rows = editor["#open-dialog .sessions li"]
    editor.until(lambda: rows.locator(f"text=Seed {second}").count() == 1, "the list does not have it")
    assert rows.locator(f"text=Seed {first}").count() == 0


def test_it_stops_goes_on_and_closes(editor: EditorPage) -> None:
    begun(editor)
    asked = seeds(editor)
    editor["#transfer-stop"].click()
    kept = seeds(editor)
    left = [seed for seed in asked if seed not in kept]
    assert left and set(kept) == {*seeds(editor, "done"), *seeds(editor, "skipped")}
    editor.page.wait_for_timeout(700)
    assert seeds(editor) == kept and not seeds(editor, "working"), "it went on"
    # What was left comes first, then what the person chooses.
    editor["#transfer-more"].click()
    editor.until(lambda: len(seeds(editor)) == len(kept) + 12, "no further seeds were asked for")
    assert seeds(editor)[len(kept) :][: len(left)] == left
    editor["#transfer-from"].fill("5000")
    editor["#transfer-from"].press("Enter")
    editor["#transfer-more"].click()
    editor.until(lambda: len(seeds(editor)) == len(kept) + 24, "no further seeds were asked for")
    assert seeds(editor)[-12:] == list(range(5000, 5012))
    editor["#transfer-close"].click()
    assert editor["#transfer"].is_hidden() and editor[".transfer-tile[data-seed]"].count() == 0
    editor.drag(nose(editor.size()), beside_nose(editor.size()))
    assert editor[".transfer-tile[data-seed]"].count() == 0


def test_it_is_worked_by_keys(editor: EditorPage) -> None:
    editor.drag(nose(editor.size()), beside_nose(editor.size()))
    keys = editor.page.keyboard
    editor["#transfer-open"].focus()
    keys.press("Enter")
    until_done(editor, 2)
    active = "() => [document.activeElement.id, document.activeElement.closest('li')?.dataset.seed ?? null]"
    assert editor.page.evaluate(active)[0] == "transfer-title"
    order = [str(seed) for seed in seeds(editor)]
    editor[".transfer-picture"].first.focus()
    keys.press("ArrowRight")
    assert editor.page.evaluate(active)[1] == order[1]
    keys.press("End")
    assert editor.page.evaluate(active)[1] == order[-1]
    keys.press("Home")
    assert editor.page.evaluate(active)[1] == order[0]
    keys.press("Tab")
    keys.press("Enter")
    kept = editor[f'.transfer-tile[data-seed="{order[0]}"] .keep']
    editor.until(lambda: kept.get_attribute("aria-pressed") == "true", "Enter does not keep it")
    keys.press("Escape")
    assert editor["#transfer"].is_hidden()
    assert editor.page.evaluate(active)[0] == "transfer-open", "the focus is lost"


SIZES = """() => [...document.querySelectorAll(".transfer-tile[data-seed]")].map((tile) => {
    const { x, y, width, height } = tile.getBoundingClientRect();
    return [x, y, width, height].map(Math.round);
})"""


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_it_fits_and_nothing_moves_while_results_come(
    server: Launched, visit: Callable[..., EditorPage], width: int, height: int
) -> None:
    editor = visit(server.url, width=width, height=height)
    editor.drag(nose(editor.size()), beside_nose(editor.size()))
    press(editor, "#transfer-open")
    editor["#transfer"].wait_for(state="visible")
    sizes, stage = editor.page.evaluate(SIZES), editor["#paper"].bounding_box()
    until_done(editor, 3)
    assert editor.page.evaluate(SIZES) == sizes
    assert editor["#paper"].bounding_box() == stage
    assert editor.page.evaluate("() => document.documentElement.scrollWidth") <= width
    box, actions = editor["#transfer"].bounding_box(), editor["#run"].bounding_box()
    assert box is not None and actions is not None and stage is not None
    assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= actions["y"]
    assert stage["height"] > 250, "no room is left for the picture"
    for button in editor["#transfer-list .transfer-tile"].first.locator("button").all():
        size = button.bounding_box()
        assert size is not None and size["width"] >= 24 and size["height"] >= 24
    if AXE.is_file():
        editor.page.evaluate(AXE.read_text())
        assert editor.page.evaluate(RULES) == []


def test_it_goes_on_after_the_connection_was_lost(mortal_server: Launched, visit: Callable[..., Any]) -> None:
    editor = begun(visit(mortal_server.url))
    first = seeds(editor, "done")[0]
    editor[f'.transfer-tile[data-seed="{first}"] .keep'].click()
    editor.until(lambda: editor[".keep[aria-pressed=true]"].count() == 1, "it was not kept")
    mortal_server.kill()
    editor.until(lambda: editor.page.evaluate(LINK) == "lost", "the page did not notice")
    mortal_server.start()
    editor.until(lambda: len(seeds(editor, "done")) + len(seeds(editor, "skipped")) == 12, "it did not go on")
    last = editor[f'.transfer-tile[data-seed="{seeds(editor, "done")[-1]}"]']
    last.locator(".keep").click()
    editor.until(lambda: editor[".keep[aria-pressed=true]"].count() == 2, "what was done again cannot be kept")


def test_another_edit_takes_its_place(editor: EditorPage) -> None:
    begun(editor)
    first = seeds(editor, "done")[0]
    tile = editor[f'.transfer-tile[data-seed="{first}"] img.after']
    editor.until(lambda: tile.evaluate("(img) => img.naturalWidth") > 0, "a picture is missing")
    old = np.frombuffer(tile.screenshot(), np.uint8)
    tile.evaluate("(img) => (img.dataset.old = '')")
    side = editor.size()
    editor.drag((0.46 * side, 0.735 * side), (0.46 * side, 0.79 * side))
    editor["#transfer-open"].click()
    editor.until(lambda: editor["[data-old]"].count() == 0, "the old results are still shown")
    editor.until(lambda: first in seeds(editor, "done"), "the new edit was not done")
    assert len(seeds(editor)) == 12
    editor.until(lambda: tile.evaluate("(img) => img.naturalWidth") > 0, "a picture is missing")
    assert not np.array_equal(old, np.frombuffer(tile.screenshot(), np.uint8))
