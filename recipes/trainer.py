"""Training in phases of growing resolution: the loop, its schedule, its log and checkpoints."""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from recipes.data import batches_of
from recipes.networks import AveragedNetworks
from recipes.run_folder import RunFolder
from recipes.sharing import SharedCores


@dataclass(frozen=True)
class Phase:
    """Train at `resolution` until `until` images were shown in all."""

    resolution: int
    until: int


def parse_phases(text: str) -> list[Phase]:
    """ "32:60000,64:60000,128:200000" (images per phase) -> phases with running totals."""
    phases, total = [], 0
    for part in text.split(","):
        resolution, count = part.split(":")
        total += int(count)
        phases.append(Phase(int(resolution), total))
    return phases


def rate_factor(shown: int, total: int, cooldown: float, warm_up: int = 2000) -> float:
    """Step size relative to its peak: a short warm-up, then constant, linear to 2 % over the last `cooldown` of all."""
    remaining = (total - shown) / (cooldown * total)
    return min(1.0, (shown + 1) / warm_up, max(0.02, remaining))


N = TypeVar("N", bound=AveragedNetworks)


class PhasedTrainer(ABC, Generic[N]):
    """One run folder and the loop that fills it.

    Ctrl-C and TERM end the loop after the step under way, with a checkpoint.

    Attributes:
        args: with out, phases, batch, save_minutes, average. samples: how many pictures there are to show.
        networks: what is trained. shown: images shown so far, over all calls.
    """

    networks: N

    def __init__(self, args: argparse.Namespace, samples: int):
        self.args, self.samples = args, samples
        self.folder = RunFolder(args.out, args.save_minutes)
        self.phases = parse_phases(args.phases)
        self.cores = SharedCores()
        self.shown = 0

    def resume(self, optimizers: list[torch.optim.Optimizer]) -> dict[str, Any] | None:
        """Continue from the run folder's checkpoint and return it; None if there is none."""
        state = self.folder.load()
        if state is not None:
            self.networks.load(state)
            for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.shown = state["shown"]
            print(f"resumed at {self.shown} images", flush=True)
        return state

    def common_state(self, optimizers: list[torch.optim.Optimizer]) -> dict[str, Any]:
        """What `resume` takes."""
        saved = [optimizer.state_dict() for optimizer in optimizers]
        return self.networks.state() | {"optimizers": saved, "shown": self.shown}

    def count(self, images: int) -> None:
        """Note a step that showed so many images, and let the averages follow; those of a young run do so faster."""
        self.shown += images
        steps = self.shown / images
        self.networks.update_averages(min(self.args.average, (1 + steps) / (10 + steps)))

    @property
    def judge_every(self) -> int:
        """Number of saves for each evaluation of the measures."""
        return 1

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""

    @abstractmethod
    def step(self, batch: Tensor, resolution: int) -> dict[str, float]:
        """Learn from the pictures of these indices and count them in `shown`; returns the losses."""

    @abstractmethod
    def judge(self, resolution: int) -> dict[str, float]:
        """Write a sheet; return measures."""

    def run(self) -> bool:
        """Train to the end of the schedule, or until told to stop; returns whether the end was reached."""
        if self.shown >= self.phases[-1].until:
            print(f"nothing to do: {self.shown} images were shown already", flush=True)
            return True
        batches = batches_of(self.samples, self.args.batch, self.shown)
        began, saves = self.shown, 0
        resolution = self.phases[0].resolution
        for phase in self.phases:
            if self.folder.stopping:
                break
            resolution = phase.resolution
            while self.shown < phase.until and not self.folder.stopping:
                threads = self.cores.adapt()
                parts = self.step(next(batches), resolution)
                if self.folder.due():
                    row: dict[str, Any] = {"shown": self.shown, "resolution": resolution, "threads": threads}
                    row |= {"rate": (self.shown - began) / self.folder.since_log, "minutes": self.folder.minutes}
                    began = self.shown
                    if self.folder.due_to_save():
                        self.folder.save(self.state())
                        saves += 1
                        if saves % self.judge_every == 0:
                            row |= self.judge(resolution)
                    self.folder.log(row | parts)
        self.folder.save(self.state())
        self.folder.log({"shown": self.shown, "resolution": resolution} | self.judge(resolution))
        return not self.folder.stopping
