"""The original programs' files, opened safely, compute what those programs computed, and can be dragged."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from draglab.checkpoints import open_model
from draglab.dragging import DragEdit, DragSettings, drag_steps
from draglab.generators import Generator

FOLDER = Path(os.environ.get("DRAGLAB_GOLDEN", Path(__file__).resolve().parents[3] / "shared" / "golden"))
FILES = sorted(str(path.relative_to(FOLDER)) for kind in ("pkl", "pt") for path in FOLDER.glob(f"*/*.{kind}"))
pytestmark = pytest.mark.skipif(not FILES, reason=f"no reference outputs in {FOLDER}: set DRAGLAB_GOLDEN")

_PARTS = {
    "": lambda x, _: x,
    "ch": lambda x, part: x[:, : int(part.removeprefix("ch0to"))],
    "mean_hw": lambda x, _: x.mean((2, 3)),
    "std_hw": lambda x, _: x.std((2, 3)),
}

_models: dict[str, Generator] = {}


def model(file: str) -> Generator:
    """Each file is opened once."""
    if file not in _models:
        _models[file] = open_model(FOLDER / file)
    return _models[file]


def outputs(file: str) -> dict[str, np.ndarray]:
    """What the original program computed."""
    with np.load(FOLDER / f"{file.rsplit('.', 1)[0].removesuffix('_legacyfmt')}.npz") as found:
        return dict(found)


def check(found: torch.Tensor, expected: np.ndarray, share: float = 5e-6) -> None:
    """The tolerance that the reference outputs come with."""
    assert tuple(found.shape) == expected.shape
    assert np.abs(found.numpy() - expected).max() <= share * np.abs(expected).max() + 1e-6


def classes(file: str, generator: Generator) -> torch.Tensor | None:
    return torch.from_numpy(outputs(file)["c"]).float() if generator.c_dim else None


@pytest.mark.parametrize("file", FILES)
def test_outputs_are_the_original_programs(file: str) -> None:
    generator, expected = model(file), outputs(file)
    w_plus = generator.mapping(torch.from_numpy(expected["z"]).float(), classes(file, generator))
    # rosinality keeps one w for all layers.
    check(w_plus if expected["w"].ndim == 3 else w_plus[:, 0], expected["w"])
    check(generator.image(w_plus), expected.get("img_call_psi1", expected["img"]))
    if "img_nonoise" in expected:
        check(generator.image(w_plus, noise_mode="none"), expected["img_nonoise"])
    check(generator.image(torch.from_numpy(expected["wplus"])), expected["img_wplus"])
    for name in expected:
        if name.startswith("img_psi"):
            psi = float(name.removeprefix("img_psi"))
            truncated = generator.w_avg.lerp(w_plus, psi)
            check(generator.image(truncated), expected[name])
        if name.startswith("feat_b"):  # large ones: their mean, spread and first channels
            level, _, part = name.removeprefix("feat_b").partition("_")
            features = generator.features(w_plus, int(level))
            check(_PARTS[part.split("0to")[0]](features, part), expected[name])


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("masked", [False, True], ids=["free", "masked"])
def test_it_can_be_dragged(file: str, masked: bool) -> None:
    generator = model(file)
    label = classes(file, generator)
    w_plus = generator.w_plus_from_seed(1, c=None if label is None else label[:1])
    height, width = generator.img_shape
    mask = None
    if masked:
        mask = np.zeros((height, width), dtype=bool)
        mask[: height // 2] = True
    edit = DragEdit([(width * 0.5, height * 0.4)], [(width * 0.5 + 5, height * 0.4)], mask)
    settings = DragSettings(max_steps=3, feature_resolution=generator.img_resolution // 2, step_size=0.02)
    steps = list(drag_steps(generator, w_plus, edit, settings))
    assert len(steps) == 3
    assert all(np.isfinite(step.handles).all() and np.isfinite(step.loss) for step in steps)
    assert not torch.equal(steps[-1].w_plus, w_plus)
    assert steps[-1].image().shape == (height, width, generator.img_channels)


@pytest.mark.parametrize("file", [file for file in FILES if "stylegan3-" not in file])
def test_windows_are_cut_from_the_whole_map(file: str) -> None:
    generator = model(file)
    label = classes(file, generator)
    w_plus = generator.w_plus_from_seed(2, c=None if label is None else label[:1])
    resolution = generator.img_resolution
    whole = generator.features(w_plus, resolution)
    plan = generator.window_plan(resolution, [((6, 6), 2)])
    assert plan is not None
    origins = np.array([[1, resolution // 2], [whole.shape[3] - 6, 0]])
    (windows,) = plan.run(w_plus, [origins])
    for values, (x, y) in zip(windows.values, origins, strict=True):
        assert torch.allclose(values, whole[0, :, y : y + 6, x : x + 6], atol=1e-4)
