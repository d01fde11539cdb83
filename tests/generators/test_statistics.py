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
from draglab.generators import statistics
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
    assert found.pulls.shape == (3 * 16, generator.num_ws, 16)  # as many as there are latents of the features below
    assert found.shares.shape == (576, 3 * 16) and found.places.shape == (576, 2)
    again = measure_statistics(generator)
    assert torch.equal(found.pulls, again.pulls)
    # Features of 8 px depend on the first three latents only.
    assert (found.pulls.square().sum((0, 2)) > 0).tolist() == [True] * 3 + [False] * (generator.num_ws - 3)


def test_pulls_say_what_changes_near_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their mean square along a change equals how much that change alters the features, near each quarter's middle."""
    monkeypatch.setattr(statistics, "PULLS", 64)
    generator = tiny_generator()
    found = measure_statistics(generator)
    change = torch.from_numpy(np.random.RandomState(1).randn(generator.num_ws, 16)).float()
    pulled = (found.shares @ torch.einsum("rld,ld->r", found.pulls, change)).square()
    level = statistics.statistics_level(generator)
    altered = torch.zeros(generator.feature_shape(level))
    for image in range(statistics.IMAGES):
        w_plus = generator.w_plus_from_seed(statistics.FIRST_SEED + image, statistics.TRUNCATION)
        maps = [generator.feature_maps(w_plus + sign * 1e-2 * change, level).top for sign in (1, -1)]
        altered += (maps[0] - maps[1])[0].square().sum(0)
    quarters = altered.unflatten(0, (2, -1)).unflatten(2, (2, -1)).mean((1, 3))
    own = [
        [pulled[(found.places[:, 1] // 0.5 == y) & (found.places[:, 0] // 0.5 == x)].mean() for x in (0, 1)]
        for y in (0, 1)
    ]
    shares = torch.tensor(own) / torch.tensor(own).sum()
    torch.testing.assert_close(shares, quarters / quarters.sum(), rtol=0.25, atol=0.03)


def test_places_are_spread() -> None:
    places = statistics.spread_places(16, np.random.RandomState(0))
    assert sorted(map(tuple, (places // 0.25).astype(int))) == [(x, y) for x in range(4) for y in range(4)]


def test_classes_are_all_examined() -> None:
    generator = tiny_generator(c_dim=3)
    assert measure_statistics(generator).covariance.shape == (16, 16)


def test_statistics_of_an_earlier_version_are_measured_again(tmp_path: Path) -> None:
    import safetensors.torch
    from safetensors import safe_open

    generator, path = tiny_generator(), tmp_path / "tiny.safetensors"
    generator.statistics = measure_statistics(generator)
    save_generator(generator, path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = safetensors.torch.load(path.read_bytes())
    del tensors["statistics.places"], tensors["statistics.shares"]
    path.write_bytes(safetensors.torch.save(tensors, metadata))
    assert draglab.load_generator(path, "cpu").statistics is None


def test_files_keep_statistics(tmp_path: Path) -> None:
    generator = tiny_generator()
    generator.statistics = measure_statistics(generator)
    save_generator(generator, tmp_path / "tiny.safetensors")
    again = draglab.load_generator(tmp_path / "tiny.safetensors", "cpu")
    assert again.sha256 == generator.sha256
    assert again.statistics is not None
    # Layers that have no pulls are not in the file.
    assert torch.equal(again.statistics.pulls == 0, generator.statistics.pulls == 0)
    metrics = [LatentMetric(each, 4, False) for each in (generator.statistics, again.statistics)]
    rows = torch.from_numpy(np.random.RandomState(0).randn(3, 4, 16)).float()
    torch.testing.assert_close(metrics[0](rows), metrics[1](rows), rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("damage", ["width", "layers", "places", "shares", "one", "nan"])
def test_statistics_of_another_model_are_refused(damage: str, tmp_path: Path) -> None:
    generator = tiny_generator()
    covariance, pulls = torch.eye(16), torch.ones(5, generator.num_ws, 16)
    shares, places = torch.eye(7)[:, :5], torch.zeros(7, 2)
    if damage == "width":
        covariance = torch.eye(15)
    elif damage == "layers":
        pulls = torch.cat([pulls, pulls[:, :1]], 1)
    elif damage == "nan":
        covariance[0, 0] = torch.nan
    elif damage == "places":
        places = places[1:]
    elif damage == "shares":
        shares = shares[:, 1:]
    generator.statistics = LatentStatistics(covariance, pulls, shares, places)
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
