"""Changes that turn other programs' tensors into published ones: their names and their effects on shapes.

materialize.py has a function of the same name for each.
"""

from __future__ import annotations

import math

from .values import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Shape = tuple[int, ...]

SHAPES: dict[str, Callable[[Shape], Shape]] = {
    "transpose": lambda shape: (shape[1], shape[0]),
    # [height, width, in, out] -> [out, in, height, width]
    "channels_first": lambda shape: (shape[3], shape[2], shape[0], shape[1]),
    "flip": lambda shape: shape,  # the last two axes
    "plus_one": lambda shape: shape,
    "first": lambda shape: shape[1:],
    "flatten": lambda shape: (math.prod(shape),),
    "scalar": lambda shape: () if math.prod(shape) == 1 else shape,
    # [C low, C times 3 details] -> [C low, C rows, C columns, C both], along the first axis
    "bands": lambda shape: shape,
}
_AXES = {"transpose": 2, "channels_first": 4, "flip": 2, "first": 1, "bands": 1}


def changed_shape(shape: Shape, changes: Iterable[str]) -> Shape:
    """Return the shape of a tensor after the changes."""
    for change in changes:
        if len(shape) < _AXES.get(change, 0):
            raise Refused("the file is damaged: a tensor has too few axes; get it again")
        shape = SHAPES[change](shape)
    return shape
