"""Filters of pictures and regions."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from draglab.inversion.filters import blurred, closed, grown, opened, parts_of


def square(top: int, left: int, side: int, shape: tuple[int, int] = (60, 70)) -> np.ndarray:
    region = np.zeros(shape, bool)
    region[top : top + side, left : left + side] = True
    return region


@pytest.mark.parametrize("pixels", [0, 1, 4, 5, 11])
def test_growing(pixels: int) -> None:
    assert (grown(square(20, 30, 5), pixels) == square(20 - pixels, 30 - pixels, 5 + 2 * pixels)).all()


def test_closing_fills_gaps_and_holes_and_nothing_else() -> None:
    region = square(10, 10, 30) & ~square(18, 18, 12)  # a ring
    assert (closed(region, 2) == square(10, 10, 30)).all()
    two = square(10, 10, 8) | square(10, 21, 8)  # 3 pixels between them
    assert closed(two, 1).sum() == two.sum()
    assert closed(two, 2).sum() == two.sum() + 3 * 8
    assert not closed(np.zeros((9, 9), bool), 2).any()
    assert closed(np.ones((9, 9), bool), 2).all()
    assert (closed(square(0, 0, 9), 3) == square(0, 0, 9)).all()  # in the corner


def test_opening_removes_what_is_narrow() -> None:
    region = square(10, 10, 20) | square(40, 40, 3)
    region[50:55, :] = True
    assert (opened(region, 2) == region & ~square(40, 40, 3)).all()
    assert (opened(region, 4) == square(10, 10, 20)).all()


def test_parts() -> None:
    region = square(2, 2, 4) | square(20, 20, 9) | square(40, 5, 2)
    assert [part.sum() for part in parts_of(region)] == [81, 16, 4]
    assert (np.any(parts_of(region), axis=0) == region).all()
    assert parts_of(np.zeros((5, 5), bool)) == []


@pytest.mark.parametrize("deviation", [0.5, 2.0, 9.0])
def test_blurs_keep_the_mean_and_spread_as_far_as_they_say(deviation: float) -> None:
    values = np.zeros((101, 101, 1))
    values[50, 50] = 1
    found = blurred(values, deviation)[..., 0]
    assert found.sum() == pytest.approx(1, abs=0.05)
    away = np.arange(101) - 50
    assert (found.sum(0) * away**2).sum() ** 0.5 == pytest.approx(deviation, rel=0.25, abs=0.2)
    assert Image.fromarray(found).size == (101, 101)
