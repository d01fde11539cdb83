"""draglab's own model files: safetensors under the published names, configuration and card in the header.

Nothing in such a file is ever run. Weights may be stored in half precision; computation is in float32. Statistics of
the latents (draglab/generators/statistics.py) are stored beside the weights, if the generator has them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from draglab.errors import DraglabError
from draglab.files import write_atomically
from draglab.generators import Generator, GeneratorConfig, build_generator, config_from_json, find_architecture
from draglab.generators.statistics import LatentStatistics

FORMAT = "draglab-model"
VERSION = 1
_MAX_HEADER = 4 << 20
COVARIANCE, PULLS = "statistics.covariance", "statistics.pulls"
SHARES, PLACES = "statistics.shares", "statistics.places"
"""Names of the tensors that are the statistics of the latents."""
MAX_PULLS = 4096
MAX_DRAG_SETTINGS = 100


@dataclass(frozen=True)
class ModelHeader:
    """Header of a model file, read without its tensors.

    Attributes:
        config: the architecture. parameters: number of weights. dtype: their type in the file.
        sizes: number of tensors and their bytes.
        card: free-form facts ("licence", "description", ...).
    """

    config: GeneratorConfig
    parameters: int
    dtype: str
    sizes: tuple[int, int]
    card: dict[str, Any]


def save_generator(
    generator: Generator,
    path: str | Path,
    dtype: torch.dtype = torch.float32,
    card: dict[str, Any] | None = None,
) -> None:
    """Write a generator as a model file, complete or not at all.

    Args:
        path: should end in .safetensors.
        dtype: type of the weights in the file; float16 halves its size.
        card: facts about the model, JSON values. Its "drag_settings" are settings of drags that suit the model.

    Raises:
        DraglabError: the file cannot be written.
    """
    tensors = {
        name: tensor.detach().cpu().to(torch.float32 if name.endswith(generator.EXACT) else dtype).contiguous()
        for name, tensor in generator.published_tensors().items()
    }
    if generator.statistics is not None:
        tensors |= statistics_tensors(generator.statistics)
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": json.dumps(generator.config.to_json()),
        "card": json.dumps(card or {}),
    }
    with write_atomically(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, metadata))


def read_header(path: str | Path) -> ModelHeader:
    """Read configuration, size and card of a model file.

    Raises:
        DraglabError: no such file, not a model of draglab, damaged, or written by a newer version.
    """
    path = Path(path)
    tensors, metadata = _raw_header(path)
    if metadata.get("format") != FORMAT:
        raise DraglabError(f"{path} is not a model of draglab: its header does not say '{FORMAT}'")
    try:
        version = int(metadata["version"])
        if version > VERSION:
            raise DraglabError(
                f"{path} was written by a newer draglab (version {version}, this one reads {VERSION}): upgrade draglab"
            )
        config = config_from_json(json.loads(metadata["config"]))
        card = json.loads(metadata.get("card", "{}"))
        buffers = find_architecture(config.kind).generator.BUFFERS
        buffers = (*buffers, COVARIANCE, PULLS, SHARES, PLACES)
        weights = [tensor for name, tensor in tensors.items() if not name.endswith(buffers)]
        count = sum(math.prod(map(int, tensor["shape"])) for tensor in weights)
        dtype = str(weights[0]["dtype"])
        stored = max(int(tensor["data_offsets"][1]) for tensor in tensors.values())
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise DraglabError(f"{path} is damaged: its header is not readable; get the file again") from None
    return ModelHeader(config, count, dtype, (len(tensors), stored), card if isinstance(card, dict) else {})


def read_generator(path: str | Path, name: str | None = None) -> Generator:
    """Load a model file into float32.

    Args:
        name: the model's name; None = the file's name without its suffix.

    Raises:
        DraglabError: as :func:`read_header`; also weights that do not fit the configuration.
    """
    path = Path(path)
    header = read_header(path)
    content = path.read_bytes()
    try:
        tensors = safetensors.torch.load(content)
    except (safetensors.SafetensorError, KeyError):  # KeyError: a type of numbers that this torch does not have
        raise DraglabError(f"{path} is damaged: its tensors are not readable; get the file again") from None
    # Built without storage: a small file with a large configuration allocates nothing.
    with torch.device("meta"):
        generator = build_generator(header.config, name or path.stem)
    statistics = read_statistics(tensors, header.config, path)
    generator.load_published({key: tensor.float() for key, tensor in tensors.items()})
    generator.statistics = statistics
    suited = header.card.get("drag_settings")
    if isinstance(suited, dict) and len(suited) <= MAX_DRAG_SETTINGS:
        generator.drag_settings = suited
    return generator


def statistics_tensors(statistics: LatentStatistics) -> dict[str, torch.Tensor]:
    """Return the tensors that keep statistics in a file.

    The pulls are in half precision, scaled to a mean square of 1: their size means nothing. Layers above the features
    that were examined have none, and are left out.
    """
    pulls = statistics.pulls.detach().cpu().float()
    pulls = pulls / pulls.square().mean().sqrt().clamp(min=1e-30)
    return {
        COVARIANCE: statistics.covariance.detach().cpu().float().contiguous(),
        PULLS: pulls[:, : _layers_seen(pulls)].half().contiguous(),
        SHARES: statistics.shares.detach().cpu().half().contiguous(),
        PLACES: statistics.places.detach().cpu().float().contiguous(),
    }


def read_statistics(tensors: dict[str, torch.Tensor], config: GeneratorConfig, path: Path) -> LatentStatistics | None:
    """Take the statistics out of a file's tensors; None if there are none, or those of an earlier version.

    Raises:
        DraglabError: they do not fit the configuration.
    """
    known = {name: tensors.pop(name) for name in (COVARIANCE, PULLS, SHARES, PLACES) if name in tensors}
    if not {SHARES, PLACES} & known.keys():
        return None
    if len(known) < 4 or not _statistics_fit(config, *known.values()):
        raise DraglabError(f"{path} is damaged: its statistics do not fit the model; get the file again")
    covariance, pulls, shares, places = (each.float() for each in known.values())
    pulls = torch.nn.functional.pad(pulls, (0, 0, 0, config.num_ws - pulls.shape[1]))
    return LatentStatistics(covariance, pulls, shares, places)


def _layers_seen(pulls: torch.Tensor) -> int:
    """Return the number of the first layers that have pulls [r, num_ws, w_dim], at least 1."""
    return max(int(pulls.abs().amax((0, 2)).nonzero().max()) + 1 if pulls.any() else 1, 1)


def _statistics_fit(
    config: GeneratorConfig, covariance: torch.Tensor, pulls: torch.Tensor, shares: torch.Tensor, places: torch.Tensor
) -> bool:
    count = len(places) if places.ndim else 0
    return (
        covariance.shape == (config.w_dim, config.w_dim)
        and pulls.ndim == 3
        and 1 <= pulls.shape[1] <= config.num_ws
        and pulls.shape[2] == config.w_dim
        and 1 <= len(pulls) <= count <= MAX_PULLS
        and shares.shape == (count, len(pulls))
        and places.shape == (count, 2)
        and all(bool(each.float().isfinite().all()) for each in (covariance, pulls, shares, places))
    )


def _raw_header(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the tensors' descriptions and the metadata of a safetensors file."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = path.stat().st_size
            text = file.read(length) if 0 < length <= min(size - 8, _MAX_HEADER) else b""
        header = json.loads(text.decode("utf-8"))  # json alone would also take UTF-16, which safetensors is not
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict):
            raise ValueError
        return header, metadata
    except FileNotFoundError:
        raise DraglabError(f"there is no model file {path}: check the path") from None
    except OSError as error:
        raise DraglabError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise DraglabError(
            f"{path} is not a safetensors file: draglab opens models in its own safetensors format"
        ) from None
