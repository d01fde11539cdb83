"""UserControllableLT (Endo, "User-Controllable Latent Transformer for StyleGAN Image Layout Editing", 2022), the main
baseline of the paper, from its description: a transformer that turns a few motion vectors and the features under them
into a change of the first layers of w_plus, in one pass and without optimisation.

It is trained on pairs of random latents, the second a tenth of the way towards an independent one: the optical flow
between their images is the input, the difference of the latents the target (benchmarks/train_latent_transformer.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from draglab.dragging import DragEdit, DragRun, DragSettings, DragStep, TrackingQuery, track_nearest
from draglab.dragging.features import Features, whole_features
from draglab.errors import DraglabError
from draglab.files import read_bytes, write_atomically
from draglab.generators import Generator
from draglab.geometry import REFERENCE_SIZE

SIZE_LIMIT = 256 * 2**20
MOTION_UNIT = 10.0
"""Length that motion vectors are measured in, pixels of a 512-pixel image."""
MIXED = 0.1
"""How far the second latent of a training pair is towards another; changes are measured in it."""
HEADS = 4


@dataclass(frozen=True)
class TransformerConfig:
    """Shape of a latent transformer.

    Attributes:
        model_sha256: weights of the generator that it was trained for. w_dim: length of w.
        layers: number of the first layers of w_plus that it changes. channels: of the features.
        feature_resolution: block of the features. width, depth: of the transformer.
    """

    model_sha256: str
    w_dim: int
    layers: int
    channels: int
    feature_resolution: int
    width: int = 256
    depth: int = 4


class LatentTransformer(nn.Module):
    """Transformer decoder whose queries are the latents, and whose memory are the motion vectors.

    Args:
        config: its shape. w_avg, w_std: mean [w_dim] and spread of the generator's w.
    """

    def __init__(self, config: TransformerConfig, w_avg: Tensor, w_std: float):
        super().__init__()
        self.config, self.w_std = config, w_std
        self.register_buffer("w_avg", w_avg.detach().clone(), persistent=False)
        self.register_buffer("feature_mean", torch.zeros(config.channels))
        self.register_buffer("feature_std", torch.ones(config.channels))
        width = config.width
        self.features, self.motion = nn.Linear(config.channels, width), nn.Linear(4, width)
        self.latents = nn.Linear(config.w_dim, width)
        self.layer = nn.Parameter(0.02 * torch.randn(config.layers, width))
        block = nn.TransformerDecoderLayer(width, HEADS, 2 * width, 0.0, batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoder(block, config.depth, nn.LayerNorm(width))
        self.change = nn.Linear(width, config.w_dim)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)

    def forward(self, w_plus: Tensor, features: Tensor, places: Tensor, motions: Tensor) -> Tensor:
        """Return the change of the first layers, [N, layers, w_dim], in units of `change_unit`.

        Args:
            w_plus: [N, num_ws, w_dim]. features: [N, n, channels], at the handles.
            places: [N, n, 2], handles as shares of the image's width. motions: [N, n, 2], in `MOTION_UNIT`.
        """
        known = (features - self.get_buffer("feature_mean")) / self.get_buffer("feature_std")
        memory = self.features(known) + self.motion(torch.cat([2 * places - 1, motions], dim=-1))
        own = (w_plus[:, : self.config.layers] - self.get_buffer("w_avg")) / self.w_std
        return self.change(self.decoder(self.latents(own) + self.layer, memory))

    @property
    def change_unit(self) -> float:
        """Size of a usual change of a latent's coordinate in training."""
        return MIXED * self.w_std


def point_inputs(
    generator: Generator,
    features: Features,
    handles: NDArray[np.float64],
    targets: NDArray[np.float64],
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the inputs of the network for one image: features [1, n, C], places [1, n, 2], motions [1, n, 2]."""
    height, width = generator.img_shape
    under = features.at(handles[:, None], (height, width))[:, 0].detach()
    motions = (targets - handles) * REFERENCE_SIZE / max(height, width) / MOTION_UNIT
    places, ways = (torch.from_numpy(each).to(under)[None] for each in ((handles + 0.5) / width, motions))
    return under[None], places, ways


def save_transformer(path: str | Path, network: LatentTransformer) -> None:
    """Write a network with its shape.

    Raises:
        DraglabError: the file cannot be written.
    """
    metadata = {name: str(value) for name, value in asdict(network.config).items()}
    data = safetensors.torch.save({name: each.contiguous() for name, each in network.state_dict().items()}, metadata)
    with write_atomically(path) as temporary:
        temporary.write_bytes(data)


def load_transformer(path: str | Path, generator: Generator) -> LatentTransformer:
    """Read a network that was trained for a generator.

    Raises:
        DraglabError: the file is missing, damaged, or for another generator.
    """
    data = read_bytes(path, "latent transformer", SIZE_LIMIT)
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            config = TypeAdapter(TransformerConfig).validate_python(file.metadata() or {})
        fits = max(config.layers, config.depth) <= 64 and max(config.w_dim, config.width, config.channels) <= 4096
        if not fits or config.layers > generator.num_ws or config.w_dim != generator.w_dim:
            raise ValueError
        network = LatentTransformer(config, generator.w_avg, generator.w_std())
        network.load_state_dict(safetensors.torch.load(data))
    except (safetensors.SafetensorError, ValidationError, RuntimeError, ValueError, KeyError):
        raise DraglabError(
            f"{path} is no latent transformer for {generator.name}: train one with "
            "python -m benchmarks.train_latent_transformer"
        ) from None
    if config.model_sha256 != generator.sha256:
        raise DraglabError(f"{path} was trained for another model than {generator.name}: give the file of this one")
    return network.to(generator.device, generator.dtype).eval().requires_grad_(False)


class LatentTransformerRun(DragRun):
    """A round of one step: the change that the network says.

    Handles are then looked for by their features as the paper's tracker does, as far from the start as the targets and
    r2; the method itself does not track.

    Args:
        generator, w_plus, edit, settings: see :func:`draglab.drag_steps`. network: trained for the generator.
    """

    def __init__(
        self, generator: Generator, w_plus: Tensor, edit: DragEdit, settings: DragSettings, network: LatentTransformer
    ):
        own = replace(
            settings, max_steps=1, patience=None, back_off=None, latent_space="w+", num_layers=network.config.layers,
            feature_resolution=network.config.feature_resolution, feature_layer=None,
        )  # fmt: skip
        super().__init__(generator, w_plus, edit, own)
        self.network, self.level = network, own.feature_level(generator)
        self.features = whole_features(generator, self.latent.start, self.level)

    @torch.no_grad()
    def attempt(self) -> DragStep | None:
        """Make the step."""
        inputs = point_inputs(self.generator, self.features, self.handles, self.targets)
        self.latent.move(self.network(self.latent.start, *inputs)[0] * self.network.change_unit)
        templates = inputs[0][0]
        features = whole_features(self.generator, self.latent.w_plus(), self.level)
        radius = float(self.distances.max()) + self.settings.tracking_radius(self.shape)
        found = track_nearest(TrackingQuery(features.near, templates, self.handles, radius, self.shape, True))
        size = float(torch.linalg.vector_norm(self.latent.offset))
        return self.conclude(features, np.array([0.0, 0.0, 0.0, size]), found.double().cpu().numpy())

    def set_step(self, share: float) -> None:
        """Do nothing: the step has one size."""

    def resume(self, share: float) -> None:
        """Do nothing: there is one step."""
