"""Fréchet distances against cases whose answer is known."""

from __future__ import annotations

import pytest
import torch

from draglab.perception import LPIPS, AlexNetFeatures, frechet_distance


def normals(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_frechet_distance_of_shifted_and_stretched_normals() -> None:
    a = normals(200, 0)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    # The same points moved: the covariances cancel and only the shift counts.
    assert frechet_distance(a, a + torch.tensor([3.0, 4.0, 0.0])) == pytest.approx(25, rel=1e-6)
    # Twice as wide: tr(C + 4C - 2 * 2C) = tr C, and the mean moves by itself.
    expected = torch.cov(a.t()).trace() + a.mean(0).square().sum()
    assert frechet_distance(a, 2 * a) == pytest.approx(float(expected), rel=1e-6)


def test_frechet_distance_with_turned_axes() -> None:
    turn, _ = torch.linalg.qr(normals(3, 5))
    scale = torch.diag(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    a = normals(500, 1) @ scale @ turn
    b = normals(400, 2) @ turn @ scale
    covariances = [torch.cov(x.t()) for x in (a, b)]
    # Eigenvalues of the product, which is not symmetric: another way to the same trace.
    shared = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp_min(0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    expected = apart + covariances[0].trace() + covariances[1].trace() - 2 * shared
    assert frechet_distance(a, b) == pytest.approx(float(expected), rel=1e-6)


def test_alexnet_describes_a_picture_by_its_last_layer() -> None:
    lpips = LPIPS()
    images = torch.rand(2, 3, 300, 256, generator=torch.Generator().manual_seed(0)) * 2 - 1
    found = AlexNetFeatures(lpips)(images)
    assert (found.shape, found.dtype) == ((2, 256), torch.float64)
    small = torch.nn.functional.interpolate(images, (256, 218), mode="area")
    assert torch.allclose(found, lpips.activations(small)[4].double().mean((2, 3)))
    assert [each.shape[1] for each in lpips.activations(small)] == [64, 192, 384, 256, 256]
