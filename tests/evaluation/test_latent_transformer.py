"""UserControllableLT: its inputs, its files, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import train_latent_transformer as training
from draglab.dragging import DragEdit
from draglab.dragging.features import whole_features
from draglab.errors import DraglabError
from draglab.evaluation.methods import parse_method
from draglab.evaluation.methods.latent_transformer import (
    LatentTransformer,
    load_transformer,
    point_inputs,
    save_transformer,
)
from tests.tiny import tiny_generator

EDIT = DragEdit([[12, 14], [22, 20]], [[18, 14], [22, 12]])


@pytest.fixture
def network() -> LatentTransformer:
    return training.start_network(tiny_generator(), range(4))


def test_inputs_are_what_lies_under_the_points() -> None:
    generator = tiny_generator()
    features = whole_features(generator, generator.w_plus_from_seed(1), generator.feature_level(16))
    under, places, motions = point_inputs(generator, features, np.array([[0.0, 31.0]]), np.array([[5.0, 31.0]]))
    # The corner's sample is clamped to the corner of the map.
    assert torch.equal(under[0, 0], features.maps.top[0, :, 15, 0])  # pyright: ignore[reportOptionalMemberAccess]
    assert places[0, 0].tolist() == pytest.approx([0.5 / 32, 31.5 / 32])
    # 5 of 32 pixels are 80 of 512, 8 times the unit.
    assert motions[0, 0].tolist() == pytest.approx([8, 0])


def test_an_untrained_network_changes_nothing(network: LatentTransformer, tmp_path: Path) -> None:
    generator = tiny_generator()
    save_transformer(tmp_path / "lt.safetensors", network)
    method = parse_method(f"user-controllable-lt:weights={tmp_path / 'lt.safetensors'}", 300)
    w_plus = generator.w_plus_from_seed(1)
    result = method.drag(generator, w_plus, EDIT)
    assert torch.equal(result.w_plus, w_plus)
    assert (result.steps, result.stop_reason) == (1, "max_steps")
    np.testing.assert_allclose(result.handles, np.asarray(EDIT.handles), atol=0.01)


def test_the_change_is_that_of_the_network(network: LatentTransformer, tmp_path: Path) -> None:
    generator = tiny_generator()
    with torch.no_grad():
        network.change.weight.normal_(0, 0.1, generator=torch.Generator().manual_seed(0))
    save_transformer(tmp_path / "lt.safetensors", network)
    method = parse_method(f"user-controllable-lt:weights={tmp_path / 'lt.safetensors'}", 300)
    w_plus = generator.w_plus_from_seed(1)
    result = method.drag(generator, w_plus, EDIT)
    features = whole_features(generator, w_plus, generator.feature_level(16))
    inputs = point_inputs(generator, features, np.array(EDIT.handles, float), np.array(EDIT.targets, float))
    with torch.no_grad():
        change = network(w_plus, *inputs) * 0.1 * generator.w_std()
    layers = network.config.layers
    assert torch.allclose(result.w_plus[:, :layers], w_plus[:, :layers] + change, atol=1e-5)
    assert torch.equal(result.w_plus[:, layers:], w_plus[:, layers:])
    # The order of the points does not matter.
    turned = [each.flip(1) for each in inputs]
    with torch.no_grad():
        assert torch.allclose(network(w_plus, *turned), network(w_plus, *inputs), atol=1e-5)


def test_files_of_others_are_refused(network: LatentTransformer, tmp_path: Path) -> None:
    generator, path = tiny_generator(), tmp_path / "lt.safetensors"
    with pytest.raises(DraglabError, match="there is no latent transformer"):
        load_transformer(path, generator)
    for content in (b"", b"hello"):
        path.write_bytes(content)
        with pytest.raises(DraglabError, match="is no latent transformer for tiny"):
            load_transformer(path, generator)
    save_transformer(path, network)
    assert load_transformer(path, generator).config == network.config
    other = tiny_generator(img_resolution=64)
    with pytest.raises(DraglabError, match="was trained for another model"):
        load_transformer(path, other)
    with pytest.raises(DraglabError, match="is no latent transformer for tiny"):
        load_transformer(path, tiny_generator(w_dim=8))


def test_it_learns_to_tell_changes_from_motions(network: LatentTransformer) -> None:
    """On a few samples the error falls below that of no change, which is where it begins."""
    flow = pytest.importorskip("cv2", reason="OpenCV, the extra flow, is not installed") and training.OpticalFlow()
    generator = tiny_generator()
    samples = [training.make_sample(generator, network, flow, seed) for seed in range(8)]
    w_plus, features, places, motions, change = samples[0]
    layers = network.config.layers
    assert features.shape == (1, 32, network.config.channels) and places.shape == motions.shape == (1, 32, 2)
    assert change.shape == (1, layers, 16)
    # In units of a tenth of the spread, a tenth of the way to another latent is about 1.4 in size.
    assert 0.5 < float(torch.cat([each[4] for each in samples]).square().mean().sqrt()) < 3
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    losses = [training.train_step(network, optimizer, samples, 32) for _ in range(40)]
    assert losses[-1] < 0.3 * losses[0]
    assert w_plus.shape == (1, generator.num_ws, 16)


def test_the_command_trains_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2", reason="OpenCV, the extra flow, is not installed")
    from draglab.checkpoints import save_generator

    model, out = tmp_path / "tiny.safetensors", tmp_path / "lt.safetensors"
    save_generator(tiny_generator(), model)
    monkeypatch.setattr(training, "BATCH", 2)
    training.main(["--model", str(model), "--out", str(out), "--steps", "2"])
    first = out.read_bytes()
    training.main(["--model", str(model), "--out", str(out), "--steps", "1", "--resume"])
    assert out.read_bytes() != first
