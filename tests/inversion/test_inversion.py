"""Projection and tuning on a small random model: they find what the model can show, and learn what it cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from draglab import DragEdit, DraglabError, DragSettings, drag
from draglab.generators import to_uint8
from draglab.generators.statistics import measure_statistics
from draglab.inversion import Frame, Inversion, InversionSettings, invert, whole_frame
from draglab.inversion.descent import Adam, ramp
from draglab.inversion.differences import WeightDifferences, own_copy
from draglab.inversion.likeness import Likeness, smaller
from draglab.inversion.projection import Projection, latent_root, typicality
from draglab.inversion.report import heat_map
from draglab.inversion.tuning import Tuning, weights_to_tune
from draglab.perception import LPIPS
from tests.generators.mobile_configs import make_mobile
from tests.inversion.pictures import QUICK, own_image, smooth_picture
from tests.tiny import tiny_generator


@pytest.fixture(scope="module")
def generator():
    made = tiny_generator(img_resolution=64)
    made.statistics = measure_statistics(made)
    return made


def hashes(generator) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in generator.published_tensors().items()}


def test_adam_is_torchs() -> None:
    ours, theirs = torch.tensor([1.0, -2, 3]), torch.tensor([1.0, -2, 3], requires_grad=True)
    adam, reference = Adam({"a": ours}, {"a": 0.1}), torch.optim.Adam([theirs], lr=0.1)
    for _ in range(20):
        gradient = theirs.detach() ** 3 + 0.1
        theirs.grad = gradient.clone()
        reference.step()
        adam.step({"a": gradient})
    torch.testing.assert_close(ours, theirs.detach())


def test_ramps() -> None:
    assert [ramp(done, 0.1, 0.4) for done in (0, 0.05, 0.3)] == pytest.approx([0, 0.5, 1])
    assert ramp(0.8, 0.1, 0.4) == pytest.approx(0.5)
    assert ramp(1, 0.1, 0.4) == pytest.approx(0)


def test_natural_coordinates(generator) -> None:
    root = latent_root(generator)
    covariance = generator.statistics.covariance
    floor = float(torch.linalg.eigvalsh(covariance).max()) * 1e-4
    assert float((root @ root.t() - covariance).abs().max()) <= floor * 1.01
    spreads = [typicality(generator, generator.w_plus_from_seed(seed)) for seed in range(40)]
    assert 0.6 < np.mean(spreads) < 1.4
    assert typicality(generator, generator.w_avg[None, None].repeat(1, generator.num_ws, 1)) == 0


def test_likeness_is_lpips_of_the_averaged_images() -> None:
    generator = tiny_generator(img_resolution=128)
    crop, other = smooth_picture(128, 128), smooth_picture(128, 128, 1)
    as_images = [torch.from_numpy(one).permute(2, 0, 1)[None] / 127.5 - 1 for one in (crop, other)]
    likeness = Likeness(generator, crop)
    torch.testing.assert_close(likeness.perceptual(as_images[1]), LPIPS()(*as_images))
    assert float(likeness.pixels(as_images[1])) == pytest.approx(float((as_images[0] - as_images[1]).square().mean()))
    assert smaller(torch.zeros(1, 3, 1024, 1024)).shape == (1, 3, 256, 256)
    assert smaller(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 64, 64)
    assert smaller(torch.zeros(1, 3, 384, 512)).shape == (1, 3, 256, 341)


def test_a_small_photo_is_compared_at_its_own_resolution() -> None:
    """What is finer than the photo costs nothing, and does not count in the report."""
    generator = tiny_generator(img_resolution=256)
    crop = smooth_picture(256, 256)
    fine = crop.copy()
    fine[::2, ::2] = 255
    image = torch.from_numpy(fine).permute(2, 0, 1)[None] / 127.5 - 1
    checks = {None: 256, 1000.0: 256, 256.0: 256, 100.0: 85, 64.0: 64, 9.0: 64}
    assert {size: Likeness(generator, crop, size).compared for size in checks} == checks
    small, large = Likeness(generator, crop, 64.0), Likeness(generator, crop)
    assert not small.sharp
    assert small.perceptual(image) < 0.3 * large.perceptual(image)
    assert small.pixels(image) < 0.3 * large.pixels(image)
    torch.testing.assert_close(small.enlarged(image), large.perceptual(image))
    assert small.as_seen(image) < 0.3 * small.enlarged(image)
    torch.testing.assert_close(large.as_seen(image), large.perceptual(image))
    assert small.as_in_photo(image).diff(dim=3).abs().mean() < 0.1 * image.diff(dim=3).abs().mean()
    sharp = Likeness(tiny_generator(img_resolution=512), smooth_picture(512, 512), 400.0)
    assert (sharp.compared, sharp.sharp) == (256, True)
    assert sharp.as_in_photo(sharp.target) is sharp.target
    assert float(sharp.detail(sharp.target, torch.Generator().manual_seed(0))) == 0


@pytest.mark.parametrize("natural", [True, False])
def test_projection_finds_an_image_of_the_model(generator, natural: bool) -> None:
    settings = InversionSettings(projection_steps=60, natural=natural, projection_step=0.1)
    projection = Projection(generator, Likeness(generator, own_image(generator, 3)), settings)
    first = projection.step()
    for _ in range(59):
        projection.step()
    projection.finish()
    assert projection.best_lpips < 0.5 * first
    lpips = float(projection.likeness.perceptual(generator.image(projection.best)))
    assert lpips == pytest.approx(projection.best_lpips, abs=1e-5)


def test_layers_part_only_when_they_may(generator) -> None:
    def parted(**changes) -> float:
        settings = InversionSettings(projection_steps=20, **changes)
        projection = Projection(generator, Likeness(generator, smooth_picture(64, 64)), settings)
        for _ in range(20):
            projection.step()
        return float(projection.adam.tensors["own"].square().mean().sqrt())

    assert parted(own_layers=1.0) == 0
    free, pulled = parted(own_layers=0.0, layer_pull=0.0), parted(own_layers=0.0, layer_pull=100.0)
    assert 0 < pulled < 0.7 * free


@pytest.mark.parametrize("kind", ["stylegan2", "mobile"])
def test_tuning_learns_a_photo_and_leaves_the_model(kind: str) -> None:
    generator = tiny_generator(img_resolution=64) if kind == "stylegan2" else make_mobile()
    crop = smooth_picture(generator.img_resolution, generator.img_resolution)
    before, pivot = hashes(generator), generator.w_plus_from_seed(1)
    original = generator.image(pivot)
    tuning = Tuning(
        generator, Likeness(generator, crop), InversionSettings(tuning_steps=40, enough=0, tuning_step=0.02), pivot
    )
    first = tuning.step()
    for _ in range(39):
        tuning.step()
    tuning.finish()
    assert tuning.best_lpips < 0.7 * first
    assert hashes(generator) == before
    assert torch.equal(generator.image(pivot), original)
    tuned = tuning.generator
    # The same weights in the fast layers, which keep what they computed of frozen ones.
    lpips = float(tuning.likeness.perceptual(tuned.image(pivot)))
    assert lpips == pytest.approx(tuning.best_lpips, abs=1e-4)
    assert not any(weight.requires_grad for weight in tuned.parameters())
    assert tuned.sha256 != generator.sha256
    fresh = own_copy(generator)
    fresh.load_published(tuned.published_tensors())
    torch.testing.assert_close(fresh.image(pivot), tuned.image(pivot))


@pytest.mark.parametrize("kind", ["stylegan2", "mobile"])
def test_styles_follow_the_latent_as_in_the_model(kind: str) -> None:
    """All but the weights that make styles change; with `tune_styles` those as well."""
    generator = own_copy(tiny_generator(img_resolution=64) if kind == "stylegan2" else make_mobile())
    for name, weight in generator.published_tensors().items():
        if name.endswith("affine.bias"):  # those of random models are all alike, and have no spread to step by
            weight.add_(torch.linspace(-0.1, 0.1, len(weight)))
    side = generator.img_resolution

    def changed(styles: bool) -> set[str]:
        settings = replace(QUICK, tune_styles=styles)
        photo = invert(generator, smooth_picture(side, side), whole_frame((side, side), (side, side)), settings)
        return set(photo.differences.tensors)

    own, all_of_them = changed(False), changed(True)
    assert own
    assert not any(name.endswith("affine.weight") for name in own)
    assert any(name.endswith("affine.bias") for name in own)
    assert {name for name in all_of_them if not name.endswith("affine.weight")} == own
    assert any(name.endswith("affine.weight") for name in all_of_them)
    assert InversionSettings.pti().tune_styles


def test_layers_finer_than_the_photo_do_not_learn() -> None:
    """They stay as they are, and the published scheme tunes them."""
    generator = tiny_generator(img_resolution=256)
    checks = {60.0: 64, 100.0: 128, 128.0: 128, 129.0: 128, 200.0: 256, 256.0: 256}
    crop = smooth_picture(256, 256)
    assert {size: Likeness(generator, crop, size).finest for size in checks} == checks
    assert Likeness(tiny_generator(img_resolution=512), smooth_picture(512, 512), 300.0).finest == 512

    def tuned(settings: InversionSettings, size: float) -> set[int]:
        likeness = Likeness(generator, crop, size if settings.own_resolution else None)
        return {int(name[1:].split(".")[0]) for name in weights_to_tune(generator, likeness, settings)}

    assert max(tuned(InversionSettings(), 100.0)) == 128
    assert max(tuned(InversionSettings(tune_finer=True), 100.0)) == 256
    assert max(tuned(InversionSettings.pti(), 100.0)) == 256
    small = invert(generator, smooth_picture(70, 70), whole_frame((70, 70), (256, 256)), QUICK)
    changed = set(small.differences.tensors)
    assert changed
    assert not any(name.startswith(("synthesis.b128", "synthesis.b256")) for name in changed)


def test_tuning_ends_when_it_is_enough(generator) -> None:
    settings = replace(QUICK, tuning_steps=30, tuning_step=0.02)
    full = [step.lpips for step in Inversion(generator, smooth_picture(64, 64), WHOLE, settings)]
    enough = (full[-1] + full[4]) / 2
    inversion = Inversion(generator, smooth_picture(64, 64), WHOLE, replace(settings, enough=enough))
    steps = list(inversion)
    assert len(steps) < len(full)
    assert steps[-1].lpips <= enough
    assert steps[-1].seconds_left == 0
    assert inversion.photo().quality.lpips == pytest.approx(steps[-1].lpips, abs=0.02)  # colours are cut off


WHOLE = whole_frame((64, 64), (64, 64))


def test_locality_keeps_other_images(generator) -> None:
    """With it, images near the pivot change less for the same learning."""

    def changed(locality: float) -> float:
        settings = InversionSettings(
            tuning_steps=25, enough=0, tuning_step=0.02, locality=locality, locality_distance=3.0
        )
        pivot = generator.w_plus_from_seed(1)
        tuning = Tuning(generator, Likeness(generator, smooth_picture(64, 64)), settings, pivot)
        for _ in range(25):
            tuning.step()
        other = pivot.lerp(generator.w_plus_from_seed(2), 0.5)
        return float((tuning.generator.image(other) - generator.image(other)).square().mean())

    assert changed(10.0) < 0.6 * changed(0.0)


def test_differences_are_small_and_exact_enough(generator) -> None:
    tuned = own_copy(generator)
    weight = tuned.published_tensors()["synthesis.b16.conv1.weight"]
    change = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)) * 1e-6
    weight.add_(change)
    differences = WeightDifferences.between(generator, tuned)
    assert list(differences.tensors) == ["synthesis.b16.conv1.weight"]
    again = differences.applied(generator)
    assert torch.equal(again.published_tensors()["synthesis.b8.conv1.weight"], generator.synthesis.b8.conv1.weight)
    error = again.published_tensors()["synthesis.b16.conv1.weight"] - weight
    assert float(error.abs().max()) < 2e-9 + 1.2e-7 * float(weight.abs().max())
    assert again.statistics is generator.statistics
    assert WeightDifferences.between(generator, own_copy(generator)).tensors == {}


def test_differences_of_another_model(generator) -> None:
    tuned = own_copy(generator)
    tuned.published_tensors()["synthesis.b64.conv1.bias"].add_(1)
    with pytest.raises(DraglabError, match="does not fit the model"):
        WeightDifferences.between(generator, tuned).applied(tiny_generator(img_resolution=32))


def test_a_whole_inversion(generator) -> None:
    picture = smooth_picture(90, 120)
    before, steps = generator.sha256, []
    photo = invert(generator, picture, Frame(60, 45, 70, 10), QUICK, steps.append)
    assert [(step.stage, step.index, step.total) for step in steps] == [
        (stage, index, 4) for stage in ("projection", "tuning") for index in (1, 2, 3, 4)
    ]
    left = [step.seconds_left for step in steps]
    assert left[3] < left[0]
    assert left[-1] == 0
    assert generator.sha256 == before
    assert photo.model_sha256 == before
    quality = photo.quality
    assert (quality.projection_steps, quality.tuning_steps) == (4, 4)
    crop = torch.from_numpy(photo.crop().copy()).permute(2, 0, 1)[None] / 127.5 - 1
    image = photo.generator.image(photo.w_plus).clamp(-1, 1)
    assert quality.lpips == pytest.approx(float(LPIPS()(image, crop)), abs=1e-4)
    error = np.abs(to_uint8(image)[0].astype(float) - photo.crop()).mean()
    assert quality.mean_absolute_error == pytest.approx(error, abs=0.01)
    assert quality.lpips < quality.lpips_projection
    assert photo.generator.statistics is generator.statistics
    # It drags like any other.
    edit = DragEdit([(30, 30)], [(38, 30)])
    result = drag(photo.generator, photo.w_plus, edit, DragSettings(max_steps=3, feature_resolution=32))
    assert photo.paste(result.image()).shape == picture.shape


def test_the_same_photo_gives_the_same_result(generator) -> None:
    settings = replace(QUICK, latent_noise=0.1, locality=0.1)
    first, second = (invert(generator, smooth_picture(64, 64), WHOLE, settings) for _ in range(2))
    assert first.generator.sha256 == second.generator.sha256
    assert torch.equal(first.w_plus, second.w_plus)


@pytest.mark.parametrize("after", [0, 1, 5])
def test_stopping_keeps_the_best_so_far(generator, after: int) -> None:
    inversion = Inversion(generator, smooth_picture(64, 64), WHOLE, QUICK)
    made = 0
    if not after:
        inversion.stop()
    for _ in inversion:
        if (made := made + 1) == after:
            inversion.stop()
    assert made == after
    photo = inversion.photo()
    assert photo.quality.lpips <= photo.quality.lpips_projection + 0.02  # colours beyond the range are cut off
    assert (photo.quality.tuning_steps > 0) == (after > 4)


@pytest.mark.parametrize("after", [2, 6])
def test_going_on_after_a_stop_is_the_same(generator, after: int) -> None:
    whole = invert(generator, smooth_picture(64, 64), WHOLE, QUICK)
    first = Inversion(generator, smooth_picture(64, 64), WHOLE, QUICK)
    for step in first:
        if step.index + 4 * (step.stage == "tuning") == after:
            first.stop()
    state = {name: tensor.clone() for name, tensor in first.state().items()}
    assert first.photo().quality.tuning_steps == max(0, after - 4)
    again = Inversion(generator, smooth_picture(64, 64), WHOLE, QUICK)
    again.restore(state)
    assert len(list(again)) == 8 - after
    assert again.photo().generator.sha256 == whole.generator.sha256


@pytest.mark.parametrize("after", [1, 4, 6])
def test_going_on_is_the_same(generator, after: int) -> None:
    """From any step: the result has the same weights as without the pause."""
    settings = replace(QUICK, latent_noise=0.1, locality=0.1)
    whole = Inversion(generator, smooth_picture(64, 64), WHOLE, settings)
    for step in whole:
        if step.index + 4 * (step.stage == "tuning") == after:
            state = {name: tensor.clone() for name, tensor in whole.state().items()}
    again = Inversion(generator, smooth_picture(64, 64), WHOLE, settings)
    again.restore(state)
    assert len(list(again)) == 8 - after
    assert again.photo().generator.sha256 == whole.photo().generator.sha256


def test_the_published_scheme_runs(generator) -> None:
    settings = InversionSettings.pti(projection_steps=3, tuning_steps=3)
    photo = invert(generator, smooth_picture(64, 64), WHOLE, settings)
    assert photo.quality.tuning_steps == 3
    assert torch.equal(photo.w_plus[0, 0], photo.w_plus[0, -1])  # W, not W+


def test_the_verdict(generator) -> None:
    quality = invert(generator, smooth_picture(64, 64), WHOLE, QUICK).quality
    assert "shows the photo" in replace(quality, lpips=0.03, identity=0.2, spread=1.0).verdict
    other = replace(quality, lpips=0.03, identity=0.5, spread=1.0).verdict
    assert "the face is not quite the same" in other
    assert "--best" in other
    assert "does not show the photo" in replace(quality, lpips=0.3, identity=None).verdict
    assert "a profile" in replace(quality, lpips=0.03, identity=None, spread=2.0).verdict
    assert f"at {quality.compared} px" in quality.figures
    assert "identity distance 0.20" in replace(quality, identity=0.2).figures


def test_the_heat_map_shows_where_it_differs(generator) -> None:
    pivot = generator.w_plus_from_seed(1)
    image = own_image(generator, 1)
    assert heat_map(generator, pivot, Likeness(generator, image)).max() < 12
    image[:32, :32] = smooth_picture(32, 32, 4)[::-1]
    hot = heat_map(generator, pivot, Likeness(generator, image)).astype(int)
    assert hot[:32, :32].mean() > 2 * hot[40:, 40:].mean()


def test_settings_that_cannot_be() -> None:
    wrong: list[dict[str, Any]] = [
        {"projection_steps": -1},
        {"own_layers": 1.5},
        {"tuning_step": float("nan")},
        {"seed": 1.5},
    ]
    for changes in wrong:
        with pytest.raises(DraglabError, match=next(iter(changes))):
            InversionSettings(**changes)


def test_grey_models_are_refused() -> None:
    with pytest.raises(DraglabError, match="colour"):
        Inversion(tiny_generator(img_channels=1), smooth_picture(64, 64), WHOLE)
