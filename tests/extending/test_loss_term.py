"""A loss term and an optimiser of one's own (docs/extending.md)."""

import torch
from torch import Tensor

import draglab
from draglab import DragEdit, DragSettings
from draglab.dragging import Features
from tests.tiny import tiny_generator

EDIT = DragEdit([[12, 14]], [[18, 14]])
SETTINGS = DragSettings(max_steps=10, patience=None, back_off=None)


def test_a_term_is_added_to_the_losses() -> None:
    generator = tiny_generator()
    w_plus, other = generator.w_plus_from_seed(1), generator.w_plus_from_seed(2)

    def near(w_plus: Tensor, features: Features) -> Tensor:
        assert features.near.values.requires_grad
        return 100 * (w_plus - other).square().mean()

    free = draglab.drag(generator, w_plus, EDIT, SETTINGS)
    drawn = draglab.drag(generator, w_plus, EDIT, SETTINGS, terms=[near])
    # Only the first six latents of w_plus may change.
    before, without, with_term = ((each - other)[:, :6].norm() for each in (w_plus, free.w_plus, drawn.w_plus))
    assert with_term < 0.97 * before
    assert with_term < without


class Descent:
    """Plain gradient descent with steps of one length."""

    def __init__(self, value: Tensor, step_size: float, settings: DragSettings):
        self.value, self.step_size = value, step_size

    @torch.no_grad()
    def step(self, gradient: Tensor) -> None:
        """One step."""
        self.value.sub_(self.step_size * gradient / gradient.norm())


def test_an_optimiser_of_ones_own() -> None:
    generator = tiny_generator()
    w_plus = generator.w_plus_from_seed(1)
    settings = DragSettings(max_steps=1, patience=None, step_size=0.5)
    result = draglab.drag(generator, w_plus, EDIT, settings, optimizer=Descent)
    moved = (result.w_plus - w_plus).norm().item()
    assert abs(moved - 0.5 * generator.w_std()) < 1e-4
