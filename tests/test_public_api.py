"""What ``import draglab`` offers, and that it offers it without waiting for torch."""

import subprocess
import sys
from importlib import import_module

import pytest

import draglab


def test_the_list_of_public_names():
    assert draglab.__all__ == [
        "DragEdit",
        "DragResult",
        "DragSettings",
        "DragStep",
        "DraglabError",
        "InversionSettings",
        "InvertedPhoto",
        "Replay",
        "__version__",
        "drag",
        "drag_many",
        "drag_steps",
        "invert",
        "load_edit_file",
        "load_generator",
        "load_photo",
        "named_edit",
        "region_edit",
        "to_uint8",
        "widget",
    ]
    assert dir(draglab) == sorted(draglab.__all__)


@pytest.mark.parametrize("name", draglab.__all__)
def test_every_name_is_there(name):
    assert getattr(draglab, name) is not None


def test_drag_stays_a_function_whatever_is_imported():
    import_module("draglab.dragging.algorithm")
    drag = import_module("draglab.dragging").drag

    assert draglab.drag is drag
    assert callable(draglab.drag)


def test_unknown_names():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = draglab.nothing  # pyright: ignore[reportAttributeAccessIssue]


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_import_is_light():
    assert run("import sys, draglab; print('torch' in sys.modules)").strip() == "False"


def test_dragging_does_not_wait_for_the_compiler():
    """torch._dynamo takes a second to import, and several ordinary calls of torch would import it."""
    program = (
        "import sys, draglab\n"
        "generator = draglab.load_generator('heads', device='cpu')\n"
        "w_plus = generator.w_plus_from_seed(1)\n"
        "print(next(draglab.drag_steps(generator, w_plus, draglab.DragEdit([[9, 9]], [[20, 9]]))).image().shape)\n"
        "print('torch._dynamo' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
