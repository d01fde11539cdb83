"""How an image responds to the likely changes of its latent that alter images most.

The metric (metric.py) gives the directions V: with its rows Q, M = Q^T Q, and the eigenvectors u of Q Sigma Q^T,

    v = Sigma Q^T u / sqrt(lambda),   v^T Sigma^-1 v = 1,   v^T Sigma'^-1 v = 1 + lambda,

which are orthogonal in both. The response to a direction is the change of a block's features, J v, by a forward
difference; of the channels, a few random projections are kept, which preserve lengths on average (Johnson and
Lindenstrauss 1984). From the responses follows how much any change in their span alters any part of the image, without
further passes: that is how a drag keeps what is far from it (locality.py).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from draglab.dragging.metric import Directions, LatentMetric
from draglab.generators import Generator
from draglab.geometry import image_extent

COUNT = 64
"""Number of directions."""
RESOLUTION = 64
"""Largest resolution of the features, but a quarter of the image's at most."""
CHANNELS = 8
"""Number of random projections of the channels."""
PROBE = 0.1
"""Length of the change by which J v is measured, standard deviations."""
KEPT = 8
"""Number of images of a model whose responses are remembered."""


@dataclass(frozen=True)
class Responses:
    """Responses of one image.

    Attributes:
        directions: V.
        changes: J V, [K, c, h, w]; the maps cover the image, without the margins that some models have.
        start: the features themselves, [c, h, w].
    """

    directions: Directions
    changes: Tensor
    start: Tensor


_known: WeakKeyDictionary[Generator, OrderedDict[tuple[bytes, int, bool], Responses]] = WeakKeyDictionary()


def responses_of(generator: Generator, w_plus: Tensor, metric: LatentMetric) -> Responses:
    """Return the responses of an image; those of the latest images are remembered.

    Args:
        w_plus: [1, num_ws, w_dim]. metric: the model's, for the layers that are edited.
    """
    for _ in prepare_responses(generator, w_plus, metric):
        pass
    kept, key = _known[generator], _key(w_plus, metric)
    kept.move_to_end(key)
    return kept[key]


def prepare_responses(generator: Generator, w_plus: Tensor, metric: LatentMetric) -> Iterator[None]:
    """Compute what :func:`responses_of` returns, a direction in each step, unless it is remembered.

    Iterate to the end, and :func:`responses_of` has nothing left to compute.
    """
    kept, key = _known.setdefault(generator, OrderedDict()), _key(w_plus, metric)
    if key in kept:
        return
    directions = metric.directions(COUNT)
    start = look(generator, w_plus)
    changes: list[Tensor] = []
    for vector in directions.vectors:
        changes.append(_response(generator, w_plus, start, vector, metric))
        yield
    while len(kept) >= KEPT:
        kept.popitem(last=False)
    kept[key] = Responses(directions, torch.stack(changes), start)


def _response(generator: Generator, w_plus: Tensor, start: Tensor, vector: Tensor, metric: LatentMetric) -> Tensor:
    moved = w_plus.clone()
    moved[:, : metric.layers] += PROBE * vector
    return (look(generator, moved) - start) / PROBE


def _key(w_plus: Tensor, metric: LatentMetric) -> tuple[bytes, int, bool]:
    return w_plus.detach().cpu().contiguous().numpy().tobytes(), metric.layers, metric.shared


@torch.no_grad()
def look(generator: Generator, w_plus: Tensor) -> Tensor:
    """Return the features of one image, [c, h, w], in which responses are measured."""
    level = response_level(generator)
    margin = generator.feature_margin(level)
    height, width = image_extent(generator.feature_shape(level), margin)
    top = generator.feature_maps(w_plus, level).top[0, :, margin : margin + height, margin : margin + width]
    return torch.einsum("kc,chw->khw", channel_projection(len(top)).to(top), top)


def channel_projection(channels: int) -> Tensor:
    """Return the projection of so many channels, [c, channels], the same each time."""
    if channels <= CHANNELS:
        return torch.eye(channels)
    return torch.randn(CHANNELS, channels, generator=torch.Generator().manual_seed(0)) / CHANNELS**0.5


def response_level(generator: Generator) -> int:
    """Return the level of the features whose responses are measured."""
    most = min(RESOLUTION, max(generator.img_shape) // 4)
    fitting = [resolution for resolution in generator.feature_resolutions if resolution <= most]
    return generator.feature_level(max(fitting, default=generator.feature_resolutions[0]))
