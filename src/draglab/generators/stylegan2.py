"""StyleGAN2 for editing: frozen weights, features of any block, image from features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from draglab.errors import DraglabError
from draglab.generators.config import StyleGAN2Config
from draglab.generators.mapping import MappingNetwork
from draglab.generators.synthesis import NoiseSource, SynthesisNetwork

NoiseMode = Literal["const", "none", "random"]
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class FeatureMaps:
    """Features of the blocks up to one resolution, kept so that an image can go on from them.

    Attributes:
        blocks: features [N, C, H, W] by block resolution.
    """

    blocks: dict[int, Tensor]

    @property
    def resolution(self) -> int:
        """The highest block's."""
        return max(self.blocks)

    @property
    def top(self) -> Tensor:
        """The highest block's features."""
        return self.blocks[self.resolution]

    def detach(self) -> FeatureMaps:
        """The same values outside the gradient's graph."""
        return FeatureMaps({resolution: block.detach() for resolution, block in self.blocks.items()})


class StyleGAN2(nn.Module):
    """A StyleGAN2 generator with the published parameter names, frozen unless `requires_grad_()` is called.

    Attributes:
        config: its configuration.
        name: what it is called in edit files and tables. sha256: hash of its weights, "" if it has no file.
    """

    def __init__(self, config: StyleGAN2Config, name: str = "unnamed", sha256: str = ""):
        super().__init__()
        self.config = config
        self.name = name
        self.sha256 = sha256
        self.mapping_network = MappingNetwork(config)
        self.synthesis = SynthesisNetwork(config)
        self._w_std: float | None = None
        self.requires_grad_(False)
        self.eval()

    # Sizes, by the names that published code uses.
    @property
    def img_resolution(self) -> int:
        """Height of the images in pixels."""
        return self.config.img_resolution

    @property
    def img_shape(self) -> tuple[int, int]:
        """(height, width) of the images in pixels."""
        return self.config.img_shape

    @property
    def img_channels(self) -> int:
        """Colour channels of the images."""
        return self.config.img_channels

    @property
    def num_ws(self) -> int:
        """Latents in one w_plus."""
        return self.config.num_ws

    @property
    def z_dim(self) -> int:
        """Length of z."""
        return self.config.z_dim

    @property
    def w_dim(self) -> int:
        """Length of w."""
        return self.config.w_dim

    @property
    def c_dim(self) -> int:
        """Length of the class vector, 0 for unconditional models."""
        return self.config.c_dim

    @property
    def w_avg(self) -> Tensor:
        """Mean of w over z: [w_dim]."""
        return self.mapping_network.w_avg

    @property
    def feature_resolutions(self) -> list[int]:
        """Resolutions that :meth:`features` can be asked for."""
        return self.config.block_resolutions

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.w_avg.device

    @property
    def dtype(self) -> torch.dtype:
        """What the weights are stored and computed in."""
        return self.w_avg.dtype

    def mapping(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Latents of the synthesis network.

        Args:
            z: [N, z_dim], standard normal.
            c: [N, c_dim] class vectors, required exactly if c_dim > 0.
            truncation_psi: w moves towards w_avg, to w_avg + psi * (w - w_avg); 1 = not at all, 0 = w_avg.
            truncation_cutoff: how many of the first layers are truncated; None = all.

        Returns:
            w_plus [N, num_ws, w_dim].

        Raises:
            DraglabError: shapes that do not fit the model.
        """
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise DraglabError(f"z has shape {list(z.shape)}: this model takes [N, {self.z_dim}]")
        if (c is None and self.c_dim > 0) or (c is not None and tuple(c.shape) != (len(z), self.c_dim)):
            raise DraglabError(f"this model needs class vectors c of shape [{len(z)}, {self.c_dim}]")
        conditional = c.to(self.device, self.dtype) if c is not None and self.c_dim > 0 else None
        w = self.mapping_network(z.to(self.device, self.dtype), conditional)
        w_plus = w[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi != 1:
            cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
            w_plus[:, :cutoff] = self.w_avg.lerp(w_plus[:, :cutoff], truncation_psi)
        return w_plus

    def z_from_seed(self, seed: int) -> Tensor:
        """z [1, z_dim] as published tools draw it: numpy.random.RandomState(seed).randn(1, z_dim).

        Raises:
            DraglabError: the seed is not an integer from 0 to 2**32 - 1.
        """
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed <= MAX_SEED:
            raise DraglabError(f"seed {seed} is out of range: take a whole number from 0 to {MAX_SEED}")
        z = np.random.RandomState(int(seed)).randn(1, self.z_dim)
        return torch.from_numpy(z).to(self.device, self.dtype)

    @torch.no_grad()
    def w_plus_from_seed(
        self,
        seed: int,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
        c: Tensor | None = None,
    ) -> Tensor:
        """w_plus [1, num_ws, w_dim] of a seed; see :meth:`z_from_seed` and :meth:`mapping`.

        Raises:
            DraglabError: the seed is out of range, or c does not fit the model.
        """
        return self.mapping(self.z_from_seed(seed), c, truncation_psi, truncation_cutoff)

    @torch.no_grad()
    def w_std(self) -> float:
        """Spread of w: root mean square of w - w_avg per coordinate, from 1,000 fixed seeds (classes drawn evenly)."""
        if self._w_std is None:
            random = np.random.RandomState(0)
            z = torch.from_numpy(random.randn(1000, self.z_dim)).to(self.device, self.dtype)
            c = None
            if self.c_dim > 0:
                c = torch.eye(self.c_dim)[torch.from_numpy(random.randint(self.c_dim, size=1000))].to(z)
            w = self.mapping_network(z, c)
            self._w_std = float((w - w.mean(0)).square().mean().sqrt())
        return self._w_std

    def feature_maps(
        self,
        w_plus: Tensor,
        resolution: int,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> FeatureMaps:
        """Features of all blocks up to `resolution`; nothing above it is computed. See :meth:`features`.

        They are computed in `dtype`; None = that of the weights.
        """
        self._check_w_plus(w_plus)
        self.check_feature_resolution(resolution)
        noise = self._noise(noise_mode, noise_seed).draw
        return FeatureMaps(self.synthesis.run_blocks(w_plus, resolution, noise, dtype=dtype))

    def features(
        self,
        w_plus: Tensor,
        resolution: int,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
    ) -> Tensor:
        """Output of one block, what dragging supervises and tracks (DragGAN section 3.2).

        Args:
            w_plus: [N, num_ws, w_dim].
            resolution: names the block, one of :attr:`feature_resolutions`. Nothing above it is computed.
            noise_mode: "const" (stored noise maps), "none", or "random" (new ones, from `noise_seed` if given).

        Returns:
            [N, C, H, W], H = resolution.

        Raises:
            DraglabError: no such block, or w_plus of another shape.
        """
        return self.feature_maps(w_plus, resolution, noise_mode, noise_seed).top

    def image(
        self,
        w_plus: Tensor,
        from_features: FeatureMaps | None = None,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        preview_resolution: int | None = None,
    ) -> Tensor:
        """Images of latents.

        Args:
            w_plus: [N, num_ws, w_dim].
            from_features: what :meth:`feature_maps` computed from the same w_plus; only the blocks above are run.
            noise_mode, noise_seed: see :meth:`features`.
            preview_resolution: a block's; the image at this height. Where the architecture is "skip", nothing above the
                block is computed: colours are the sum of the branches so far, which lacks what higher blocks add.
                Otherwise it is the whole image, averaged down.

        Returns:
            [N, img_channels, H, W], in [-1, 1] up to overshoot.

        Raises:
            DraglabError: w_plus of another shape, or no such block.
        """
        self._check_w_plus(w_plus)
        height = preview_resolution or self.img_resolution
        self.check_feature_resolution(height)
        last = height if self.config.architecture == "skip" else self.img_resolution
        known = {} if from_features is None else from_features.blocks
        known = {resolution: block for resolution, block in known.items() if resolution <= last}
        blocks = self.synthesis.run_blocks(w_plus, last, self._noise(noise_mode, noise_seed).draw, known)
        image = self.synthesis.rgb(blocks, w_plus)
        return image if last == height else F.avg_pool2d(image, last // height)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Images [N, img_channels, H, W] of z [N, z_dim]."""
        return self.image(self.mapping(z, c))

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Load tensors under their published names (`mapping.*`, `synthesis.*`); resample filters are ignored, since
        the configuration holds them.

        Raises:
            DraglabError: tensors are missing, unknown, or have another shape.
        """
        own = {name: tensor for name, tensor in tensors.items() if not name.endswith("resample_filter")}
        own = {
            f"mapping_network.{k.removeprefix('mapping.')}" if k.startswith("mapping.") else k: v
            for k, v in own.items()
        }
        try:
            missing, unknown = self.load_state_dict(own, strict=False, assign=self.w_avg.is_meta)
        except RuntimeError as error:
            detail = str(error).splitlines()[-1].strip()
            raise DraglabError(f"the weights do not fit the configuration: {detail}") from None
        if missing or unknown:
            names = ", ".join(
                [f"{name} is missing" for name in missing] + [f"{name} is unknown" for name in unknown][:3]
            )
            raise DraglabError(f"the weights do not fit the configuration: {names}")

    def published_tensors(self) -> dict[str, Tensor]:
        """All weights and buffers under their published names."""
        state = self.state_dict()
        return {name.replace("mapping_network.", "mapping.", 1): tensor for name, tensor in state.items()}

    def check_feature_resolution(self, resolution: int) -> None:
        """Raises a DraglabError unless the model has a block of this resolution."""
        if resolution not in self.feature_resolutions:
            known = ", ".join(str(known) for known in self.feature_resolutions)
            raise DraglabError(f"feature_resolution {resolution} is not a block of this model: choose one of {known}")

    def _noise(self, mode: NoiseMode, seed: int | None) -> NoiseSource:
        if mode not in ("const", "none", "random"):
            raise DraglabError(f"unknown noise_mode '{mode}': choose const, none or random")
        generator = torch.Generator().manual_seed(seed) if mode == "random" and seed is not None else None
        return NoiseSource(mode, generator)

    def _check_w_plus(self, w_plus: Tensor) -> None:
        if w_plus.ndim != 3 or tuple(w_plus.shape[1:]) != (self.num_ws, self.w_dim):
            shape = f"[N, {self.num_ws}, {self.w_dim}]"
            raise DraglabError(f"w_plus has shape {list(w_plus.shape)}: this model takes {shape}")


@torch.no_grad()
def to_uint8(images: Tensor) -> np.ndarray:
    """Images float [N, C, H, W] in [-1, 1] -> uint8 array [N, H, W, C], as published tools round it."""
    return (images * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
