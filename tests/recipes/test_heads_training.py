"""The heads recipe at a tiny scale, from rendered data to a measured model file, on made-up renders."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="the head renderer needs numba")
pytest.importorskip("scipy", reason="the head renderer needs scipy")

from draglab.checkpoints import read_generator, read_header, save_generator
from draglab.perception import load_landmark_net
from recipes.data import to_float
from recipes.heads import (
    export,
    measure,
    networks,
    train,
    train_adversarial,
    train_attributes,
    train_encoder,
    train_landmarks,
)
from recipes.heads.attributes import NAMES, AttributeNet, load_attribute_net, save_attribute_net
from recipes.heads.data import Renders
from recipes.heads.scene import Z_DIM
from tests.recipes.networks import write_squeezenet
from tests.tiny import tiny_generator

SIZE = 64
pytestmark = pytest.mark.slow


def fake_renders(folder: Path, count: int, seed: int) -> Path:
    """Images that z explains: brightness and a bar. Rendering itself has its own tests."""
    folder.mkdir()
    random = np.random.RandomState(seed)
    z = random.randn(count, Z_DIM).astype(np.float32)
    z /= np.sqrt((z**2).mean(1, keepdims=True))
    images = np.full((count, SIZE, SIZE, 3), 128, np.uint8)
    images[:, 20:40] = np.clip(128 + 40 * z[:, None, None, :3], 0, 255).astype(np.uint8)
    np.save(folder / "z.npy", z)
    np.save(folder / "images.npy", images)
    np.save(folder / "landmarks.npy", random.uniform(0, SIZE - 1, (count, 68, 2)).astype(np.float32))
    np.save(folder / "visible.npy", np.ones((count, 68), bool))
    return folder


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str | Path]:
    """Options that name renders. Training takes Ctrl-C and TERM over; the tests keep theirs."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(networks, "SAMPLES", 16)
    data, held_out = fake_renders(tmp_path / "data", 64, 0), fake_renders(tmp_path / "held_out", 16, 1)
    return ["--data", data, "--held-out", held_out]


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    (tmp_path / "assets" / "metrics").mkdir(parents=True)
    write_squeezenet(tmp_path / "assets" / networks.SQUEEZENET)
    return tmp_path / "assets"


def test_both_stages_resume_export_and_measure(
    tmp_path: Path, inputs: list[str | Path], assets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(module: ModuleType, *arguments: str | Path) -> str:
        module.main([str(argument) for argument in (*inputs, *arguments)])
        return capsys.readouterr().out

    common = ["--assets", assets, "--no-compile", "--batch", "4", "--device", "cpu"]
    first, second = tmp_path / "first", tmp_path / "second"
    run(train, *common, "--out", first, "--phases", "32:8")
    printed = run(train, *common, "--out", first, "--phases", "32:8,64:8")
    assert "resumed at 8 images" in printed
    assert sorted(path.name for path in first.glob("sheet_*")) == ["sheet_0000008.png", "sheet_0000016.png"]

    common += ["--start", first, "--out", second, "--others", "3", "--dragged", "0"]
    run(train_adversarial, *common, "--phases", "64:4")
    before = torch.load(second / "checkpoint.pt", weights_only=True)
    printed = run(train_adversarial, *common, "--phases", "64:8")
    assert "resumed at 4 images" in printed
    after = torch.load(second / "checkpoint.pt", weights_only=True)
    for part in ("generator", "discriminator", "average"):
        assert any(not torch.equal(after[part][name], before[part][name]) for name in before[part]), part
    rows = [json.loads(line) for line in (second / "log.jsonl").read_text().splitlines()]
    assert [row["shown"] for row in rows] == [0, 4, 8]
    assert rows[-1]["frechet"] > 0 and not list(second.glob("*.tmp"))

    zoo = tmp_path / "zoo"
    export.main(["--run", str(first), str(second), "--out", str(zoo)])
    assert json.loads(capsys.readouterr().out)["shown"] == 24
    path = zoo / "heads.safetensors"
    assert read_header(path).card["images_shown_by_stage"] == [16, 8]
    generator = read_generator(path)
    assert generator.img_resolution == SIZE
    wanted = after["average"]["synthesis.b64.conv1.weight"]
    assert torch.allclose(generator.published_tensors()["synthesis.b64.conv1.weight"], wanted, atol=2e-3, rtol=2e-3)

    net = tmp_path / "attributes.safetensors"
    save_attribute_net(AttributeNet(32), net)
    facts = json.loads(
        run(measure, "--model", path, "--assets", assets, "--attributes", net, "--out", zoo, "--pairs", "4")
    )
    assert facts["frechet"] > facts["frechet_floor"] > 0
    card = (zoo / "heads.md").read_text()
    assert "24 images" in card
    assert "{" not in card and "FID" not in card.replace("not FID", "")
    measures = json.loads((zoo / "measures.json").read_text())
    assert list(measures["coverage"]) == list(NAMES)
    # The error is that of the stored model's pictures of the held-out scenes.
    held_out = Renders(tmp_path / "held_out")
    with torch.no_grad():
        made = generator(held_out.z).clamp(-1, 1)
    error = float((made - to_float(held_out.images)).abs().mean()) * 127.5
    assert measures["held_out_error"] == pytest.approx(error, rel=1e-3)
    for name in ("heads", "heads_beside_renders", "heads_neighbours"):
        assert (zoo / f"{name}.webp").exists()


def test_a_model_of_other_scenes_is_not_measured(tmp_path: Path, inputs: list[str | Path]) -> None:
    path, net = tmp_path / "tiny.safetensors", tmp_path / "attributes.safetensors"
    save_generator(tiny_generator(), path)
    save_attribute_net(AttributeNet(32), net)
    options = [*inputs, "--model", path, "--assets", tmp_path, "--attributes", net, "--out", tmp_path / "out"]
    with pytest.raises(SystemExit, match="16 scene numbers and 32 px, the renders 74 and 64"):
        measure.main([str(option) for option in options])


def test_attributes_are_read_off_in_their_own_units(
    tmp_path: Path, inputs: list[str | Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "attributes.safetensors"
    options = [*inputs, "--out", out, "--size", "32", "--minutes", "0.02"]
    train_attributes.main([str(option) for option in options])
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])) == set(NAMES)
    net = load_attribute_net(out)
    with torch.no_grad():
        found = net(to_float(Renders(tmp_path / "held_out").images))
    assert found.shape == (16, len(NAMES))
    # Degrees and shares: untrained, all would be of the same size.
    assert found[:, NAMES.index("yaw")].abs().max() > 3
    assert found[:, NAMES.index("skin")].mean() == pytest.approx(0.67, abs=0.2)
    with pytest.raises(SystemExit, match="cannot be shrunk to 48"):
        train_attributes.main([*map(str, options), "--size", "48"])
    with pytest.raises(SystemExit, match="recipes.heads.train_attributes"):
        load_attribute_net(tmp_path / "absent.safetensors")


def test_landmark_training_at_another_size(
    tmp_path: Path, inputs: list[str | Path], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "judge.safetensors"
    options = [*inputs, "--out", out, "--minutes", "0.02", "--size", "32", "--limit", "32"]
    train_landmarks.main([str(option) for option in options])
    assert "held-out error" in capsys.readouterr().out
    net = load_landmark_net(out)
    assert net.input_size == 32
    # Points are in pixels of the 64-pixel renders and not of what the network looks at.
    assert net(to_float(Renders(tmp_path / "held_out").images)).max() > 36


def test_encoder(tmp_path: Path, inputs: list[str | Path], capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "tiny.safetensors", tmp_path / "encoder.safetensors"
    save_generator(tiny_generator(z_dim=Z_DIM, img_resolution=SIZE, use_noise=False), path)
    options = [*inputs, "--model", path, "--out", out, "--size", "32", "--minutes", "0.02", "--batch", "4"]
    train_encoder.main([str(option) for option in options])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(found) == {"encoded", "exact", "average"} and min(found.values()) > 0
    assert out.exists()
