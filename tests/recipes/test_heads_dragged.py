"""The bank of dragged latents, and its part in heads' second stage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="the head renderer needs numba")
pytest.importorskip("scipy", reason="the head renderer needs scipy")

from draglab.dragging import drag
from recipes.heads import train_adversarial
from recipes.heads.data import Renders
from recipes.heads.dragged import TRAVEL, DraggedLatents, moved, random_edit
from recipes.heads.scene import Z_DIM
from tests.recipes.test_heads_training import SIZE, fake_renders
from tests.recipes.test_starts import model, options, run
from tests.tiny import tiny_generator

__all__ = ["model", "options", "run"]


@pytest.fixture
def renders(tmp_path: Path) -> Renders:
    return Renders(fake_renders(tmp_path / "renders", 8, 2))


def test_offsets_are_those_of_real_drags(renders: Renders) -> None:
    generator = tiny_generator(z_dim=Z_DIM, img_resolution=SIZE)
    bank = DraggedLatents(generator, capacity=5, max_steps=3)
    torch.manual_seed(0)
    bank.add(generator, renders, 1)
    torch.manual_seed(0)
    index = int(torch.randint(8, (1,)))
    start = generator.mapping(renders.z[index : index + 1])
    result = drag(generator, start, random_edit(renders, index), bank.settings)
    torch.testing.assert_close(moved(start, bank.offsets), result.w_plus)
    assert (result.w_plus - start).abs().max() > 0
    assert torch.equal(bank.z, renders.z[index : index + 1])


def test_new_drags_replace_the_oldest(renders: Renders) -> None:
    generator = tiny_generator(z_dim=Z_DIM, img_resolution=SIZE)
    bank = DraggedLatents(generator, capacity=3, max_steps=1)
    torch.manual_seed(0)
    bank.add(generator, renders, 2)
    newest = bank.z[-1]
    bank.add(generator, renders, 2)
    assert len(bank) == 3 and torch.equal(bank.z[0], newest)
    z, offsets = bank.draw(8)
    for scene, offset in zip(z, offsets, strict=True):
        place = int((bank.z == scene).all(1).nonzero()[0])
        assert any(torch.equal(offset, bank.offsets[i]) for i in range(3) if torch.equal(bank.z[i], bank.z[place]))
    assert [len(part) for part in bank.draw(0)] == [0, 0]
    again = DraggedLatents(generator)
    again.load(bank.state())
    assert torch.equal(again.offsets, bank.offsets)


def test_handles_are_visible_landmarks_and_targets_within_reach(renders: Renders) -> None:
    renders.visible[:] = False
    renders.visible[:, 30] = True
    renders.landmarks[:, 30] = torch.tensor([1.0, 40.0])
    for index in range(8):
        edit = random_edit(renders, index)
        start, end = (np.array(points, float)[0] for points in (edit.handles, edit.targets))
        assert start.tolist() == [1, 40]
        assert end.min() >= 0 and end.max() <= SIZE - 1
        assert np.linalg.norm(end - start) <= TRAVEL[1] * SIZE + 1e-4
    renders.visible[:] = False
    assert np.array(random_edit(renders, 0).handles).tolist() == [[SIZE / 2, SIZE / 2]]


@pytest.mark.slow
def test_dragged_pictures_are_judged_and_kept(
    run: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_adversarial, "FIRST_DRAGS", 2)
    monkeypatch.setattr(train_adversarial, "DRAGS_TOGETHER", 1)
    monkeypatch.setattr(train_adversarial, "DRAG_EVERY", 2)
    seen: list[int] = []
    learn = train_adversarial.Trainer.learn
    monkeypatch.setattr(
        train_adversarial.Trainer, "learn", lambda self, made, *rest: seen.append(len(made)) or learn(self, made, *rest)
    )
    state = run("--phases", "64:12", "--dragged", "3")
    # 4 renders, 2 mixed, 3 dragged; drags before the first step and before the third.
    assert seen == [9, 9, 9]
    assert len(state["dragged"]["z"]) == 3
    # A resumed run goes on with the bank.
    state = run("--phases", "64:16", "--dragged", "3")
    assert len(state["dragged"]["z"]) == 4
