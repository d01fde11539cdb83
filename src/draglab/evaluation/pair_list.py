"""Seeded lists of pairs of images: a rule, or a published file that names the seeds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from draglab.errors import DraglabError
from draglab.files import read_bytes
from draglab.generators import Generator
from draglab.media.edit_file import MAX_SEED, count_values
from draglab.problems import first_problem

FIRST_SEED = 100_000
"""First seed of the rule; settings were tuned on lower ones."""
TRUNCATION = 0.7
"""The paper's distances without an edit are those of faces that are truncated by about 0.7 to 0.8."""
SIZE_LIMIT = 16 * 2**20
VALUE_LIMIT = 500_000

_Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
    model: str = Field(max_length=4096)
    truncation_psi: float = Field(ge=-10, le=10)
    pairs: list[Annotated[list[_Seed], Field(min_length=2, max_length=2)]] = Field(min_length=1, fail_fast=True)


@dataclass(frozen=True)
class PairList:
    """Pairs of seeds by their numbers, from 0.

    Attributes:
        truncation: psi of all images. listed: the seeds; None = pair k has first_seed + 2k and first_seed + 2k + 1.
        of_class: class of all images, for models with classes; see :meth:`draglab.generators.Generator.class_vector`.
    """

    truncation: float = TRUNCATION
    first_seed: int = FIRST_SEED
    listed: tuple[tuple[int, int], ...] | None = None
    of_class: int | tuple[float, ...] | None = None

    def latents(self, pair: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Return the latents of a pair, [1, num_ws, w_dim] each.

        Raises:
            DraglabError: the class does not fit the model.
        """
        first, second = (
            generator.w_plus_from_seed(seed, self.truncation, c=self.of_class) for seed in self.seeds(pair)
        )
        return first, second

    def seeds(self, pair: int) -> tuple[int, int]:
        """Return the seeds of a pair."""
        if self.listed is not None:
            return self.listed[pair]
        return self.first_seed + 2 * pair, self.first_seed + 2 * pair + 1

    def candidates(self, most: int) -> range:
        """Return the numbers of the pairs that may be tried, at most `most`."""
        if self.listed is not None:
            return range(len(self.listed))
        return range(min(most, (MAX_SEED - self.first_seed) // 2))

    def described(self) -> dict[str, Any]:
        """Return what identifies the list, as plain values."""
        common = {"truncation_psi": self.truncation, "class": self.of_class}
        if self.listed is None:
            return {**common, "first_seed": self.first_seed}
        return {**common, "pairs_sha256": hashlib.sha256(json.dumps(self.listed).encode()).hexdigest()}


def load_pairs(path: str | Path) -> PairList:
    """Read a list of pairs, such as benchmarks/pairs_faces.json.

    Raises:
        DraglabError: the file is missing, too large, or not such a list.
    """
    data = read_bytes(path, "list of pairs", SIZE_LIMIT)
    if count_values(data) > VALUE_LIMIT:
        raise DraglabError(f"{path} holds more than {VALUE_LIMIT} values, which is refused; check the file")
    try:
        content = _Content.model_validate(json.loads(data))
    except ValidationError as error:
        raise DraglabError(f"{path} is not a list of pairs: {first_problem(error)}") from None
    except (ValueError, RecursionError):
        raise DraglabError(f"{path} is not a list of pairs: it is not JSON; give one like pairs_faces.json") from None
    return PairList(content.truncation_psi, 0, tuple((first, second) for first, second in content.pairs))
