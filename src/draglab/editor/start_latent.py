"""The latent that an edit starts from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from draglab.editor.state import StartSpec
from draglab.errors import DraglabError
from draglab.generators import Generator
from draglab.media.edit_file import EditFile, SeedStart, WPlusStart


def start_latent(spec: StartSpec, generator: Generator, base: Tensor | None = None) -> Tensor:
    """Return the latent [1, num_ws, w_dim] of a start, with its style mixing.

    Args:
        base: latent to use for a start without seed and values.

    Raises:
        DraglabError: the start does not fit the model.
    """
    if spec.seed is not None:
        w_plus = generator.w_plus_from_seed(spec.seed, spec.truncation_psi, spec.truncation_cutoff, _class(spec))
    elif spec.w_plus is not None:
        expected = [generator.num_ws, generator.w_dim]
        values = np.asarray(spec.w_plus, dtype=np.float32)
        if list(values.shape) != expected or not np.isfinite(values).all():
            raise DraglabError(
                f"the start's w_plus has shape {list(values.shape)}, but the model needs {expected}, finite numbers"
            )
        w_plus = torch.from_numpy(values)[None].to(generator.device, generator.dtype)
    elif base is not None:
        w_plus = base.clone()
    else:
        raise DraglabError("there is nothing to start from: give a seed")
    if spec.mix is None:
        return w_plus
    first = spec.mix.first_layer
    if isinstance(first, bool) or not isinstance(first, int) or not 1 <= first < generator.num_ws:
        raise DraglabError(f"style mixing from layer {first} is not possible: take 1 to {generator.num_ws - 1}")
    other = generator.w_plus_from_seed(spec.mix.seed, spec.truncation_psi, spec.truncation_cutoff, _class(spec))
    return torch.cat([w_plus[:, :first], other[:, first:]], dim=1)


def keeps_shape(old: StartSpec, new: StartSpec) -> bool:
    """Return whether two starts differ at most in their style mixing."""
    return replace(old, mix=None) == replace(new, mix=None) and new.w_plus is None


def appearance(w_plus: Tensor, old: StartSpec, new: StartSpec, fresh: Tensor) -> Tensor:
    """Give a dragged latent the appearance of another start: layers mixed in before or now are taken from `fresh`.

    Args:
        w_plus: [1, num_ws, w_dim], dragged from the start `old`. fresh: latent of the start `new`.
    """
    layers = [spec.mix.first_layer for spec in (old, new) if spec.mix is not None]
    first = min(layers, default=w_plus.shape[1])
    return torch.cat([w_plus[:, :first], fresh[:, first:]], dim=1)


def spec_of_file(edit_file: EditFile, model: str) -> StartSpec:
    """Return the start of an edit file, under this model name."""
    return spec_of_start(edit_file.start, model)


def spec_of_start(start: SeedStart | WPlusStart, model: str) -> StartSpec:
    """Return a start of an edit file, under this model name."""
    if isinstance(start, WPlusStart):
        return StartSpec(model, w_plus=start.array())
    vector = None if start.class_vector is None else tuple(start.class_vector)
    return StartSpec(
        model,
        start.seed,
        truncation_psi=start.truncation_psi,
        truncation_cutoff=start.truncation_cutoff,
        class_index=start.class_index,
        class_vector=vector,
    )


def file_start(spec: StartSpec, values: np.ndarray | None) -> SeedStart | WPlusStart:
    """Return a start for an edit file: by `values` [num_ws, w_dim] if given, else by its seed."""
    if values is not None or spec.seed is None:
        assert values is not None
        return WPlusStart.from_array(values)
    return SeedStart(
        seed=spec.seed,
        truncation_psi=spec.truncation_psi,
        truncation_cutoff=spec.truncation_cutoff,
        class_index=spec.class_index,
        class_vector=None if spec.class_vector is None else list(spec.class_vector),
    )


def _class(spec: StartSpec) -> int | tuple[float, ...] | None:
    return spec.class_index if spec.class_vector is None else spec.class_vector
