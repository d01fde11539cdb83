"""Measures against cases whose answer is known."""

from __future__ import annotations

import pytest
import torch

from draglab.generators import StyleGAN2, StyleGAN2Config
from recipes.measures import manifold_radii, nearest, path_length, precision_recall


def normals(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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
