"""The `paper` setting agrees, step for step, with a plain implementation of the paper's section 3."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from draglab.dragging import DragEdit, DragSettings, DragStep, drag_steps
from draglab.generators import StyleGAN2, StyleGAN2Config
from tests.reference.drag import ReferenceStep, reference_drag
from tests.reference.stylegan2 import ReferenceStyleGAN2

SIZE, STEPS = 64, 6
# At 64 pixels the paper's radii are below one pixel: larger ones make the sums worth comparing.
R1, R2 = 24.0, 40.0


@pytest.fixture(scope="module")
def generator() -> StyleGAN2:
    torch.manual_seed(3)
    config = StyleGAN2Config(img_resolution=SIZE, z_dim=16, w_dim=16, channel_base=512, channel_max=16)
    generator = StyleGAN2(config).double()
    for name, tensor in generator.state_dict().items():
        if name.endswith(("bias", "noise_strength")):
            tensor.add_(0.2 * torch.randn(tensor.shape, dtype=tensor.dtype))
    return generator


def run_both(
    generator: StyleGAN2,
    handles: list[tuple[int, int]],
    targets: list[tuple[int, int]],
    mask: Tensor | None,
    feature_resolution: int,
) -> tuple[list[DragStep], list[ReferenceStep]]:
    """The same drag by the engine and by the reference, with the reference's synthesis on the other side."""
    w_plus = generator.w_plus_from_seed(11)
    settings = DragSettings.paper(
        step_size=0.03,
        step_unit="absolute",
        r1=R1,
        r2=R2,
        feature_resolution=feature_resolution,
        max_steps=STEPS,
        stop_distance=1e-6,
    )
    edit = DragEdit(handles, targets, None if mask is None else mask.numpy())
    fast = list(drag_steps(generator, w_plus, edit, settings))
    synthesis = ReferenceStyleGAN2(generator.config, generator.published_tensors())
    slow = reference_drag(
        synthesis, w_plus, handles, targets, mask, STEPS, feature_resolution, step_size=0.03, r1=R1, r2=R2
    )
    return fast, list(slow)


def half_mask() -> Tensor:
    """Left half movable."""
    mask = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    mask[:, : SIZE // 2] = True
    return mask


def soft_mask() -> Tensor:
    """Movable on the left, frozen on the right, in part between them; in 16ths, which float32 keeps exactly."""
    return (3 - torch.arange(SIZE, dtype=torch.float64) / 16).clamp(0, 1).expand(SIZE, SIZE).clone()


Case = tuple[list[tuple[int, int]], list[tuple[int, int]], Callable[[], Tensor] | None]
ONE: Case = ([(20, 30)], [(29, 38)], None)
THREE: Case = ([(20, 30), (3, 3), (60, 50)], [(29, 38), (3, 12), (40, 50)], None)
MASKED: Case = ([(20, 30)], [(29, 38)], half_mask)
SOFT: Case = ([(20, 30)], [(29, 38)], soft_mask)


@pytest.mark.parametrize("case", [ONE, THREE, MASKED, SOFT], ids=["one", "three", "masked", "soft"])
def test_exact_where_the_features_have_the_size_of_the_image(generator: StyleGAN2, case: Case) -> None:
    """Resizing is then the identity, so nothing is left to explain by sampling."""
    handles, targets, mask = case
    fast, slow = run_both(generator, handles, targets, mask and mask(), SIZE)
    assert len(fast) == len(slow) == STEPS
    for step, reference in zip(fast, slow, strict=True):
        assert step.handles.tolist() == [list(map(float, point)) for point in reference.handles]
        assert step.motion_loss == pytest.approx(reference.motion_loss, rel=1e-9)
        assert step.mask_loss == pytest.approx(reference.mask_loss, rel=1e-9, abs=1e-12)
        torch.testing.assert_close(step.w_plus, reference.w_plus, rtol=1e-8, atol=1e-8)
    assert any(step.handles.tolist() != [list(map(float, point)) for point in handles] for step in fast)
    if mask is not None:
        assert slow[-1].mask_loss > 0


@pytest.mark.parametrize("feature_resolution", [32, 16])
@pytest.mark.parametrize("case", [ONE, THREE], ids=["one", "three"])
def test_exact_for_smaller_features(generator: StyleGAN2, case: Case, feature_resolution: int) -> None:
    """Without a mask nothing is approximated: samples are those of the resized map, which is never made."""
    handles, targets, _ = case
    fast, slow = run_both(generator, handles, targets, None, feature_resolution)
    for step, reference in zip(fast, slow, strict=True):
        assert step.handles.tolist() == [list(map(float, point)) for point in reference.handles]
        assert step.motion_loss == pytest.approx(reference.motion_loss, rel=1e-9)
        torch.testing.assert_close(step.w_plus, reference.w_plus, rtol=1e-8, atol=1e-8)


def test_mask_term_on_smaller_features_is_close(generator: StyleGAN2) -> None:
    """It is summed over feature pixels times their area, the paper's over pixels of the resized map, where neighbours
    of opposite sign partly cancel: ours is never smaller. The first step with a change shows it before paths part."""
    fast, slow = run_both(generator, [(20, 30)], [(29, 38)], half_mask(), 32)
    assert fast[0].motion_loss == pytest.approx(slow[0].motion_loss, rel=1e-9)
    assert fast[0].mask_loss == slow[0].mask_loss == 0
    torch.testing.assert_close(fast[0].w_plus, slow[0].w_plus, rtol=1e-8, atol=1e-8)
    assert fast[1].mask_loss == pytest.approx(slow[1].mask_loss, rel=0.3)
    assert fast[1].mask_loss >= 0.98 * slow[1].mask_loss
