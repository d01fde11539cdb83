"""Statistics of a model's latents: what they are, and that files keep them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import draglab
from draglab.checkpoints import save_generator
from draglab.dragging.metric import LatentMetric
from draglab.errors import DraglabError
from draglab.generators.statistics import LatentStatistics, measure_statistics
from tests.tiny import tiny_generator


def test_statistics_are_what_they_say() -> None:
    generator = tiny_generator()
    shares: list[float] = []
    found = measure_statistics(generator, shares.append)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)
    z = torch.from_numpy(np.random.RandomState(0).randn(4000, 16)).float()
    torch.testing.assert_close(found.covariance, torch.cov(generator.mapping(z)[:, 0].t()), rtol=1e-3, atol=1e-6)
    assert found.pulls.shape == (160, generator.num_ws, 16)
    again = measure_statistics(generator)
    assert torch.equal(found.pulls, again.pulls)
    # Features of 8 px depend on the first three latents only.
    assert (found.pulls.square().sum((0, 2)) > 0).tolist() == [True] * 3 + [False] * (generator.num_ws - 3)


def test_classes_are_all_examined() -> None:
    generator = tiny_generator(c_dim=3)
    assert measure_statistics(generator).covariance.shape == (16, 16)


def test_files_keep_statistics(tmp_path: Path) -> None:
    generator = tiny_generator()
    generator.statistics = measure_statistics(generator)
    save_generator(generator, tmp_path / "tiny.safetensors")
    again = draglab.load_generator(tmp_path / "tiny.safetensors", "cpu")
    assert again.sha256 == generator.sha256
    assert again.statistics is not None
    metrics = [LatentMetric(each, 4, False) for each in (generator.statistics, again.statistics)]
    rows = torch.from_numpy(np.random.RandomState(0).randn(3, 4, 16)).float()
    torch.testing.assert_close(metrics[0](rows), metrics[1](rows), rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("damage", ["width", "layers", "one", "nan"])
def test_statistics_of_another_model_are_refused(damage: str, tmp_path: Path) -> None:
    generator = tiny_generator()
    covariance, pulls = torch.eye(16), torch.ones(5, generator.num_ws, 16)
    if damage == "width":
        covariance = torch.eye(15)
    elif damage == "layers":
        pulls = pulls[:, 1:]
    elif damage == "nan":
        covariance[0, 0] = torch.nan
    generator.statistics = LatentStatistics(covariance, pulls)
    save_generator(generator, tmp_path / "tiny.safetensors")
    if damage == "one":
        import safetensors.torch
        from safetensors import safe_open

        path = tmp_path / "tiny.safetensors"
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        tensors = safetensors.torch.load(path.read_bytes())
        del tensors["statistics.pulls"]
        path.write_bytes(safetensors.torch.save(tensors, metadata))
    with pytest.raises(DraglabError, match="statistics do not fit"):
        draglab.load_generator(tmp_path / "tiny.safetensors", "cpu")
