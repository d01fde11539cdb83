"""The recipe runs from rendered data to a model file, at a tiny scale, and resumes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from draglab.checkpoints import read_generator
from tests.recipes.test_heads_render import ASSETS

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ASSETS.is_dir(), reason=f"no assets in {ASSETS}: set DRAGLAB_ASSETS"),
]


def fake_renders(folder: Path, count: int) -> Path:
    """Images that z explains: brightness and a bar. Rendering itself has its own tests."""
    folder.mkdir()
    random = np.random.RandomState(0)
    z = random.randn(count, 64).astype(np.float32)
    z /= np.sqrt((z**2).mean(1, keepdims=True))
    images = np.full((count, 128, 128, 3), 128, np.uint8)
    images[:, 40:80] = np.clip(128 + 40 * z[:, None, None, :3], 0, 255).astype(np.uint8)
    np.save(folder / "z.npy", z)
    np.save(folder / "images.npy", images)
    np.save(folder / "landmarks.npy", random.uniform(0, 127, (count, 68, 2)).astype(np.float32))
    np.save(folder / "visible.npy", np.ones((count, 68), bool))
    return folder


def run(module: str, *arguments: str | Path) -> str:
    command = [sys.executable, "-m", f"recipes.heads.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_train_resume_export(tmp_path: Path) -> None:
    data = fake_renders(tmp_path / "data", 64)
    held_out = fake_renders(tmp_path / "held_out", 16)
    common = ["--data", data, "--held-out", held_out, "--assets", ASSETS, "--out", tmp_path / "run"]
    common += ["--no-compile", "--batch", "4", "--perceptual", "0.1"]
    run("train", *common, "--phases", "32:8")
    printed = run("train", *common, "--phases", "32:8,64:4,128:4")
    assert "resumed at 8 images" in printed
    assert sorted(path.name for path in (tmp_path / "run").glob("sheet_*")) == [
        "sheet_0000008.png",
        "sheet_0000016.png",
    ]
    facts = json.loads(run("export", "--run", tmp_path / "run", "--held-out", held_out, "--out", tmp_path / "zoo"))
    assert facts["shown"] == "16"
    generator = read_generator(tmp_path / "zoo" / "heads.safetensors")
    assert generator.img_resolution == 128
    assert generator.w_avg.abs().max() > 0
    card = (tmp_path / "zoo" / "heads.md").read_text()
    assert "16 images were shown" in card
    assert "{" not in card


def test_landmark_training(tmp_path: Path) -> None:
    data = fake_renders(tmp_path / "data", 64)
    out = tmp_path / "judge.safetensors"
    printed = run("train_landmarks", "--data", data, "--held-out", data, "--out", out, "--minutes", "0.05")
    assert "held-out error" in printed
    assert out.exists()
