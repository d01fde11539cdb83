"""The judge for the bundled heads: the network, its file and the detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import draglab
from draglab.errors import DraglabError
from draglab.perception import MULTI_PIE, HeadLandmarks, LandmarkDetector, LandmarkNet, load_landmark_net
from draglab.perception.heads import HEADS_JUDGE


def test_landmark_net_answers_in_pixels_of_the_image_given() -> None:
    torch.manual_seed(0)
    net = LandmarkNet().eval()
    images = torch.rand(2, 3, 128, 128) * 2 - 1
    with torch.no_grad():
        small = net(images)
        large = net(torch.nn.functional.interpolate(images, scale_factor=2, mode="nearest"))
    assert small.shape == (2, 68, 2)
    # The resized noise differs a little; answers in another frame would differ by some thirty pixels.
    torch.testing.assert_close((large + 0.5) / 2, small + 0.5, rtol=0, atol=5)


def test_a_judge_looks_at_the_size_that_its_file_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = LandmarkNet(64)
    path = tmp_path / "judge.safetensors"
    safetensors.torch.save_file(net.state_dict(), path, {"input_size": "64"})
    images = torch.rand(1, 3, 128, 128) * 2 - 1
    loaded = load_landmark_net(path)
    assert loaded.input_size == 64
    with torch.no_grad():
        assert torch.equal(loaded(images), net(images))
        loaded.input_size = 128
        assert not torch.equal(loaded(images), net(images))


def test_missing_judge_is_named(tmp_path: Path) -> None:
    with pytest.raises(DraglabError, match="cannot load the landmark network"):
        load_landmark_net(tmp_path / "absent.safetensors")


def test_bundled_judge_loads_and_is_small() -> None:
    assert HEADS_JUDGE.stat().st_size < 3_000_000
    judge = load_landmark_net()
    assert judge.input_size == 128
    points = judge(torch.zeros(1, 3, 128, 128))
    assert torch.isfinite(points).all()


def test_the_detector_is_the_network_on_pixels() -> None:
    detector: LandmarkDetector = HeadLandmarks(batch=2)
    generator = draglab.load_generator("heads", device="cpu")
    with torch.no_grad():
        images = torch.cat([generator.image(generator.w_plus_from_seed(seed)) for seed in (64, 75, 78)]).clamp(-1, 1)
        expected = load_landmark_net()(images).numpy()
    pixels = draglab.to_uint8(images)
    found = detector(pixels)
    assert found.shape == (3, 68, 2)
    np.testing.assert_allclose(found, expected, atol=0.2)
    small = pixels[1, ::2, ::2]
    mixed = detector([pixels[0], small, pixels[2]])
    np.testing.assert_allclose(mixed[[0, 2]], found[[0, 2]], atol=1e-3)
    np.testing.assert_allclose(2 * mixed[1], found[1], atol=3)


def test_left_and_right_are_those_of_the_picture() -> None:
    generator = draglab.load_generator("heads", device="cpu")
    with torch.no_grad():
        face = HeadLandmarks()(draglab.to_uint8(generator.image(generator.w_plus_from_seed(78))))[0]
    x = {name: face[list(indices), 0].mean() for name, indices in MULTI_PIE.parts.items()}
    y = {name: face[list(indices), 1].mean() for name, indices in MULTI_PIE.parts.items()}
    for name in ("brow", "eye", "mouth corner"):
        assert x[f"left {name}"] < x["nose tip"] < x[f"right {name}"]
    outside_in = ("left outer eye corner", "left inner eye corner", "right inner eye corner", "right outer eye corner")
    assert sorted(outside_in, key=x.__getitem__) == list(outside_in)
    downwards = ("left brow", "left eye", "nose tip", "upper lip", "lower lip", "chin")
    assert sorted(downwards, key=y.__getitem__) == list(downwards)
