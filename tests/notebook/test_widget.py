"""The widget from Python's side."""

import base64
import io
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

import draglab
from draglab.errors import DraglabError
from tests.editor.pulls import MEASURED

if TYPE_CHECKING:
    from draglab.notebook.drag_widget import DragWidget

HANDLE, TARGET = [(10.0, 16.0)], [(20.0, 16.0)]
SETTINGS = draglab.DragSettings(max_steps=5, stop_distance=0.01, patience=None)


def test_without_anywidget_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    monkeypatch.delitem(sys.modules, "draglab.notebook.drag_widget", raising=False)
    with pytest.raises(DraglabError, match=r"pip install 'draglab\[notebook\]'"):
        draglab.widget("heads")


@pytest.fixture
def widget() -> Iterator["DragWidget"]:
    pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'draglab[notebook]'")
    made = draglab.widget(MEASURED, seed=1, settings=SETTINGS)
    yield made
    made.close()


def until(holds: Callable[[], Any]) -> None:
    ends = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_it_starts_with_the_image_of_the_seed(widget: "DragWidget"):
    w_plus = MEASURED.w_plus_from_seed(1)
    assert torch.equal(widget.w_plus, w_plus)
    assert np.array_equal(widget.image, draglab.to_uint8(MEASURED.image(w_plus).detach())[0])
    assert widget.points == () and widget.mask is None and not widget.running
    with pytest.raises(DraglabError, match="no edit yet"):
        _ = widget.edit


def test_a_drag_from_python_is_that_of_the_library(widget: "DragWidget", tmp_path):
    widget.set_points(HANDLE, TARGET)
    widget.run()
    expected = draglab.drag(MEASURED, MEASURED.w_plus_from_seed(1), draglab.DragEdit(HANDLE, TARGET), SETTINGS)
    assert torch.equal(widget.w_plus, expected.w_plus)
    assert np.allclose(widget.points[0].handle, expected.handles[0])
    assert widget.points[0].target == TARGET[0]

    path = tmp_path / "edit.json"
    widget.save_edit(path)
    replay = draglab.Replay(draglab.load_edit_file(path), MEASURED)
    for _ in replay:
        pass
    assert np.array_equal(replay.image(), widget.image)


def test_undo_and_redo(widget: "DragWidget"):
    with pytest.raises(DraglabError, match="nothing to undo"):
        widget.undo()
    widget.set_points(HANDLE, TARGET)
    start = widget.w_plus
    widget.run()
    dragged = widget.w_plus
    widget.undo()
    assert torch.equal(widget.w_plus, start)
    widget.redo()
    assert torch.equal(widget.w_plus, dragged)
    with pytest.raises(DraglabError, match="nothing to redo"):
        widget.redo()


def test_the_mask(widget: "DragWidget"):
    mask = np.zeros((32, 32), bool)
    mask[:, :16] = True
    widget.mask = mask
    assert np.array_equal(widget.mask, mask)
    widget.set_points(HANDLE, TARGET)
    widget.run()
    assert widget.edit.rounds[0].mask is not None
    widget.mask = None
    assert widget.mask is None
    with pytest.raises(DraglabError, match="float64"):
        widget.mask = mask.astype(float)
    with pytest.raises(DraglabError, match=r"\[32, 32\]"):
        widget.mask = mask[:4]
    with pytest.raises(DraglabError, match="NumPy"):
        widget.mask = mask.tolist()  # pyright: ignore[reportAttributeAccessIssue]


def test_wrong_points(widget: "DragWidget"):
    with pytest.raises(DraglabError, match="1 handles and 2 targets"):
        widget.set_points(HANDLE, TARGET * 2)
    with pytest.raises(DraglabError, match="outside"):
        widget.set_points([(99, 1)])
    with pytest.raises(DraglabError, match="no point has somewhere to go"):
        widget.run()


def test_settings_are_replaced_as_a_whole(widget: "DragWidget"):
    assert widget.settings == SETTINGS
    widget.settings = draglab.DragSettings(r1=4)
    assert widget.settings == draglab.DragSettings(r1=4)


def test_it_counts_revisions_and_an_observer_may_look(widget: "DragWidget"):
    seen: list[torch.Tensor] = []
    widget.observe(lambda change: seen.append(widget.w_plus), "revision")
    widget.set_points(HANDLE, TARGET)
    widget.run()
    until(lambda: seen and torch.equal(seen[-1], widget.w_plus))


def test_wait_lets_go_of_a_hand_that_cannot_be_heard(widget: "DragWidget"):
    text = (
        '{"type": "pull", "gesture": 1, "done": false, "points": '
        '[{"id": 1, "handle": [10, 16], "target": [20, 16], "pin": false}]}'
    )
    hello = '{"type": "hello", "protocol": 1, "token": "", "session": null, "height": 32}'
    for each in (hello, text):
        widget._receive({"view": "a", "text": each})
    until(lambda: widget.running)
    assert widget.wait(20)
    assert not widget.running
    assert len(widget.edit.rounds) == 1
    assert widget.points[0].target == (20.0, 16.0)


def test_wait_gives_up(widget: "DragWidget"):
    widget.settings = draglab.DragSettings(max_steps=100_000, stop_distance=0.0001, patience=None, descent="adam")
    widget.set_points(HANDLE, [(31.0, 31.0)])
    widget.run(wait=False)
    assert not widget.wait(0.1)
    widget.stop()
    assert widget.wait(1)


def test_a_notebook_without_widgets_gets_the_image(widget: "DragWidget"):
    shown: Any = widget._repr_mimebundle_()
    data = shown[0] if isinstance(shown, tuple) else shown
    assert "application/vnd.jupyter.widget-view+json" in data
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))))
    assert np.array_equal(image, widget.image)


def test_a_latent_as_start():
    pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'draglab[notebook]'")
    w_plus = 0.5 * MEASURED.w_plus_from_seed(3)
    for given in (w_plus, w_plus[0], w_plus.numpy()):
        made = draglab.widget(MEASURED, w_plus=given)
        assert torch.allclose(made.w_plus, w_plus)
        made.close()
    with pytest.raises(DraglabError, match="w_plus has shape"):
        draglab.widget(MEASURED, w_plus=w_plus[0, 0])
    with pytest.raises(DraglabError, match="seed -1"):
        draglab.widget(MEASURED, seed=-1)
    with pytest.raises(DraglabError, match="mask is"):
        draglab.widget(MEASURED, mask=np.ones((2, 2), bool))


def test_closing_deletes_its_history():
    pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'draglab[notebook]'")
    made = draglab.widget(MEASURED, seed=1)
    folder = made._scratch.path
    made.set_points(HANDLE, TARGET)
    made.run(wait=False)
    assert folder.is_dir()
    made.close()
    made.close()
    assert not folder.exists()


def test_the_cell_of_the_documentation_makes_a_widget():
    pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'draglab[notebook]'")
    page = Path(__file__).resolve().parents[2] / "docs" / "notebooks.md"
    (cell,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(cell, names)
    try:
        assert names["widget"].image.shape == (256, 256, 3)
    finally:
        names["widget"].close()


def test_a_program_that_leaves_its_widget_open_ends(tmp_path: Path):
    pytest.importorskip("anywidget", reason="anywidget is not installed: pip install 'draglab[notebook]'")
    program = "import draglab; widget = draglab.widget('heads', seed=64); print(widget.image.shape)"
    folders = {"TMPDIR": str(tmp_path), "DRAGLAB_STATISTICS": str(tmp_path / "statistics")}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | folders, capture_output=True, text=True, timeout=120
    )
    assert (ran.returncode, ran.stdout) == (0, "(256, 256, 3)\n"), ran.stderr
    assert ran.stderr == ""
    assert list(tmp_path.glob("draglab*")) == [], "the history is left behind"
