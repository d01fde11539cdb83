"""Parts of the page that compute, against slow and obvious ones."""

import numpy as np
import pytest
from numpy.typing import NDArray

PAINT = """async ([width, height, strokes]) => {
    const { filled, stroke } = await import("/static/js/mask/bitmap.js");
    const mask = filled(width, height, 0);
    for (const [a, b, radius, value] of strokes) stroke(mask, a, b, radius, value);
    return [...mask.data];
}"""
FLOOD = """async ([width, height, data, at]) => {
    const { flood } = await import("/static/js/mask/bitmap.js");
    const mask = {width, height, data: Uint8Array.from(data)};
    flood(mask, at, 1);
    return [...mask.data];
}"""
SOFTEN = """async ([width, height, data, radius]) => {
    const { softened } = await import("/static/js/mask/bitmap.js");
    return [...softened({width, height, data: Uint8Array.from(data)}, radius)];
}"""
THERE_AND_BACK = """async ([stage, image, zooms, point]) => {
    const { Viewport } = await import("/static/js/stage/viewport.js");
    const view = new Viewport();
    view.resizeStage(...stage);
    view.setImage(...image);
    for (const [factor, at] of zooms) view.zoomAt(factor, at);
    return [view.zoom, view.corner, view.toScreen(point), view.toImage(view.toScreen(point))];
}"""


def near_segment(shape: tuple[int, int], a, b, radius: float) -> NDArray[np.bool_]:
    """Pixels whose centre is within `radius` of one of many points between a and b."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    places = [np.asarray(a) + (np.asarray(b) - a) * t for t in np.linspace(0, 1, 2001)]
    return np.min([np.hypot(x - px, y - py) for px, py in places], axis=0) <= radius


def test_strokes_paint_what_is_near_their_line(editor):
    strokes = [
        [[3.3, 2.1], [25.7, 14.2], 3.2, 1],
        [[30.0, -4.0], [-3.0, 18.0], 2.4, 1],
        [[12.2, 8.1], [12.2, 8.1], 4.1, 0],
    ]
    expected = np.zeros((20, 31), bool)
    for a, b, radius, value in strokes:
        expected[near_segment(expected.shape, a, b, radius)] = value
    painted = np.array(editor.page.evaluate(PAINT, [31, 20, strokes])).reshape(20, 31)
    np.testing.assert_array_equal(painted, expected)


def test_fill_stops_at_what_is_painted(editor):
    rng = np.random.default_rng(0)
    walls = rng.random((17, 23)) < 0.35
    walls[8, 11] = False
    expected = np.zeros_like(walls)
    expected[8, 11] = True
    for _ in range(walls.size):
        grown = np.pad(expected, 1)
        expected = expected | (grown[:-2, 1:-1] | grown[2:, 1:-1] | grown[1:-1, :-2] | grown[1:-1, 2:]) & ~walls
    filled = editor.page.evaluate(FLOOD, [23, 17, walls.astype(int).ravel().tolist(), [11, 8]])
    np.testing.assert_array_equal(np.array(filled).reshape(17, 23), walls | expected)


def test_soft_edges_are_three_running_means(editor):
    mask = (np.random.default_rng(1).random((9, 14)) < 0.5).astype(float)
    expected = mask
    for _ in range(3):
        for axis in (1, 0):
            padded = np.pad(expected, [(2, 2) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
            expected = np.mean([np.take(padded, range(k, k + mask.shape[axis]), axis) for k in range(5)], axis=0)
    soft = editor.page.evaluate(SOFTEN, [14, 9, mask.astype(int).ravel().tolist(), 4])
    np.testing.assert_allclose(np.array(soft).reshape(9, 14), expected, atol=1e-5)


def test_places_on_the_stage_and_in_the_image_are_each_others(editor):
    zooms = [[3.0, [200.0, 100.0]], [1.7, [410.0, 222.0]], [0.6, [0.0, 0.0]]]
    zoom, corner, screen, image = editor.page.evaluate(THERE_AND_BACK, [[840, 600], [128, 96], zooms, [31.25, 60.5]])
    assert image == pytest.approx([31.25, 60.5])
    # docs/conventions.md: an image pixel's centre is half a pixel from its corner.
    assert screen == pytest.approx([corner[0] + 31.75 * zoom, corner[1] + 61.0 * zoom])
    _, _, before, _ = editor.page.evaluate(THERE_AND_BACK, [[840, 600], [128, 96], zooms[:2], [31.25, 60.5]])
    # What is under the pointer stays there.
    assert np.subtract(screen, [0, 0]) == pytest.approx(np.multiply(before, 0.6))
