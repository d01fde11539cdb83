"""FID's network: its shapes, its files, and the official package where that is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from draglab.errors import DraglabError
from draglab.perception.inception import InceptionFeatures, InceptionV3


@pytest.fixture(scope="module")
def stand_in() -> InceptionV3:
    """Random weights of the published shapes."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = InceptionV3().eval()
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.1)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
    return network


@pytest.fixture(scope="module")
def file(stand_in: InceptionV3, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("inception") / "pt_inception.pth"
    # The published file also holds the classifier, which FID does not use.
    torch.save({**stand_in.state_dict(), "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}, path)
    return path


def pictures(count: int, side: int = 80) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_pictures_are_described_by_2048_numbers(stand_in: InceptionV3, file: Path) -> None:
    features = InceptionFeatures(file)
    assert features.title == "FID"
    found = features(pictures(2))
    assert (found.shape, found.dtype) == ((2, 2048), torch.float64)
    resized = torch.nn.functional.interpolate(pictures(2), (299, 299), mode="bilinear", align_corners=False)
    with torch.no_grad():
        assert torch.allclose(found, stand_in(resized).double())
    assert sum(each.numel() for each in stand_in.parameters()) == 21_785_568


def test_safetensors_are_read_too(stand_in: InceptionV3, file: Path, tmp_path: Path) -> None:
    path = tmp_path / "inception.safetensors"
    safetensors.torch.save_file(stand_in.state_dict(), path)
    assert torch.equal(InceptionFeatures(path)(pictures(1)), InceptionFeatures(file)(pictures(1)))


def test_other_files_are_refused(stand_in: InceptionV3, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    with pytest.raises(DraglabError, match="there is no file"):
        InceptionFeatures(path)
    for content in (b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"hello"):
        path.write_bytes(content)
        with pytest.raises(DraglabError, match="cannot read Inception|is not FID's Inception"):
            InceptionFeatures(path)
    torch.save({"Conv2d_1a_3x3.conv.weight": torch.zeros(1)}, path)
    with pytest.raises(DraglabError, match=r"Conv2d_1a_3x3.conv.weight is missing, of another shape"):
        InceptionFeatures(path)
    torch.save({**stand_in.state_dict(), "Mixed_7c.branch_pool.bn.weight": torch.full((192,), torch.nan)}, path)
    with pytest.raises(DraglabError, match="not finite"):
        InceptionFeatures(path)
    torch.save(stand_in, path)  # a whole module, which only runs code
    with pytest.raises(DraglabError, match="cannot read Inception"):
        InceptionFeatures(path)


def test_it_is_the_network_of_the_official_package(stand_in: InceptionV3, monkeypatch: pytest.MonkeyPatch) -> None:
    official = pytest.importorskip("pytorch_fid.inception", reason="the official package pytorch-fid is not installed")
    state = {**stand_in.state_dict(), "fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    monkeypatch.setattr(official, "load_state_dict_from_url", lambda *_, **__: state)
    network = official.InceptionV3([official.InceptionV3.BLOCK_INDEX_BY_DIM[2048]]).eval()
    images = pictures(2)
    with torch.no_grad():
        expected = network((images + 1) / 2)[0][:, :, 0, 0]
        resized = torch.nn.functional.interpolate(images, (299, 299), mode="bilinear", align_corners=False)
        assert torch.allclose(stand_in(resized), expected, atol=1e-4, rtol=1e-4)
