"""People in a hurry, numbers out of range, and models that are not square or need a class."""

from draglab.checkpoints import save_generator
from tests.server.browser.launch import launched_server
from tests.tiny import tiny_generator

START = "() => import('/static/js/store.js').then((m) => m.get().session.start)"
NOTICES = "#notices .notice"


def test_pulls_in_quick_succession_all_take(editor):
    pulls = [((93, 125), (140, 125)), ((60, 80), (60, 120)), ((180, 80), (190, 120))]
    # None of them arrives before the last.
    editor.slow_down(0.05)
    for handle, target in pulls:
        editor.pull(handle, target)
    editor.until(lambda: editor[".handle-row"].count() == len(pulls), "a pull was lost")
    editor.until_running()
    editor.page.keyboard.press("Escape")
    editor.until_ended()
    for row, (_, target) in enumerate(pulls):
        assert [round(value) for value in editor.numbers(row)[2:]] == list(target)
    assert editor[NOTICES].count() == 0


def test_undo_asked_for_too_often_ends_at_the_start(editor):
    editor.page.mouse.click(*editor.on_screen((93, 125)))
    editor.until(lambda: editor["#undo"].is_enabled(), "there is nothing to undo")
    for _ in range(10):
        editor.page.keyboard.press("Control+z")
    editor.until(lambda: editor["#undo"].is_disabled() and editor["#redo"].is_enabled(), "it was not undone")
    editor["#seed"].fill("3")
    editor["#seed"].press("Enter")
    editor.until(lambda: editor.page.evaluate(START)["seed"] == 3, "the seed stayed")
    assert editor[NOTICES].count() == 0


def test_a_field_shows_what_was_made_of_its_number(editor):
    editor["#seed"].fill("1e300")
    editor["#seed"].press("Enter")
    editor.until(lambda: editor["#seed"].input_value() == str(2**32 - 1), "the field kept what was typed")
    editor["#seed"].fill("")
    editor["#seed"].press("Enter")
    editor.until(lambda: editor["#seed"].input_value() == str(2**32 - 1), "an empty field changed the seed")
    assert editor.page.evaluate(START)["seed"] == 2**32 - 1


def test_space_runs_after_a_click_on_a_button(editor):
    editor.when_pulled("wait")
    editor.pull((93, 125), (118, 125))
    editor["#zoom-fit"].click()
    editor.page.keyboard.press("Space")
    editor.until_running()


def test_a_pull_ends_the_comparison(editor):
    editor.page.keyboard.press("c")
    editor.until(lambda: editor["#divider"].is_visible(), "there is no divider")
    editor.pull((20, 90), (24, 90))
    editor.until(lambda: editor["#markers .handle"].count() == 1, "the handle cannot be seen")
    assert editor["#divider"].is_hidden()


def test_models_of_classes_and_of_other_shapes_can_be_dragged(tmp_path, visit):
    (tmp_path / "models").mkdir()
    save_generator(tiny_generator(c_dim=5), tmp_path / "models" / "classes.safetensors")
    save_generator(tiny_generator(base_width=2), tmp_path / "models" / "tall.safetensors")
    with launched_server(tmp_path) as server:
        editor = visit(server.url)
        editor["#model"].select_option("classes")
        editor.until(lambda: editor["#class-index"].input_value() == "0", "the first class was not taken")
        editor["#class-index"].fill("99")
        editor["#class-index"].press("Enter")
        editor.until(lambda: editor.page.evaluate(START)["class_index"] == 4, "the last class was not taken")
        editor["#model"].select_option("tall")
        editor.until(lambda: editor.size() == 16, "the picture is not half as wide as high")
        editor.drag((5, 20), (10, 25))
        box = editor["#paper"].bounding_box()
        assert abs(box["height"] - 2 * box["width"]) < 2
        assert editor[NOTICES].count() == 0
