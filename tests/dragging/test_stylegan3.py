"""Drags of StyleGAN3 models: whole maps that reach over the image's borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import draglab
from draglab.dragging import DragEdit, DragSettings, drag_steps
from draglab.dragging.bilinear import sample_grids, sample_points, sample_positions, sample_resized
from draglab.dragging.features import whole_features
from draglab.dragging.losses import frozen_weights
from draglab.dragging.tracking import TrackingQuery, track_nearest
from draglab.errors import DraglabError
from draglab.generators import StyleGAN3, StyleGAN3Config, to_uint8
from draglab.generators.windows import Windows, cut
from draglab.geometry import to_feature_coordinates
from tests.dragging.test_bilinear import as_whole, random_map
from tests.tiny import tiny_generator

EDIT = DragEdit([[12, 14], [22, 20]], [[18, 14], [22, 12]])


def tiny_stylegan3(radial: bool = False, margin: int = 6) -> StyleGAN3:
    """32-pixel images, features at 16; the same weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        kernel = {"conv_kernel": 1, "use_radial_filters": True} if radial else {}
        sizes = {"z_dim": 16, "w_dim": 16, "channel_base": 512, "channel_max": 16, "num_layers": 8}
        generator = StyleGAN3(StyleGAN3Config(32, margin_size=margin, **sizes, **kernel), name="tiny3")
        # As trained models do, it moves the picture with w.
        generator.synthesis.input.affine.weight.normal_()
        return generator


@pytest.fixture(scope="module", params=[False, True], ids=["t", "r"])
def generator(request: pytest.FixtureRequest) -> StyleGAN3:
    return tiny_stylegan3(request.param)


def lower_half_frozen() -> np.ndarray:
    mask = np.ones((32, 32), bool)
    mask[26:] = False
    return mask


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mask_term": "sampled"},
        {"precision": "bfloat16"},
        {"latent_space": "w"},
        {"feature_layer": 2},
        {"feature_layer": 7},
    ],
)
@pytest.mark.parametrize("masked", [False, True])
def test_a_few_steps(generator: StyleGAN3, changes: dict[str, Any], masked: bool) -> None:
    w_plus = generator.w_plus_from_seed(1)
    edit = DragEdit(EDIT.handles, EDIT.targets, lower_half_frozen() if masked else None)
    for settings in (DragSettings.draglab(max_steps=3, **changes), DragSettings.paper(max_steps=3, **changes)):
        steps = list(drag_steps(generator, w_plus, edit, settings))
        assert [step.index for step in steps] == [1, 2, 3]
        for step in steps:
            assert np.isfinite([step.loss, step.motion_loss, step.mask_loss]).all()
            assert np.isfinite(step.handles).all()
        assert (steps[-1].mask_loss > 0) == masked
        assert not torch.equal(steps[-1].w_plus, w_plus)
        np.testing.assert_array_equal(steps[-1].image(), to_uint8(generator.image(steps[-1].w_plus))[0])


def test_handles_come_nearer(generator: StyleGAN3) -> None:
    w_plus = generator.w_plus_from_seed(1)
    edit = DragEdit([[15, 16]], [[19, 16]])
    result = draglab.drag(generator, w_plus, edit, DragSettings(max_steps=40, latent_space="w"))
    assert result.distances[0] < 2


def test_a_mask_keeps_the_frozen_region() -> None:
    generator = tiny_stylegan3()
    w_plus = generator.w_plus_from_seed(1)
    level = DragSettings().feature_level(generator)
    margin, (height, _) = generator.feature_margin(level), generator.feature_shape(level)
    rows = slice(margin + (height - 2 * margin) * 26 // 32, height - margin)
    start = generator.features(w_plus, level)[:, :, rows]
    changes = []
    for mask in (None, lower_half_frozen()):
        settings = DragSettings(max_steps=12, patience=None, stop_distance=1e-3, mask_limit=None)
        last = list(drag_steps(generator, w_plus, DragEdit([[15, 10]], [[19, 10]], mask), settings))[-1]
        changes.append((generator.features(last.w_plus, level)[:, :, rows] - start).abs().mean().item())
    assert changes[1] < 0.7 * changes[0]


def test_many_drags_are_like_each_alone() -> None:
    generator = tiny_stylegan3().double()
    w_plus = torch.cat([generator.w_plus_from_seed(seed) for seed in range(3)])
    edits = [EDIT, DragEdit([[1, 2]], [[9, 2]]), DragEdit([[20, 20]], [[20, 26]], lower_half_frozen())]
    settings = DragSettings(max_steps=3)
    results = draglab.drag_many(generator, w_plus, edits, settings, together=3)
    for number, (edit, result) in enumerate(zip(edits, results, strict=True)):
        alone = draglab.drag(generator, w_plus[number : number + 1], edit, settings)
        np.testing.assert_allclose(result.handles, alone.handles)
        torch.testing.assert_close(result.w_plus, alone.w_plus, rtol=1e-9, atol=1e-9)


def test_layers_that_do_not_exist_are_named() -> None:
    generator = tiny_stylegan3()
    w_plus = generator.w_plus_from_seed(1)
    with pytest.raises(DraglabError, match="feature_layer 8 is not a layer of this model: choose one from 0 to 7"):
        list(drag_steps(generator, w_plus, EDIT, DragSettings(feature_layer=8)))
    with pytest.raises(DraglabError, match="feature_layer is -1"):
        DragSettings(feature_layer=-1)
    stylegan2 = tiny_generator()
    with pytest.raises(DraglabError, match="feature_layer is for StyleGAN3 models"):
        list(drag_steps(stylegan2, stylegan2.w_plus_from_seed(1), EDIT, DragSettings(feature_layer=3)))


@pytest.mark.parametrize("layer", range(6))
def test_tracking_follows_the_transform(layer: int) -> None:
    """The input's transform moves the picture by a known way, also from and to the image's borders."""
    generator = tiny_stylegan3(margin=10)
    w_plus = generator.w_plus_from_seed(1)
    shape = generator.img_shape
    handles = np.array([[16.0, 15.0], [0.0, 30.0], [29.0, 31.0], [9.3, 20.2]])
    moved = np.array([1.7, -1.2])
    start = whole_features(generator, w_plus, layer).near
    places = to_feature_coordinates(handles, shape, start.map_shape, start.margin)
    templates = sample_points(start, places[:, None])[:, 0]
    generator.synthesis.input.transform[:2, 2] = -torch.from_numpy(moved / 32)
    after = whole_features(generator, w_plus, layer).near
    found = track_nearest(TrackingQuery(after, templates, handles, 3.0, shape, subpixel=True)).numpy()
    assert np.abs(found - handles - moved).max() < 0.5


def with_margin(features: torch.Tensor, margin: int) -> tuple[Windows, Windows]:
    """A map with a margin, and the part of it that lies on the image."""
    inner = slice(margin, -margin)
    whole = as_whole(features)
    return Windows(whole.values, whole.origins, whole.map_shape, margin), as_whole(features[:, :, inner, inner])


def test_a_margin_moves_all_samples_alike() -> None:
    """Inside the image every way of sampling reads what the cropped map has there."""
    margined, cropped = with_margin(random_map(16, 20), 3)
    image = (20, 28)
    pixels = np.random.RandomState(0).uniform([1, 1], [26, 18], (2, 7, 2))
    places = [to_feature_coordinates(pixels, image, each.map_shape, each.margin) for each in (margined, cropped)]
    np.testing.assert_allclose(places[0], places[1] + 3)
    expected = sample_points(cropped, places[1])
    torch.testing.assert_close(sample_points(margined, places[0]), expected)
    torch.testing.assert_close(sample_positions(margined, torch.from_numpy(pixels), image), expected)
    resized = [sample_resized(each, pixels, image) for each in (margined, cropped)]
    torch.testing.assert_close(resized[0], resized[1])
    grid = sample_grids(margined, places[0][..., 0], places[0][..., 1])
    torch.testing.assert_close(grid.diagonal(dim1=1, dim2=2).permute(0, 2, 1), expected)


def test_beyond_the_border_a_margin_has_features_of_its_own() -> None:
    margined, cropped = with_margin(random_map(16, 16), 3)
    outside = np.array([[[-1.5, 4.0]]])
    found, clamped = (
        sample_points(each, to_feature_coordinates(outside, (20, 20), each.map_shape, each.margin))
        for each in (margined, cropped)
    )
    assert not torch.allclose(found, clamped)


def test_the_margin_is_not_frozen() -> None:
    mask = np.ones((8, 8), bool)
    mask[:3, :2] = False
    inner = frozen_weights(mask, (4, 4))
    weights = frozen_weights(mask, (8, 8), margin=2)
    assert weights.sum().item() == pytest.approx(6)
    torch.testing.assert_close(cut(weights[None, None], np.array([[2, 2]]), (4, 4))[0, 0], inner)
