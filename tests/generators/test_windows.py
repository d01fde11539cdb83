"""Windows are exactly the same parts of the whole map, and so are their gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from draglab.generators import StyleGAN2, StyleGAN2Config
from draglab.generators.block_windows import (
    BlockWindowPlan,
    RunLayer,
    Shape,
    WindowedBlock,
    WindowedLayer,
    WindowedNetwork,
)
from draglab.generators.stylegan2.windows import windowed_network
from draglab.generators.windows import Windows, cut
from tests.generators.configs import CONFIGS, make_generator, plan_of, random_w_plus

GENERATORS: dict[str, StyleGAN2] = {}
NAMES = [name for name in CONFIGS if name != "smallest"]


def generator_of(name: str) -> StyleGAN2:
    """Made once."""
    if name not in GENERATORS:
        GENERATORS[name] = make_generator(name)
    return GENERATORS[name]


def assert_equal(windows: Windows, origins: np.ndarray, size: tuple[int, int], whole: torch.Tensor) -> None:
    """The windows are those asked for, with the whole map's values, and zeros outside it."""
    assert windows.origins.tolist() == origins.tolist()
    torch.testing.assert_close(windows.values, cut(whole, origins, size), rtol=1e-9, atol=1e-9)


@given(
    name=st.sampled_from(NAMES),
    resolution=st.sampled_from([8, 16, 32]),
    whole_until=st.sampled_from([4, 8, 16]),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    corners=st.lists(st.tuples(st.integers(-4, 34), st.integers(-4, 34)), min_size=1, max_size=3),
)
@settings(max_examples=120, deadline=None)
def test_windows_equal_the_whole_map(
    name: str, resolution: int, whole_until: int, size: tuple[int, int], corners: list[tuple[int, int]]
) -> None:
    """At all borders and corners, partly and wholly outside, for every architecture, clamp, noise and filter."""
    generator = generator_of(name)
    whole_until = min(whole_until, resolution // 2)
    w_plus = random_w_plus(generator)
    plan = plan_of(generator, resolution, [(size, len(corners))], whole_until)
    origins = np.array(corners)
    with torch.no_grad():
        assert_equal(plan.run(w_plus, [origins])[0], origins, size, generator.features(w_plus, resolution))


@pytest.mark.parametrize("name", NAMES)
def test_gradients_equal_those_of_the_whole_map(name: str) -> None:
    generator = generator_of(name)
    origins, size = np.array([[-2, 3], [13, 27], [20, 8]]), (6, 5)
    gradients = []
    for windowed in (True, False):
        w_plus = random_w_plus(generator).requires_grad_(True)
        if windowed:
            windows = plan_of(generator, 32, [(size, 3)], 4).run(w_plus, [origins])
            values = windows[0].values
        else:
            values = cut(generator.features(w_plus, 32), origins, size)
        weights = torch.linspace(-1, 1, values.numel(), dtype=values.dtype).view_as(values)
        (gradient,) = torch.autograd.grad((values * weights).sum(), w_plus)
        gradients.append(gradient)
    assert gradients[1].abs().max() > 1e-4
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-8, atol=1e-9)


def test_groups_of_different_sizes() -> None:
    generator = generator_of("skip")
    w_plus = random_w_plus(generator)
    groups = [((5, 5), 2), ((20, 9), 1)]
    origins = [np.array([[3, 4], [-1, 28]]), np.array([[6, 7]])]
    plan = plan_of(generator, 32, groups, 8)
    whole = generator.features(w_plus, 32)
    for windows, asked, (size, _) in zip(plan.run(w_plus, origins), origins, groups, strict=True):
        assert_equal(windows, asked, size, whole)


def test_float32_is_as_close_as_float32_is() -> None:
    generator = make_generator("skip", torch.float32)
    w_plus = random_w_plus(generator)
    whole = generator.features(w_plus, 32)
    windows = plan_of(generator, 32, [((7, 7), 1)], 4).run(w_plus, [np.array([[5, 9]])])[0]
    expected = cut(whole, windows.origins, (windows.values.shape[2], windows.values.shape[3]))
    assert (windows.values - expected).abs().max() <= 1e-5 * whole.abs().max()


def test_noise_can_be_left_out() -> None:
    generator = generator_of("skip")
    w_plus = random_w_plus(generator)
    windows = plan_of(generator, 32, [((7, 7), 1)], 8).run(w_plus, [np.array([[5, 9]])], mode="none")[0]
    whole = generator.features(w_plus, 32, noise_mode="none")
    assert_equal(windows, np.array([[5, 9]]), (7, 7), whole)


def test_the_plan_follows_cost() -> None:
    """A full-size network: small windows save the upper blocks, many or large ones save nothing."""
    with torch.device("meta"):
        network = windowed_network(StyleGAN2(StyleGAN2Config(img_resolution=512)).synthesis)
    assert BlockWindowPlan(network, 128, [((12, 12), 1)]).whole_until <= 16
    assert BlockWindowPlan(network, 128, [((12, 12), 68)]).whole_until == 128
    assert BlockWindowPlan(network, 128, [((128, 128), 1)]).whole_until == 128
    few, many = (BlockWindowPlan(network, 128, [((12, 12), count)]).whole_until for count in (1, 8))
    assert few <= many


def test_there_is_no_plan_where_whole_maps_cost_less() -> None:
    with torch.device("meta"):
        generator = StyleGAN2(StyleGAN2Config(img_resolution=256))
    assert generator.window_plan(128, [((128, 128), 1)]) is None
    plan = generator.window_plan(128, [((12, 12), 1)])
    assert plan is not None
    assert plan.whole_until < 128


def layer_of(run: RunLayer, scale: int, reach: int) -> WindowedLayer:
    def multiplications(inputs: Shape, outputs: Shape) -> float:
        return 9.0 * outputs[0] * outputs[1]

    return WindowedLayer(run, scale, reach, reach, multiplications)


def other_network() -> WindowedNetwork:
    """Not StyleGAN2's layers: pixels doubled, a depthwise 3x3 convolution, a 1x1 convolution of which zero is no fixed
    point, another 3x3."""
    source = torch.Generator().manual_seed(0)
    each = torch.randn(5, 1, 3, 3, generator=source, dtype=torch.float64)
    mixed = torch.randn(5, 5, 1, 1, generator=source, dtype=torch.float64)

    def double(x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, scale_factor=2)

    def deep(x: torch.Tensor, padding: int = 0) -> torch.Tensor:
        return F.conv2d(x, each, groups=5, padding=padding)

    def mix(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, mixed).sigmoid()

    def whole(w_plus: torch.Tensor, level: int, noise_mode: str, dtype: torch.dtype | None) -> torch.Tensor:
        x = w_plus[:, :1].reshape(-1, 5, 4, 4)
        for _ in range(level.bit_length() - 3):
            x = deep(mix(deep(double(x), 1)), 1)
        return x

    layers = [
        layer_of(lambda x, *_: double(x), 2, 0),
        layer_of(lambda x, *_: deep(x), 1, 1),
        layer_of(lambda x, *_: mix(x), 1, 0),
        layer_of(lambda x, *_: deep(x), 1, 1),
    ]
    blocks = {4: WindowedBlock([]), 8: WindowedBlock(layers), 16: WindowedBlock(layers)}
    return WindowedNetwork(blocks, lambda level: (level, level), whole)


@pytest.mark.parametrize("whole_until", [4, 8])
def test_other_layers_have_windows_by_their_description(whole_until: int) -> None:
    network = other_network()
    plan = BlockWindowPlan(network, 16, [((5, 4), 4)])
    plan.whole_until = whole_until
    w_plus = torch.randn(1, 1, 80, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    origins = np.array([[0, 0], [-2, 13], [7, 6], [14, -3]])
    assert_equal(plan.run(w_plus, [origins])[0], origins, (5, 4), network.whole_map(w_plus, 16, "const", None))
