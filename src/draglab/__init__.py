"""draglab: take hold of points in a GAN's image and drag them where they should be.

    import draglab

    generator = draglab.load_generator("heads")
    w_plus = generator.w_plus_from_seed(64)
    edit = draglab.DragEdit(handles=[(93, 125)], targets=[(118, 125)])
    result = draglab.drag(generator, w_plus, edit, draglab.DragSettings.draglab())
    image = result.image()  # uint8 [H, W, 3]

Names are loaded when they are first used, so that ``import draglab`` does not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from draglab._version import __version__
from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.checkpoints import load_generator
    from draglab.dragging import DragEdit, DragResult, DragSettings, DragStep, drag, drag_many, drag_steps, region_edit
    from draglab.editor.faces import named_edit
    from draglab.editor.replay import Replay
    from draglab.generators import to_uint8
    from draglab.inversion import InversionSettings, InvertedPhoto, invert, load_photo
    from draglab.media.edit_file import load_edit_file
    from draglab.notebook.opening import widget

__all__ = [
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

_HOME = {
    "load_generator": "draglab.checkpoints",
    "DragEdit": "draglab.dragging",
    "DragResult": "draglab.dragging",
    "DragSettings": "draglab.dragging",
    "DragStep": "draglab.dragging",
    "drag": "draglab.dragging",
    "drag_many": "draglab.dragging",
    "drag_steps": "draglab.dragging",
    "InversionSettings": "draglab.inversion",
    "InvertedPhoto": "draglab.inversion",
    "invert": "draglab.inversion",
    "load_photo": "draglab.inversion",
    "region_edit": "draglab.dragging",
    "named_edit": "draglab.editor.faces",
    "Replay": "draglab.editor.replay",
    "load_edit_file": "draglab.media.edit_file",
    "to_uint8": "draglab.generators",
    "widget": "draglab.notebook.opening",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
