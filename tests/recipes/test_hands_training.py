"""The hands recipe at a tiny scale: networks, both stages, export and card, on synthetic photos."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import ModuleType

import pytest
import torch

from draglab.checkpoints import read_generator, read_header
from recipes.convnet import convnet_optimizers
from recipes.discriminator import LEVELS, ProjectedDiscriminator, hinge_losses
from recipes.hands import export, measure, networks, train_adversarial, train_autoencoder
from recipes.hands.model import Encoder, divergence, hands_config
from recipes.squeezenet import CHANNELS, STAGES, STRIDES, SqueezeNet, perceptual_distance
from tests.recipes.networks import write_squeezenet
from tests.recipes.test_hands_data import write_photos


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory: pytest.TempPathFactory) -> SqueezeNet:
    return SqueezeNet(write_squeezenet(tmp_path_factory.mktemp("squeezenet") / "weights.npz"))


def test_squeezenet_stages_have_the_sizes_that_the_tables_say(squeezenet: SqueezeNet) -> None:
    found = squeezenet(torch.zeros(1, 3, 64, 64))
    for name in STAGES:
        assert found[name].shape == (1, CHANNELS[name], 64 // STRIDES[name], 64 // STRIDES[name])
    assert list(squeezenet(torch.zeros(1, 3, 64, 64), "fire4")) == list(STAGES[:4])


def test_perceptual_distance_sums_stages_of_normalised_features(squeezenet: SqueezeNet) -> None:
    a, b = torch.rand(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    expected = torch.zeros(3)
    for x, y in zip(squeezenet(a, "fire4").values(), squeezenet(b, "fire4").values(), strict=True):
        x, y = (each / (each.norm(dim=1, keepdim=True) + 1e-3) for each in (x, y))
        expected += (x - y).norm(dim=1).square().mean((1, 2))
    found = perceptual_distance(squeezenet(a, "fire4"), squeezenet(b, "fire4"))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.min() > 0


def test_divergence_from_the_normal_prior() -> None:
    zero = torch.zeros(2, 5)
    assert divergence(zero, zero).tolist() == [0, 0]
    assert divergence(zero + 2, zero).tolist() == [10, 10]
    torch.manual_seed(0)
    mean, logvar = torch.tensor([[0.5, -1.0]]), torch.tensor([[-1.0, 0.3]])
    z = mean + torch.randn(200_000, 2) * (0.5 * logvar).exp()
    ratio = -0.5 * ((z - mean) ** 2 / logvar.exp() + logvar) + 0.5 * z**2
    assert float(divergence(mean, logvar)) == pytest.approx(float(ratio.sum(1).mean()), rel=0.02)


def test_the_encoder_learns() -> None:
    torch.manual_seed(0)
    encoder = Encoder(8)
    optimizers = convnet_optimizers(encoder)
    images = torch.rand(8, 3, 64, 64) * 2 - 1
    wanted = torch.randn(8, 8)
    losses = []
    for _ in range(12):
        loss = (encoder(images)[0] - wanted).square().mean()
        losses.append(loss.item())
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


def test_the_generator_is_small_and_fine_enough_to_drag() -> None:
    config = hands_config()
    assert config.img_resolution == 128
    assert config.channels_at(64) >= 64


def test_the_discriminator_learns_to_tell_two_kinds_apart(squeezenet: SqueezeNet) -> None:
    torch.manual_seed(0)
    discriminator = ProjectedDiscriminator()
    smooth = torch.rand(4, 3, 1, 1).expand(4, 3, 128, 128).contiguous()
    rough = torch.rand(4, 3, 128, 128)
    with torch.no_grad():
        found = squeezenet(torch.cat([smooth, rough]))
        discriminator.mixing.calibrate(found)
        mixed = discriminator.mixing(found)
    for name, width in LEVELS.items():
        assert mixed[name].shape[1] == width
        assert 0.1 < float(mixed[name].square().mean().sqrt()) < 10
    optimizer = torch.optim.Adam(discriminator.parameters(), 1e-4, betas=(0.0, 0.99))
    losses = []
    for _ in range(24):
        logits = discriminator(mixed)
        loss = hinge_losses(logits[:4], logits[4:])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logits.shape == (8, len(LEVELS))
    assert losses[0] == pytest.approx(2 * len(LEVELS), rel=0.3)
    assert losses[-1] < 0.8 * losses[0]
    assert (logits[:4].mean(0) > logits[4:].mean(0)).all()
    assert not [name for name, _ in discriminator.named_parameters() if name.startswith("mixing")]


@pytest.mark.slow
def test_both_stages_resume_export_and_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(networks, "SAMPLES", 16)
    # Training takes Ctrl-C and TERM over; the tests keep theirs.
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(module: ModuleType, *arguments: str | Path) -> str:
        module.main([str(argument) for argument in arguments])
        return capsys.readouterr().out

    photos = write_photos(tmp_path / "photos", 10)
    squeezenet = write_squeezenet(tmp_path / "squeezenet.npz")
    inputs = ["--photos", photos, "--squeezenet", squeezenet]
    small = ["--no-compile", "--batch", "4", "--limit", "16"]
    first, second = tmp_path / "first", tmp_path / "second"
    run(train_autoencoder, *inputs, *small, "--out", first, "--phases", "32:8")
    printed = run(train_autoencoder, *inputs, *small, "--out", first, "--phases", "32:8,64:4")
    assert "resumed at 8 images" in printed
    assert (first / "sheet_0000012.png").exists()

    run(train_adversarial, *inputs, *small, "--start", first, "--out", second, "--phases", "64:4")
    before = torch.load(second / "checkpoint.pt", weights_only=True)
    printed = run(train_adversarial, *inputs, *small, "--start", first, "--out", second, "--phases", "64:4,128:4")
    assert "resumed at 4 images" in printed
    after = torch.load(second / "checkpoint.pt", weights_only=True)
    for part in ("generator", "encoder", "discriminator", "average"):
        assert any(not torch.equal(after[part][name], before[part][name]) for name in before[part]), part
    for name in before["discriminator"]:
        if name.startswith("mixing"):
            assert torch.equal(after["discriminator"][name], before["discriminator"][name])
    rows = [json.loads(line) for line in (second / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["shown"] == 8
    assert not list(second.glob("*.tmp"))

    run(export, "--run", first, second, "--out", tmp_path / "zoo")
    path = tmp_path / "zoo" / "hands.safetensors"
    assert path.stat().st_size < 11e6
    assert read_header(path).card["images_shown"] == 20
    generator = read_generator(path)
    assert generator.w_avg.abs().max() > 0
    wanted = after["average"]["synthesis.b64.conv1.weight"]
    assert torch.allclose(generator.published_tensors()["synthesis.b64.conv1.weight"], wanted, atol=2e-3, rtol=2e-3)

    facts = json.loads(run(measure, "--model", path, *inputs, "--out", tmp_path / "zoo", "--pairs", "4"))
    assert facts["frechet"] > facts["frechet_floor"] > 0
    assert 0 <= facts["precision"] <= 1
    card = (tmp_path / "zoo" / "hands.md").read_text()
    assert "20 images" in card
    assert "{" not in card and "FID" not in card.replace("not FID", "")
    for name in ("hands", "hands_beside_photos", "hands_neighbours"):
        assert (tmp_path / "zoo" / f"{name}.webp").exists()
