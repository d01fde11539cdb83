"""Base class of generators: latents, features for dragging, images. The weights are frozen.

Nothing here depends on an architecture. docs/extending.md shows how to add one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from draglab.errors import DraglabError
from draglab.generators.config import GeneratorConfig
from draglab.generators.published_weights import PublishedWeights
from draglab.generators.statistics import LatentStatistics
from draglab.generators.windows import WindowPlan

NoiseMode = Literal["const", "none", "random"]
MAX_SEED = 2**32 - 1


@dataclass(frozen=True)
class FeatureMaps:
    """Features up to one level, from which an image can be completed.

    Attributes:
        blocks: features [N, C, H, W] by level, for all levels that the architecture needs to complete an image.
    """

    blocks: dict[int, Tensor]

    @property
    def level(self) -> int:
        """The highest level."""
        return max(self.blocks)

    @property
    def top(self) -> Tensor:
        """The highest level's features."""
        return self.blocks[self.level]

    def detach(self) -> FeatureMaps:
        """Return the same values, detached from the graph."""
        return FeatureMaps({level: block.detach() for level, block in self.blocks.items()})


class MappingNetwork(Protocol):
    """A mapping network, a module: z [N, z_dim] and, of conditional models, c [N, c_dim] -> w [N, w_dim].

    Attributes:
        w_avg: mean of w over z, [w_dim]; a buffer.
    """

    w_avg: Tensor

    def __call__(self, z: Tensor, c: Tensor | None = None, /) -> Tensor: ...


class Generator(PublishedWeights, ABC):
    """A generator with the published parameter names, frozen unless `requires_grad_()` is called.

    Its features have *levels*, whose numbers depend on the architecture; :meth:`feature_level` returns them.

    Args:
        config: configuration of the generator.
        name: name in edit files and tables.
        mapping_network: see :class:`MappingNetwork`.
        synthesis: network that makes features and images from w_plus; only the architecture's own code uses it.

    Attributes:
        statistics: statistics of the latents; None = not measured.
        drag_settings: settings of drags that suit this model, by name; see :meth:`draglab.DragSettings.for_model`.
    """

    mapping_network: MappingNetwork

    DRAG_SETTINGS: ClassVar[dict[str, bool | int | float | str | None]] = {}
    """Settings of drags that suit models of this architecture; a model's file may say others."""

    def __init__(self, config: GeneratorConfig, name: str, mapping_network: MappingNetwork, synthesis: nn.Module):
        super().__init__()
        self.config = config
        self.name = name
        self.mapping_network = mapping_network
        self.synthesis = synthesis
        self.statistics: LatentStatistics | None = None
        self.drag_settings: Mapping[str, bool | int | float | str | None] = self.DRAG_SETTINGS
        self._w_std: float | None = None
        self.requires_grad_(False)
        self.eval()

    # Sizes, under the names that published code uses.
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
        """Number of latents in one w_plus."""
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
    @abstractmethod
    def feature_resolutions(self) -> list[int]:
        """Resolutions for which there are features, in ascending order."""

    @abstractmethod
    def feature_level(self, resolution: int, layer: int | None = None) -> int:
        """Return the level for a resolution or a layer.

        Args:
            resolution: one of :attr:`feature_resolutions`.
            layer: index of a layer, for architectures with several layers of one resolution; None = choose by
                resolution.

        Raises:
            DraglabError: there is no such level.
        """

    @abstractmethod
    def feature_shape(self, level: int) -> tuple[int, int]:
        """Return (height, width) of a level's maps, margins included."""

    def feature_margin(self, level: int) -> int:
        """Return the number of pixels by which a level's maps extend beyond each border of the image."""
        return 0

    @property
    def has_previews(self) -> bool:
        """True if the network has colours before its last block, so that smaller images take less time."""
        return False

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.w_avg.device

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights and of computations."""
        return self.w_avg.dtype

    def mapping(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1.0,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Map z to latents of the synthesis network.

        Args:
            z: [N, z_dim], standard normal.
            c: [N, c_dim] class vectors, required exactly if c_dim > 0.
            truncation_psi: w becomes w_avg + psi * (w - w_avg); 1 = w unchanged, 0 = w_avg.
            truncation_cutoff: number of the first layers that are truncated; None = all.

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
        """Draw z [1, z_dim] as published tools do: numpy.random.RandomState(seed).randn(1, z_dim).

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
        c: int | Sequence[float] | Tensor | None = None,
    ) -> Tensor:
        """Return w_plus [1, num_ws, w_dim] of a seed; see :meth:`z_from_seed`, :meth:`class_vector`, :meth:`mapping`.

        Raises:
            DraglabError: the seed is out of range, or c does not fit the model.
        """
        return self.mapping(self.z_from_seed(seed), self.class_vector(c), truncation_psi, truncation_cutoff)

    def class_vector(self, c: int | Sequence[float] | Tensor | None) -> Tensor | None:
        """Return the class vector [1, c_dim] of a class; None for models without classes.

        Args:
            c: index of a class, or c_dim numbers (a mixture of classes; any range), or [1, c_dim].

        Raises:
            DraglabError: the model needs a class, or has no classes, or not this one.
        """
        if self.c_dim == 0:
            if c is not None:
                raise DraglabError("this model has no classes; leave the class out")
            return None
        if isinstance(c, int) and not isinstance(c, bool) and 0 <= c < self.c_dim:
            return torch.eye(self.c_dim, device=self.device, dtype=self.dtype)[c : c + 1]
        if c is not None and not isinstance(c, int):
            vector = torch.as_tensor(c, dtype=self.dtype, device=self.device).reshape(1, -1)
            if vector.shape[1] == self.c_dim and bool(vector.isfinite().all()):
                return vector
        raise DraglabError(f"this model needs a class from 0 to {self.c_dim - 1}, or {self.c_dim} finite numbers")

    @torch.no_grad()
    def w_std(self) -> float:
        """Return the spread of w: the root mean square of w minus its mean, per coordinate.

        It is measured on 1,000 fixed z, with uniformly drawn classes, and cached.
        """
        if self._w_std is None:
            random = np.random.RandomState(0)
            z = torch.from_numpy(random.randn(1000, self.z_dim)).to(self.device, self.dtype)
            c = None
            if self.c_dim > 0:
                c = torch.eye(self.c_dim)[torch.from_numpy(random.randint(self.c_dim, size=1000))].to(z)
            w = self.mapping_network(z, c)
            self._w_std = float((w - w.mean(0)).square().mean().sqrt())
        return self._w_std

    @abstractmethod
    def feature_maps(
        self,
        w_plus: Tensor,
        level: int,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        dtype: torch.dtype | None = None,
    ) -> FeatureMaps:
        """Compute features up to `level`, and nothing above it; see :meth:`features`.

        They are computed in `dtype`; None = that of the weights.
        """

    def features(
        self,
        w_plus: Tensor,
        level: int,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
    ) -> Tensor:
        """Compute the features that dragging supervises and tracks (DragGAN section 3.2).

        Args:
            w_plus: [N, num_ws, w_dim].
            level: see :meth:`feature_level`. Nothing above it is computed.
            noise_mode: "const" (stored noise maps), "none", or "random" (new maps, from `noise_seed` if given).

        Returns:
            [N, C, H, W], (H, W) = `feature_shape(level)`.

        Raises:
            DraglabError: there is no such level, or w_plus has another shape.
        """
        return self.feature_maps(w_plus, level, noise_mode, noise_seed).top

    def window_plan(
        self, level: int, groups: Sequence[tuple[tuple[int, int], int]], samples: int = 1
    ) -> WindowPlan | None:
        """Plan the computation of windows of a level's maps, with the same values as :meth:`feature_maps`.

        Args:
            level: see :meth:`feature_level`.
            groups: (size, count) of each group of windows of one size, which run together; size = (height, width) in
                pixels of the level's maps.
            samples: number of latents to which the windows belong.

        Returns:
            the plan; None if whole maps cost less, or if the architecture can only compute those.
        """
        return None

    @abstractmethod
    def image(
        self,
        w_plus: Tensor,
        from_features: FeatureMaps | None = None,
        noise_mode: NoiseMode = "const",
        noise_seed: int | None = None,
        preview_resolution: int | None = None,
    ) -> Tensor:
        """Compute the images of latents.

        Args:
            w_plus: [N, num_ws, w_dim].
            from_features: result of :meth:`feature_maps` for the same w_plus; only the layers above are run.
            noise_mode, noise_seed: see :meth:`features`.
            preview_resolution: height of the image, one of :attr:`feature_resolutions`; None = full resolution.

        Returns:
            [N, img_channels, H, W], in [-1, 1] up to overshoot.

        Raises:
            DraglabError: w_plus has another shape, or there is no such resolution.
        """

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """Compute images [N, img_channels, H, W] from z [N, z_dim]."""
        return self.image(self.mapping(z, c))

    def check_w_plus(self, w_plus: Tensor) -> None:
        """Check that latents fit this model.

        Raises:
            DraglabError: they are not a tensor [N, num_ws, w_dim] of the model's device and dtype, or the weights are
                in half precision, in which the model does not compute.
        """
        if self.dtype in (torch.float16, torch.bfloat16):
            raise DraglabError(
                f"the model's weights are {self.dtype}, in which it does not compute: call generator.float(), and for "
                'speed use DragSettings(precision="bfloat16")'
            )
        if not isinstance(w_plus, Tensor):
            raise DraglabError(
                f"w_plus is a {type(w_plus).__name__}: give a torch.Tensor, such as generator.w_plus_from_seed(1)"
            )
        if w_plus.ndim != 3 or tuple(w_plus.shape[1:]) != (self.num_ws, self.w_dim):
            shape = f"[N, {self.num_ws}, {self.w_dim}]"
            raise DraglabError(f"w_plus has shape {list(w_plus.shape)}: this model takes {shape}")
        if w_plus.device != self.device or w_plus.dtype != self.dtype:
            raise DraglabError(
                f"w_plus is {w_plus.dtype} on {w_plus.device}, the model {self.dtype} on {self.device}: "
                "use w_plus.to(generator.device, generator.dtype)"
            )


@torch.no_grad()
def to_uint8(images: Tensor) -> np.ndarray:
    """Convert float images [N, C, H, W] in [-1, 1] to a uint8 array [N, H, W, C], rounding as published tools do."""
    return (images * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
