"""The widget in a real JupyterLab in Chromium."""

from collections.abc import Callable

import numpy as np
import pytest

from tests.notebook.lab import LabNotebook
from tests.notebook.stage import Stage, difference

MAKE = """
import json, pathlib, time
import draglab

def hold(name):
    # Keep the cell running until the test lets go.
    while not pathlib.Path(name).exists():
        time.sleep(0.02)

widget = draglab.widget("heads", seed=64)
widget
"""
READ = """
points = [[*point.handle, *(point.target or ())] for point in widget.points]
mask = None if widget.mask is None else int(widget.mask.sum())
latent = [round(value, 6) for value in widget.w_plus.flatten().tolist()[::97]]
picture = widget.image[::16, ::16].mean(2).tolist()
print(json.dumps({"points": points, "mask": mask, "latent": latent, "picture": picture, "revision": widget.revision}))
"""
MASK = """
half = __import__("numpy").zeros((256, 256), bool)
half[:, :128] = True
widget.mask = half
"""
DRAG = """
widget.mask = None
widget.set_points([(93, 125)], [(118, 125)])
widget.run(wait=False)
hold("drag")
"""
HOLD = 'hold("pull")'
AGAIN = "widget"
CELLS = [MAKE, READ, MASK, READ, DRAG, READ, HOLD, READ, AGAIN]
NOSE, RIGHT = (93.0, 125.0), (118.0, 125.0)


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., LabNotebook]) -> LabNotebook:
    """A notebook whose kernel hears of the widget between cells, as in most notebooks."""
    return open_notebook(CELLS, subshells=False)


@pytest.fixture(scope="module")
def stage(notebook: LabNotebook) -> Stage:
    notebook.run(0)
    return Stage(notebook.page, notebook.frame(), 256)


def test_a_pull_moves_the_image_and_python_sees_it(notebook: LabNotebook, stage: Stage):
    before, shown = notebook.values(1), stage.picture()
    assert before["points"] == []
    stage.press(NOSE)
    stage.move(NOSE, RIGHT)
    # The hand is still down.
    stage.until(
        lambda: "Following" in stage.status and difference(stage.picture(), shown) > 0.7, "the image does not follow"
    )
    stage.release()
    stage.until(lambda: "Arrived" in stage.status, "the drag does not end")

    after = notebook.values(3)

    [(x, y, target_x, target_y)] = after["points"]
    assert np.hypot(x - RIGHT[0], y - RIGHT[1]) < 2
    assert np.hypot(target_x - RIGHT[0], target_y - RIGHT[1]) < 1
    assert after["latent"] != before["latent"]
    assert np.abs(np.array(after["picture"]) - np.array(before["picture"])).mean() > 0.7
    assert after["revision"] > before["revision"]

    stage.frame.locator("#undo").click()
    stage.until(lambda: difference(stage.picture(), shown) < 0.5, "undo does not bring the first image back")
    undone = notebook.values(5)
    assert undone["latent"] == before["latent"]


def test_python_sets_the_mask_and_the_widget_shows_it(notebook: LabNotebook, stage: Stage):
    shown = stage.picture()
    notebook.run(2)
    stage.until(lambda: difference(stage.picture(), shown) > 0.7, "the mask is not drawn")
    assert notebook.values(3)["mask"] == 128 * 256


def test_python_drags_and_pictures_come_while_the_cell_runs(notebook: LabNotebook, stage: Stage):
    shown = stage.picture()
    notebook.start(4)
    stage.until(lambda: "Arrived" in stage.status and difference(stage.picture(), shown) > 0.7, "no picture comes")
    assert notebook.runs(4)
    notebook.let_go("drag")
    notebook.output(4)


def test_a_pull_while_a_cell_runs_waits_and_then_takes_the_newest_place(notebook: LabNotebook, stage: Stage):
    shown = stage.picture()
    notebook.start(6)
    stage.press(NOSE)
    stage.move(NOSE, (80.0, 140.0), steps=60)
    stage.until(lambda: "Python is busy" in stage.notices, "nobody says why nothing happens")
    assert notebook.runs(6)
    assert difference(stage.picture(), shown) < 0.7
    stage.move((80.0, 140.0), (93.0, 150.0), steps=10)
    stage.release()

    notebook.let_go("pull")
    notebook.output(6)

    stage.until(lambda: "Arrived" in stage.status and stage.notices == "", "the pull is not made up for")
    handles = [point[:2] for point in notebook.values(7)["points"]]
    assert min(np.hypot(x - 93, y - 150) for x, y in handles) < 2.5


def test_a_frame_that_the_notebook_moves_begins_anew(notebook: LabNotebook, stage: Stage):
    """Notebooks take outputs out of the page and put them back, which loads a frame again."""
    shown, status = stage.picture(), stage.status
    stage.frame.owner.evaluate("frame => { const place = frame.parentElement; frame.remove(); place.append(frame); }")
    stage.come_into_view()
    stage.until(lambda: stage.frame.locator("#paper:not([hidden])").count() == 1, "the frame stays empty")
    stage.until(lambda: stage.status == status and difference(stage.picture(), shown) < 0.5, "it shows another state")
    stage.press(NOSE)
    stage.move(NOSE, (90.0, 120.0), steps=10)
    stage.until(lambda: "Following" in stage.status, "it takes no pull")
    stage.release()
    stage.until(lambda: "Following" not in stage.status and "tep" in stage.status, "the drag does not end")


def test_another_cell_shows_the_same(notebook: LabNotebook, stage: Stage):
    notebook.run(8)
    other = Stage(notebook.page, notebook.frame(1), 256)
    other.until(lambda: other.status == stage.status, "the second view has another state")
    small, large = other.frame.locator("#undo"), stage.frame.locator("#undo")
    assert small.is_enabled() and large.is_enabled()
    shown = stage.picture()
    small.click()
    stage.come_into_view()
    stage.until(lambda: difference(stage.picture(), shown) > 0.5, "the first view does not follow the second")


def test_with_subshells_the_image_follows_while_a_cell_runs(open_notebook: Callable[..., LabNotebook]):
    """JupyterLab 4.4 and newer tell ipykernel 7 of widgets on another thread than that of cells."""
    notebook = open_notebook([MAKE, HOLD, READ], subshells=True)
    notebook.run(0)
    stage = Stage(notebook.page, notebook.frame(), 256)
    shown = stage.picture()
    notebook.start(1)
    stage.press(NOSE)
    stage.move(NOSE, RIGHT)
    stage.until(
        lambda: "Following" in stage.status and difference(stage.picture(), shown) > 0.7, "the image does not follow"
    )
    assert notebook.runs(1)
    stage.release()
    notebook.let_go("pull")
    notebook.output(1)
    assert len(notebook.values(2)["points"]) == 1
