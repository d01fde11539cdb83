"""Arrays in one block of memory."""

from __future__ import annotations

import numpy as np
import pytest

from draglab.batch.blocks import ALIGNMENT, fill, lay_out, views


@pytest.mark.parametrize("shift", [0, 8, 24, 63])
def test_arrays_come_out_as_they_went_in_and_aligned(shift: int) -> None:
    random = np.random.RandomState(0)
    arrays = {
        "weights": random.randn(3, 5, 7).astype(np.float32), "turned": np.arange(12.0).reshape(3, 4).T,
        "scalar": np.array(2.5, np.float16), "none": np.zeros((0, 4), np.int64), "last": np.arange(3),
    }  # fmt: skip
    places, size = lay_out(arrays)
    room = np.zeros(size + 2 * ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % ALIGNMENT + shift
    block = room[begin : begin + size]
    fill(block, arrays, places)
    block.flags.writeable = False
    found = views(block, places)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert np.array_equal(found[name], array) and found[name].dtype == array.dtype
        assert found[name].ctypes.data % ALIGNMENT == 0
    # Copied only where it had to be.
    assert np.shares_memory(found["weights"], room) == (shift == 0)
    assert found["weights"].flags.writeable == (shift != 0)
