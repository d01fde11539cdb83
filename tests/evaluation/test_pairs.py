"""The reconstruction of pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from draglab.evaluation.landmarks import NO_EDIT
from draglab.evaluation.methods import parse_method
from draglab.evaluation.pair_list import PairList
from draglab.evaluation.pairs import MIXED, PairExperiment, random_pixels
from draglab.evaluation.results import write_results
from tests.evaluation.judges import run, tools
from tests.tiny import tiny_generator

pytest.importorskip("cv2", reason="OpenCV, the extra flow, is not installed")


def experiment(methods: list[str], pairs: int = 2, layers: int | None = None) -> PairExperiment:
    generator = tiny_generator(img_resolution=64)
    parsed = [parse_method(spec, 3, ["feature_resolution=16"]) for spec in methods]
    return PairExperiment(generator, parsed, tools(generator), PairList(1.0), pairs, layers)


def test_the_second_latent_is_a_tenth_of_the_way_on_the_first_layers() -> None:
    one = experiment([], layers=2)
    first, second = one.latents(3)
    other = one.generator.w_plus_from_seed(100_007)
    assert torch.equal(first, one.generator.w_plus_from_seed(100_006))
    assert torch.equal(second[:, 2:], first[:, 2:])
    assert torch.allclose(second[:, :2], first[:, :2] + MIXED * (other - first)[:, :2], atol=1e-6)
    assert experiment([]).layers == 6
    assert experiment([], layers=99).layers == one.generator.num_ws


def test_random_pixels_differ_and_are_inside() -> None:
    pixels = random_pixels(8, 5, 32, 4)
    assert len({tuple(each) for each in pixels.tolist()}) == 32
    assert pixels.min() == 0 and pixels[:, 0].max() <= 7 and pixels[:, 1].max() <= 4
    np.testing.assert_array_equal(pixels, random_pixels(8, 5, 32, 4))


def test_rows_compare_with_the_second_image(tmp_path: Path) -> None:
    one = experiment(["paper"])
    folder = run(one, tmp_path)
    rows = {row.method: row for row in one.rows(folder)}
    starts, ends = [], []
    for pair in range(2):
        first, second = one.latents(pair)
        wanted = one.picture(second)
        edited = torch.from_numpy(folder.arrays(f"paper/32/{pair:06d}")["w_plus"])[None]
        for latent, found in ((first, starts), (edited, ends)):
            found.append(100 * float(((one.picture(latent) - wanted).double() / 2).square().mean()))
    assert rows[NO_EDIT].measures["mse_100"].mean == pytest.approx(np.mean(starts))
    assert rows["paper"].measures["mse_100"].mean == pytest.approx(np.mean(ends))
    assert rows["paper"].measures["start_mse_100"].mean == pytest.approx(np.mean(starts))
    places = folder.arrays("pair/000000")
    assert places["handles"].shape == places["targets"].shape == (32, 2)
    assert not np.array_equal(places["handles"], places["targets"])
    table, _ = write_results(one, folder)
    assert "| *the paper: DragGAN, Dog* | 0.48 | 0.44 |  |  |" in table
    assert (tmp_path / "sheet.png").exists() and (tmp_path / "plots" / "all.svg").exists()
