"""Samples of feature maps equal their slow twins."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from draglab.dragging.bilinear import sample_grids, sample_points, sample_positions, sample_resized
from draglab.generators.windows import Windows, cut
from draglab.geometry import to_feature_coordinates
from tests.reference.drag import bilinear

SIZES = st.integers(1, 7)


def random_map(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """[1, 5, height, width], channels_last as the generator's are."""
    source = torch.Generator().manual_seed(seed)
    features = torch.randn(1, 5, height, width, generator=source, dtype=torch.float64)
    return features.contiguous(memory_format=torch.channels_last)


def as_whole(features: torch.Tensor) -> Windows:
    """One window that is the map."""
    return Windows(features, np.zeros((1, 2), np.int64), (features.shape[2], features.shape[3]))


@given(SIZES, SIZES, st.lists(st.tuples(st.floats(-3, 10), st.floats(-3, 10)), min_size=1, max_size=5))
def test_points_equal_the_twin_inside_and_beyond_the_borders(
    height: int, width: int, points: list[tuple[float, float]]
) -> None:
    features = random_map(height, width)
    found = sample_points(as_whole(features), np.array(points)[:, None])
    expected = torch.stack([bilinear(features, x, y) for x, y in points])[:, None]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 4))
@settings(max_examples=30)
def test_whole_image_equals_bilinear_resizing(height: int, width: int, factor: int) -> None:
    """Sampling at all pixels of an image is what resizing the whole map to it would give there."""
    features = random_map(height, width)
    image = (height * factor, width * factor)
    rows, columns = np.meshgrid(np.arange(image[0]), np.arange(image[1]), indexing="ij")
    pixels = np.stack([columns, rows], axis=-1).astype(np.float64)
    found = sample_points(as_whole(features), to_feature_coordinates(pixels, image, (height, width)))
    expected = F.interpolate(features, image, mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@given(st.integers(2, 6), st.integers(1, 3), st.lists(st.tuples(st.floats(-3, 20), st.floats(-3, 20)), min_size=1))
@settings(max_examples=30)
def test_resized_samples_equal_a_resized_map(size: int, factor: int, points: list[tuple[float, float]]) -> None:
    features = random_map(size, size + 1)
    image = (size * factor, (size + 1) * factor)
    resized = F.interpolate(features, image, mode="bilinear", align_corners=False)
    found = sample_resized(as_whole(features), np.array(points)[None], image)[0]
    expected = torch.stack([bilinear(resized, x, y) for x, y in points])
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


coordinates = st.lists(st.floats(-2, 9), min_size=3, max_size=3)


@given(SIZES, SIZES, st.lists(coordinates, min_size=2, max_size=2), st.lists(coordinates, min_size=2, max_size=2))
def test_grids_equal_points(height: int, width: int, xs: list[list[float]], ys: list[list[float]]) -> None:
    windows = as_whole(random_map(height, width))
    columns, rows = np.array(xs), np.array(ys)
    found = sample_grids(windows, columns, rows)
    for index in range(2):
        positions = np.stack(np.meshgrid(columns[index], rows[index], indexing="xy"), axis=-1)
        torch.testing.assert_close(found[index], sample_points(windows, positions), rtol=1e-10, atol=1e-10)


@given(st.lists(st.tuples(st.floats(0, 11), st.floats(0, 8)), min_size=1, max_size=3))
def test_windows_equal_the_whole_map(points: list[tuple[float, float]]) -> None:
    """Every handle reads its own window, also one that begins outside the map."""
    features = random_map(9, 12)
    handles = np.array(points)
    origins = np.floor(handles).astype(np.int64) - 2
    windows = Windows(cut(features, origins, (6, 6)), origins, (9, 12))
    positions = handles[:, None] + np.array([[0.0, 0.0], [-1.3, 1.7], [2.0, -2.0]])
    expected = sample_points(as_whole(features), positions)
    torch.testing.assert_close(sample_points(windows, positions), expected, rtol=1e-12, atol=1e-12)
    xs, ys = handles[:, :1] + np.array([-2.0, 0.3, 1.9]), handles[:, 1:] + np.array([-1.1, 2.0])
    expected = sample_grids(as_whole(features), xs, ys)
    torch.testing.assert_close(sample_grids(windows, xs, ys), expected, rtol=1e-12, atol=1e-12)


def test_reading_beside_a_window_is_an_error() -> None:
    origins = np.array([[4, 4]])
    windows = Windows(cut(random_map(12, 12), origins, (3, 3)), origins, (12, 12))
    with pytest.raises(AssertionError):
        sample_points(windows, np.array([[[3.5, 5.0]]]))
    with pytest.raises(AssertionError):
        sample_grids(windows, np.array([[5.0]]), np.array([[6.5]]))


def test_gradient_reaches_the_four_neighbours() -> None:
    features = random_map(4, 4).requires_grad_(True)
    positions = np.array([[[1.25, 2.5], [0.0, 0.0], [9.0, 9.0]]])
    assert torch.autograd.gradcheck(lambda x: sample_points(as_whole(x), positions), (features,))
    (gradient,) = torch.autograd.grad(sample_points(as_whole(features), positions[:, :1]).sum(), features)
    assert torch.nonzero(gradient[0, 0]).tolist() == [[2, 1], [2, 2], [3, 1], [3, 2]]
    torch.testing.assert_close(gradient[0, 0, 2, 1].item(), 0.375)


def test_positions_known_on_the_device_sample_the_same() -> None:
    """From windows, one for each handle, and from the whole map; over the image's borders too."""
    features = torch.randn(1, 5, 12, 16, dtype=torch.float64)
    shape = (48, 64)
    pixels = np.random.RandomState(0).uniform(-3, 20, (2, 9, 2))
    expected = sample_points(as_whole(features), to_feature_coordinates(pixels, shape, (12, 16)))
    origins = np.array([[0, 0], [-1, -2]])
    windows = Windows(cut(features, origins, (9, 8)), origins, (12, 16))
    for each in (as_whole(features), windows):
        found = sample_positions(each, torch.from_numpy(pixels), shape)
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
