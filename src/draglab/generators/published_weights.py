"""Weights under the names that they have in the published programs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from draglab.errors import DraglabError


class PublishedWeights(nn.Module):
    """A module whose mapping network is `mapping_network` here and `mapping` in published files."""

    UNUSED_TENSORS: ClassVar[tuple[str, ...]] = ()
    """Suffixes of the names of published tensors that follow from the configuration and are not loaded."""

    BUFFERS: ClassVar[tuple[str, ...]] = ("w_avg",)
    """Suffixes of the names of tensors that are not weights."""

    EXACT: ClassVar[tuple[str, ...]] = ()
    """Suffixes of the names of tensors that are never stored in half precision, which would be visible in images."""

    def __init__(self) -> None:
        super().__init__()
        self._sha256: tuple[int, str] | None = None

    @property
    def sha256(self) -> str:
        """SHA-256 of all weights and buffers in float32, by published name, whatever file they came from."""
        tensors = self.published_tensors()
        version = sum(tensor._version for tensor in tensors.values())
        if self._sha256 is None or self._sha256[0] != version:
            digest = hashlib.sha256()
            for name in sorted(tensors):
                values = tensors[name].detach().float().cpu().contiguous()
                digest.update(f"{name} {list(values.shape)}\n".encode())
                digest.update(values.numpy().data)
            self._sha256 = (version, digest.hexdigest())
        return self._sha256[1]

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Load tensors under their published names (`mapping.*`, `synthesis.*`).

        Raises:
            DraglabError: tensors are missing, unknown, or have another shape.
        """
        own = {name: tensor for name, tensor in tensors.items() if not name.endswith(self.UNUSED_TENSORS)}
        own = {
            f"mapping_network.{k.removeprefix('mapping.')}" if k.startswith("mapping.") else k: v
            for k, v in own.items()
        }
        try:
            missing, unknown = self.load_state_dict(own, strict=False, assign=next(self.parameters()).is_meta)
        except RuntimeError as error:
            detail = str(error).splitlines()[-1].strip()
            raise DraglabError(f"the weights do not fit the configuration: {detail}") from None
        if missing or unknown:
            names = ", ".join(
                [f"{name} is missing" for name in missing] + [f"{name} is unknown" for name in unknown][:3]
            )
            raise DraglabError(f"the weights do not fit the configuration: {names}")

    def published_tensors(self) -> dict[str, Tensor]:
        """Return all weights and buffers under their published names."""
        state = self.state_dict()
        return {name.replace("mapping_network.", "mapping.", 1): tensor for name, tensor in state.items()}
