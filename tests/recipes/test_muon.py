"""Muon's steps: orthogonal directions of the size asked for, downhill."""

from __future__ import annotations

import pytest
import torch

from recipes.muon import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(8, 8), (6, 20), (20, 6)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalized(torch.randn(shape) * 7))
    assert values.min() > 0.5
    assert values.max() < 1.4


def test_steps_have_the_size_asked_for_and_lead_downhill() -> None:
    torch.manual_seed(0)
    goal = torch.randn(6, 4, 3, 3)
    weight = torch.zeros(6, 4, 3, 3, requires_grad=True)
    untouched = torch.ones(3, 3, requires_grad=True)
    optimizer = Muon([weight, untouched], lr=0.05)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (weight - goal).square().sum()
        loss.backward()
        before = weight.detach().clone()
        optimizer.step()
        assert (weight.detach() - before).square().mean().sqrt().item() == pytest.approx(0.05, rel=0.3)
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    assert torch.equal(untouched.detach(), torch.ones(3, 3))
