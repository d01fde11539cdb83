"""Networks in training and the running averages of their weights, which are what a recipe exports."""

from __future__ import annotations

from typing import Any, ClassVar

import torch


class AveragedNetworks:
    """Networks as attributes, with the names under which a checkpoint holds their weights."""

    PAIRS: ClassVar[tuple[tuple[str, str], ...]]
    """(attribute in training, attribute of its running average)."""

    def state(self) -> dict[str, Any]:
        """Weights for a checkpoint."""
        return {name: getattr(self, name).state_dict() for pair in self.PAIRS for name in pair}

    def load(self, state: dict[str, Any]) -> None:
        """Take the weights of a checkpoint of any stage."""
        for pair in self.PAIRS:
            for name in pair:
                getattr(self, name).load_state_dict(state[name])

    def start_from_averages(self) -> None:
        """Set what is in training to its running average."""
        for current, average in self.PAIRS:
            getattr(self, current).load_state_dict(getattr(self, average).state_dict())

    @torch.no_grad()
    def update_averages(self, keep: float) -> None:
        """Move the running averages towards the current weights; `keep` is their own share."""
        for current, average in self.PAIRS:
            pairs = zip(getattr(self, average).parameters(), getattr(self, current).parameters(), strict=True)
            for averaged, now in pairs:
                averaged.lerp_(now, 1 - keep)
