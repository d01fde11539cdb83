"""StyleGAN2 agrees with its slow twin, with committed values, and with the published programs' outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from draglab.errors import DraglabError
from draglab.generators import StyleGAN2, StyleGAN2Config, to_uint8
from tests.generators.configs import CONFIGS, make_generator, random_w_plus
from tests.generators.make_golden import GOLDEN
from tests.reference.gradients import check_gradients
from tests.reference.stylegan2 import ReferenceStyleGAN2

EVERY = pytest.mark.parametrize("name", CONFIGS)


@EVERY
def test_forward_equals_the_slow_twin(name: str) -> None:
    generator = make_generator(name)
    w_plus = random_w_plus(generator, 2)
    maps = generator.feature_maps(w_plus, generator.img_resolution)
    image = generator.image(w_plus)
    for index in range(2):
        reference = ReferenceStyleGAN2(generator.config, generator.published_tensors())
        features, expected = reference(w_plus[index : index + 1])
        torch.testing.assert_close(image[index : index + 1], expected, rtol=1e-10, atol=1e-10)
        for resolution, block in features.items():
            torch.testing.assert_close(maps.blocks[resolution][index : index + 1], block, rtol=1e-10, atol=1e-10)


@EVERY
def test_gradient_equals_the_slow_twin(name: str) -> None:
    generator = make_generator(name)
    reference = ReferenceStyleGAN2(generator.config, generator.published_tensors())
    check_gradients(generator.image, lambda w: reference(w)[1], random_w_plus(generator))


@EVERY
def test_values_have_not_changed(name: str) -> None:
    generator = make_generator(name, torch.float32)
    w_plus = random_w_plus(generator)
    z = generator.z_from_seed(1)
    c = torch.eye(generator.c_dim)[:1] if generator.c_dim else None
    with np.load(GOLDEN) as golden:
        assert_within(generator.image(w_plus), golden[f"{name}.image"])
        for resolution in generator.feature_resolutions:
            assert_within(generator.features(w_plus, resolution)[:, :3], golden[f"{name}.b{resolution}"])
        assert_within(generator.mapping(z, c)[0, 0], golden[f"{name}.w"])


def assert_within(found: torch.Tensor, expected: np.ndarray) -> None:
    """Within the spread that float32 has over threads and kernels: 5e-6 of the largest value."""
    assert tuple(found.shape) == expected.shape
    error = np.abs(found.numpy() - expected).max()
    assert error <= 5e-6 * np.abs(expected).max() + 1e-6


@EVERY
def test_image_goes_on_from_features_of_any_block(name: str) -> None:
    generator = make_generator(name)
    w_plus = random_w_plus(generator)
    whole = generator.image(w_plus)
    for resolution in generator.feature_resolutions:
        maps = generator.feature_maps(w_plus, resolution)
        torch.testing.assert_close(generator.image(w_plus, from_features=maps), whole, rtol=0, atol=0)


def test_features_compute_nothing_above_their_block(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = make_generator("skip")
    run: list[int] = []
    for resolution in generator.feature_resolutions:
        block = generator.synthesis.block(resolution)
        original = block.features
        monkeypatch.setattr(block, "features", lambda *args, r=resolution, f=original: (run.append(r), f(*args))[1])
        monkeypatch.setattr(block, "add_rgb", lambda *_: pytest.fail("features need no colours"))
    generator.features(random_w_plus(generator), 16)
    assert run == [4, 8, 16]


def test_backward_makes_no_weight_gradients() -> None:
    generator = make_generator("skip")
    w_plus = random_w_plus(generator).requires_grad_(True)
    generator.features(w_plus, 32).sum().backward()
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in generator.parameters())
    assert w_plus.grad is not None
    # Layers above the block, and the RGB layers, do not influence features.
    assert (w_plus.grad[0, :7] != 0).any(dim=1).all()
    assert (w_plus.grad[0, 7:] == 0).all()


def test_square_sums_follow_the_weights() -> None:
    """The cached part of demodulation is made anew when weights change or are trained."""
    generator = make_generator("skip")
    w_plus = random_w_plus(generator)
    before = generator.image(w_plus)
    weight = generator.synthesis.block(8).conv0.weight
    with torch.no_grad():
        weight.mul_(3)
    torch.testing.assert_close(generator.image(w_plus), before, rtol=1e-6, atol=1e-6)
    generator.requires_grad_(True)
    (gradient,) = torch.autograd.grad(generator.image(w_plus).square().sum(), weight)
    # Demodulation makes the image independent of the weight's scale, so its gradient along the weight vanishes.
    assert abs((gradient * weight).sum().item()) < 1e-6 * (gradient.norm() * weight.norm()).item() + 1e-9


def test_noise_modes() -> None:
    generator = make_generator("skip")
    w_plus = random_w_plus(generator, 2)
    const, none = generator.image(w_plus), generator.image(w_plus, noise_mode="none")
    first = generator.image(w_plus, noise_mode="random", noise_seed=3)
    assert not torch.equal(const, none)
    assert not torch.equal(const, first)
    torch.testing.assert_close(first, generator.image(w_plus, noise_mode="random", noise_seed=3), rtol=0, atol=0)
    assert not torch.equal(first, generator.image(w_plus, noise_mode="random", noise_seed=4))
    with pytest.raises(DraglabError, match="const, none or random"):
        generator.image(w_plus, noise_mode="pink")  # pyright: ignore[reportArgumentType]


def test_truncation() -> None:
    generator = make_generator("skip")
    z = generator.z_from_seed(5)
    full, average = generator.mapping(z), generator.w_avg
    torch.testing.assert_close(generator.mapping(z, truncation_psi=0.0)[0, 0], average)
    half = generator.mapping(z, truncation_psi=0.5)
    torch.testing.assert_close(half, (full + average) / 2)
    cut = generator.mapping(z, truncation_psi=0.5, truncation_cutoff=3)
    torch.testing.assert_close(cut[:, :3], half[:, :3])
    torch.testing.assert_close(cut[:, 3:], full[:, 3:])


def test_seeds_are_those_of_published_tools() -> None:
    generator = make_generator("skip")
    expected = np.random.RandomState(42).randn(1, generator.z_dim)
    np.testing.assert_array_equal(generator.z_from_seed(42).numpy(), expected)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "7"])
def test_seeds_out_of_range(seed: object) -> None:
    with pytest.raises(DraglabError, match="whole number from 0"):
        make_generator("skip").w_plus_from_seed(seed)  # pyright: ignore[reportArgumentType]


def test_wrong_shapes_say_what_is_expected() -> None:
    generator = make_generator("conditional")
    with pytest.raises(DraglabError, match=r"takes \[N, 12\]"):
        generator.mapping(torch.zeros(1, 5))
    with pytest.raises(DraglabError, match=r"class vectors c of shape \[1, 3\]"):
        generator.mapping(torch.zeros(1, 12))
    with pytest.raises(DraglabError, match="8, 16"):
        generator.features(random_w_plus(generator), 48)
    with pytest.raises(DraglabError, match="w_plus has shape"):
        generator.image(torch.zeros(1, 2, 10))


@pytest.mark.parametrize(
    "change",
    [{"img_resolution": 48}, {"architecture": "swagan"}, {"w_dim": 0}, {"resample_filter": (1.0,)}, {"channel_max": 0}],
)
def test_impossible_configurations_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(DraglabError):
        StyleGAN2Config(**{"img_resolution": 32, **change})  # pyright: ignore[reportArgumentType]


def test_configuration_survives_json() -> None:
    for config in CONFIGS.values():
        assert StyleGAN2Config.from_json(config.to_json()) == config
    with pytest.raises(DraglabError, match="configuration is not usable"):
        StyleGAN2Config.from_json({"img_resolution": 32, "surprise": 1})


def test_weights_that_do_not_fit_are_named() -> None:
    generator = make_generator("skip", torch.float32)
    tensors = generator.published_tensors()
    lacking = {name: tensor for name, tensor in tensors.items() if name != "mapping.fc0.weight"}
    with pytest.raises(DraglabError, match=r"fc0\.weight is missing"):
        StyleGAN2(generator.config).load_published(lacking)
    with pytest.raises(DraglabError, match="extra is unknown"):
        StyleGAN2(generator.config).load_published(tensors | {"extra": torch.zeros(1)})
    with pytest.raises(DraglabError, match="size mismatch"):
        StyleGAN2(generator.config).load_published(tensors | {"synthesis.b4.const": torch.zeros(1, 4, 4)})


def test_bfloat16_activations_stay_close() -> None:
    generator = make_generator("no_noise", torch.float32)
    w_plus = random_w_plus(generator)
    exact = generator.image(w_plus)
    generator.synthesis.block(4).activation_dtype = torch.bfloat16
    rough = generator.image(w_plus)
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).norm() / exact.norm() < 3e-2


def test_to_uint8_rounds_as_published_tools_do() -> None:
    values = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).view(1, 1, 1, 5)
    assert to_uint8(values).ravel().tolist() == [0, 0, 128, 255, 255]


def test_w_std_is_the_spread_of_w() -> None:
    generator = make_generator("skip", torch.float32)
    z = torch.from_numpy(np.random.RandomState(9).randn(4000, generator.z_dim)).float()
    w = generator.mapping(z)[:, 0]
    assert generator.w_std() == pytest.approx((w - w.mean(0)).square().mean().sqrt().item(), rel=0.1)


@pytest.mark.parametrize("name", ["skip", "resnet"])
def test_previews(name: str) -> None:
    """What lies above the block is not looked at where the architecture allows it; else the image is averaged."""
    generator = make_generator(name)
    w_plus = random_w_plus(generator)
    preview = generator.image(w_plus, preview_resolution=16)
    assert preview.shape[2:] == generator.synthesis.shape_at(16)
    changed = w_plus.clone()
    changed[:, -2:] += 1
    unchanged = torch.equal(generator.image(changed, preview_resolution=16), preview)
    assert unchanged == (name == "skip")
    if name == "resnet":
        whole = generator.image(w_plus)
        torch.testing.assert_close(preview, torch.nn.functional.avg_pool2d(whole, whole.shape[2] // 16))
    maps = generator.feature_maps(w_plus, 32)
    torch.testing.assert_close(generator.image(w_plus, maps, preview_resolution=16), preview)
