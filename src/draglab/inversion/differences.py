"""Differences of tuned weights from the model's own, as float16.

Each tensor is divided by its largest difference before it is rounded, so that small ones keep their 11 bits.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from draglab.errors import DraglabError
from draglab.generators import Generator


@dataclass(frozen=True)
class WeightDifferences:
    """Differences of a tuned generator's weights.

    Attributes:
        tensors: name of the weight -> its difference / scale, float16. scales: name -> scale.
    """

    tensors: Mapping[str, Tensor]
    scales: Mapping[str, float]

    @classmethod
    def between(cls, original: Generator, tuned: Generator) -> WeightDifferences:
        """Take the differences of all weights that changed."""
        tensors, scales = {}, {}
        before = original.published_tensors()
        for name, after in tuned.published_tensors().items():
            difference = (after - before[name]).detach().float().cpu()
            if (scale := float(difference.abs().max())) > 0:
                tensors[name], scales[name] = (difference / scale).half(), scale
        return cls(tensors, scales)

    def applied(self, original: Generator) -> Generator:
        """Return a copy of a generator with these differences added; the original stays as it is.

        Raises:
            DraglabError: a difference is not of a weight of this generator.
        """
        tuned = own_copy(original)
        weights = tuned.published_tensors()
        for name, difference in self.tensors.items():
            weight = weights.get(name)
            if weight is None or weight.shape != difference.shape or name not in self.scales:
                raise DraglabError(f"the tuned weight {name!a} does not fit the model: the file is damaged")
            with torch.no_grad():
                weight.add_(difference.to(weight) * self.scales[name])
        return tuned


def own_copy(generator: Generator) -> Generator:
    """Return a copy with weights of its own; the statistics of the latents are shared.

    The generator is not changed meanwhile: others may drag with it.
    """
    statistics = generator.statistics
    twin = copy.deepcopy(generator, {} if statistics is None else {id(statistics): statistics})
    twin._sha256 = None  # it is kept by a count of changes, which begins anew
    return twin
