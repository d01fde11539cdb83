"""Measures against cases whose answer is known."""

from __future__ import annotations

import pytest
import torch

from draglab.generators import StyleGAN2, StyleGAN2Config
from recipes.measures import frechet_distance, manifold_radii, nearest, path_length, precision_recall


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


def test_manifold_radius_counts_other_points_only() -> None:
    line = torch.tensor([[0.0], [1.0], [3.0], [6.0]])
    assert manifold_radii(line, 1).flatten().tolist() == [1, 1, 2, 3]
    assert manifold_radii(line, 2).flatten().tolist() == [3, 2, 3, 5]


def test_precision_and_recall_tell_quality_from_coverage() -> None:
    clusters = torch.cat([normals(100, 3), normals(100, 4) + 100])
    one = normals(100, 6)
    precision, recall = precision_recall(clusters, one)
    assert precision > 0.6
    assert recall == pytest.approx(0.5, abs=0.15)
    swapped = precision_recall(one, clusters)
    assert swapped == (recall, precision)
    assert precision_recall(clusters, clusters + 1000) == (0, 0)


def test_nearest() -> None:
    distances, indices = nearest(torch.tensor([[0.0, 0.0]]), torch.tensor([[5.0, 0.0], [3.0, 4.0], [0.0, 1.0]]), 2)
    assert indices[0, 0] == 2
    assert distances[0].tolist() == pytest.approx([1.0, 5.0])


def test_path_length_is_independent_of_the_step_for_a_smooth_generator() -> None:
    config = StyleGAN2Config(16, z_dim=4, w_dim=8, mapping_layers=1, channel_base=64, channel_max=8, use_noise=False)
    torch.manual_seed(0)
    generator = StyleGAN2(config)

    def squared(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return (a - b).square().sum((1, 2, 3))

    lengths = [path_length(generator, squared, count=8, epsilon=epsilon, batch=3) for epsilon in (1e-2, 5e-3)]
    assert lengths[0] > 0
    assert lengths[1] == pytest.approx(lengths[0], rel=0.1)
    assert path_length(generator, lambda a, b: torch.zeros(len(a)), count=4) == 0
