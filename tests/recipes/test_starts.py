"""What an adversarial stage starts from, the warm-up of its discriminator, and what an export counts."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("numba", reason="the head renderer needs numba")
pytest.importorskip("scipy", reason="the head renderer needs scipy")

from draglab.checkpoints import read_generator, read_header, save_generator
from draglab.generators import StyleGAN2
from recipes.adversarial import WEIGH_EVERY, Adversary
from recipes.data import to_float
from recipes.exporting import shown_by_stage
from recipes.hands import train_adversarial as hands_stage
from recipes.heads import export, networks, train_adversarial
from recipes.heads.data import Renders
from recipes.heads.model import heads_config
from recipes.heads.scene import Z_DIM
from recipes.run_folder import RunFolder
from recipes.squeezenet import SqueezeNet
from tests.recipes.networks import write_squeezenet
from tests.recipes.test_hands_data import write_photos
from tests.recipes.test_heads_training import SIZE, fake_renders
from tests.tiny import tiny_generator


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of heads' second stage but for start, schedule and output."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(networks, "SAMPLES", 16)
    (tmp_path / "assets" / "metrics").mkdir(parents=True)
    write_squeezenet(tmp_path / "assets" / networks.SQUEEZENET)
    data, held_out = fake_renders(tmp_path / "data", 64, 0), fake_renders(tmp_path / "held_out", 16, 1)
    paths = ["--data", data, "--held-out", held_out, "--assets", tmp_path / "assets"]
    return [*map(str, paths), "--no-compile", "--batch", "4", "--device", "cpu", "--others", "2", "--dragged", "0"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file of the heads' architecture whose card counts two stages."""
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    card = {"images_shown": 130, "images_shown_by_stage": [100, 30]}
    save_generator(StyleGAN2(heads_config(Z_DIM, SIZE)), path, torch.float16, card)
    return path


@pytest.fixture
def run(options: list[str], model: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run heads' second stage with further options; returns the checkpoint."""

    def run(*further: str) -> dict[str, Any]:
        out = tmp_path / "run"
        train_adversarial.main([*options, "--out", str(out), "--start", str(model), *further])
        return torch.load(out / "checkpoint.pt", weights_only=True)

    return run


@pytest.mark.slow
def test_a_model_file_is_a_start_and_its_images_count(
    run: Callable[..., dict[str, Any]], model: Path, tmp_path: Path
) -> None:
    run("--phases", "64:4")
    state = run("--phases", "64:8")
    assert state["shown_before"] == [100, 30]
    export.main(["--run", str(tmp_path / "run"), "--out", str(tmp_path / "zoo")])
    path = tmp_path / "zoo" / "heads.safetensors"
    assert read_header(path).card["images_shown_by_stage"] == [100, 38]
    assert read_header(path).card["images_shown"] == 138
    # It went on from the file's weights and not from new ones.
    for name, was in read_generator(model).published_tensors().items():
        now = read_generator(path).published_tensors()[name]
        if name.endswith("const"):
            assert 0 < (now - was).abs().max() < 0.1


@pytest.mark.slow
def test_the_log_says_what_the_discriminator_thinks_of_held_out_renders(
    options: list[str], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out, out = Renders(tmp_path / "held_out"), tmp_path / "run"
    trainers: list[train_adversarial.Trainer] = []
    monkeypatch.setattr(train_adversarial.Trainer, "run", lambda self: trainers.append(self))
    train_adversarial.main([*options, "--out", str(out), "--start", str(model), "--phases", "64:4", "--augment", "0"])
    (trainer,) = trainers
    adversary = trainer.adversary
    monkeypatch.setattr(adversary, "_judged", lambda mixed: mixed["conv1"].float().mean((1, 2, 3))[:, None])
    images = to_float(held_out.images)
    expected = adversary.discriminator.mixing(adversary.look(images))["conv1"].float().mean()
    assert trainer.judge(64)["real_held_out"] == pytest.approx(float(expected), rel=0.02)


@pytest.mark.slow
def test_in_the_warm_up_only_the_discriminator_learns(run: Callable[..., dict[str, Any]], model: Path) -> None:
    first = run("--phases", "64:4", "--warm-up", "8")
    second = run("--phases", "64:8", "--warm-up", "8")
    wanted = read_generator(model).state_dict()
    for part in ("generator", "average"):
        assert all(torch.equal(second[part][name], tensor) for name, tensor in wanted.items()), part
    assert any(
        not torch.equal(second["discriminator"][name], tensor) for name, tensor in first["discriminator"].items()
    )
    muon, adam, judge = second["optimizers"]
    assert not muon["state"] and not adam["state"] and judge["state"]
    assert second["weight"] == 0 and second["warm_up"] == 8
    third = run("--phases", "64:12", "--warm-up", "8")
    assert third["weight"] > 0
    for part in ("generator", "average"):
        assert any(not torch.equal(third[part][name], tensor) for name, tensor in wanted.items()), part


def test_what_cannot_be_a_start_is_refused(options: list[str], tmp_path: Path) -> None:
    def start(path: Path) -> None:
        train_adversarial.main([*options, "--out", str(tmp_path / "run"), "--start", str(path)])

    with pytest.raises(SystemExit, match="no checkpoint in"):
        start(tmp_path)
    with pytest.raises(SystemExit, match="there is no model file"):
        start(tmp_path / "absent.safetensors")
    other = tmp_path / "tiny.safetensors"
    save_generator(tiny_generator(), other)
    with pytest.raises(SystemExit, match="do not fit this recipe"):
        start(other)


def test_hands_do_not_start_without_their_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    photos, squeezenet = write_photos(tmp_path / "photos", 10), write_squeezenet(tmp_path / "squeezenet.npz")
    model = tmp_path / "tiny.safetensors"
    save_generator(tiny_generator(), model)
    paths = ["--photos", photos, "--squeezenet", squeezenet, "--start", model, "--out", tmp_path / "run"]
    with pytest.raises(SystemExit, match="holds no encoder, which this stage trains: give a run folder"):
        hands_stage.main([*map(str, paths), "--no-compile", "--limit", "16"])


def test_images_are_counted_by_stage() -> None:
    assert shown_by_stage([{"shown": 5}, {"shown": 7, "shown_before": []}]) == [5, 7]
    assert shown_by_stage([{"shown": 7, "shown_before": [100]}]) == [100, 7]
    assert shown_by_stage([{"shown": 7, "shown_before": [100, 30]}]) == [100, 37]
    assert shown_by_stage([{"shown": 7, "shown_before": [100, 30], "warm_up": 3}]) == [100, 34]
    assert shown_by_stage([{"shown": 5}, {"shown": 2, "warm_up": 3}]) == [5, 0]


def test_one_way_back_gives_the_gradient_of_two(tmp_path: Path) -> None:
    torch.manual_seed(0)
    squeezenet = SqueezeNet(write_squeezenet(tmp_path / "squeezenet.npz"))
    args = argparse.Namespace(
        bfloat16=False, compile=False, seed=0, discriminator_rate=0.0, augment=0.0, perceptual=0.1, adversarial=1.0
    )
    adversary = Adversary(args, squeezenet, 64, torch.device("cpu"))
    adversary.discriminator.eval()  # In training, each look moves the estimates of spectral norms.
    made, references = torch.rand(5, 3, 64, 64) * 2 - 1, torch.rand(3, 3, 64, 64) * 2 - 1
    # The first step weighs the two gradients, the next ones use that weight; the third is the same but weighs again.
    first, parts = adversary.step(made, references)
    second, _ = adversary.step(made, references)
    adversary.steps = WEIGH_EVERY
    third, again = adversary.step(made, references)
    assert parts["weight"] == pytest.approx(again["weight"], rel=1e-3) and parts["weight"] > 0
    for other in (second, third):
        torch.testing.assert_close(other, first, rtol=1e-3, atol=1e-7)
    # Without the discriminator's part it would be another.
    args.adversarial = 0.0
    assert (adversary.step(made, references)[0] - first).abs().max() > 0.1 * first.abs().max()


@pytest.mark.slow
def test_measures_are_taken_at_some_of_the_saves(
    run: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolder, "due", lambda self: True)
    run("--phases", "64:12", "--judge-every", "2", "--save-minutes", "0")
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["shown"] for row in rows if "frechet" in row] == [0, 8, 12]
