"""Everything that determines a generator of spots but its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from draglab.errors import DraglabError
from draglab.generators import GeneratorConfig


@dataclass(frozen=True)
class SpotsConfig(GeneratorConfig):
    """spots: how many. widths: of the features' spots, in sides of the image; one channel for each."""

    kind: ClassVar[str] = "spots"

    spots: int = 4
    widths: tuple[float, ...] = (0.05, 0.1, 0.2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.spots <= 64 or not 1 <= len(self.widths) <= 16 or min(self.widths) <= 0:
            raise DraglabError("a generator of spots has 1 to 64 spots, and 1 to 16 widths above 0")

    @property
    def num_ws(self) -> int:
        """One latent places the spots, the other colours them."""
        return 2
