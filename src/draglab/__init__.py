"""draglab: take hold of points in a GAN's image and drag them where they should be.

    import draglab

    generator = draglab.load_generator("heads")
    w_plus = generator.w_plus_from_seed(64)
    edit = draglab.DragEdit(handles=[(93, 125)], targets=[(118, 125)])
    result = draglab.drag(generator, w_plus, edit, draglab.DragSettings.draglab())
    image = result.image()  # uint8 [H, W, 3]

Names are loaded when they are first used, so that ``import draglab`` does not wait for torch.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from draglab._version import __version__
from draglab.errors import DraglabError

if TYPE_CHECKING:
    from draglab.checkpoints import load_generator
    from draglab.drag import DragEdit, DragResult, DragSettings, DragStep, drag, drag_many, drag_steps

__all__ = [
    "DragEdit",
    "DragResult",
    "DragSettings",
    "DragStep",
    "DraglabError",
    "__version__",
    "drag",
    "drag_many",
    "drag_steps",
    "load_generator",
]

_HOME = {
    "load_generator": "draglab.checkpoints",
    "DragEdit": "draglab.drag",
    "DragResult": "draglab.drag",
    "DragSettings": "draglab.drag",
    "DragStep": "draglab.drag",
    "drag": "draglab.drag",
    "drag_many": "draglab.drag",
    "drag_steps": "draglab.drag",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps ``draglab.drag`` the public function: importing the sub-package of that name would replace it."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name == "drag" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
