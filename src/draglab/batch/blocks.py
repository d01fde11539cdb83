"""Arrays one after another in one block of memory, at positions at which PyTorch computes with them as anywhere else.

Some of its functions round differently for data that does not begin at a multiple of 64 bytes, and an edit would not
have the same pixels in every process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
Places = tuple[tuple[str, str, tuple[int, ...], int], ...]
"""Name, type, shape and position of each array of a block."""


def lay_out(arrays: Mapping[str, NDArray[Any]]) -> tuple[Places, int]:
    """Return where arrays go in a block, and its size, in bytes."""
    places, position = [], 0
    for name, array in arrays.items():
        places.append((name, array.dtype.str, array.shape, position))
        position += -(-max(array.nbytes, 1) // ALIGNMENT) * ALIGNMENT
    return tuple(places), max(position, ALIGNMENT)


def fill(block: NDArray[np.uint8], arrays: Mapping[str, NDArray[Any]], places: Places) -> None:
    """Copy arrays to their places in a block."""
    for name, _, _, position in places:
        content = np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8)
        block[position : position + content.size] = content


def views(block: NDArray[np.uint8], places: Places) -> dict[str, NDArray[Any]]:
    """Return the arrays of a block, which is copied if it begins at a place that is no multiple of ALIGNMENT."""
    if block.ctypes.data % ALIGNMENT:
        room = np.empty(block.size + ALIGNMENT, np.uint8)
        begin = -room.ctypes.data % ALIGNMENT
        room[begin : begin + block.size] = block
        block = room[begin : begin + block.size]
    found = {name: np.ndarray(shape, dtype, block, position) for name, dtype, shape, position in places}  # pyright: ignore[reportArgumentType]
    for array in found.values():
        array.flags.writeable = block.flags.writeable
    return found
