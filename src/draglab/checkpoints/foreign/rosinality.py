"""Checkpoints of rosinality's StyleGAN2 and of encoders built on it (e4e, pSp, ReStyle): dicts of tensors."""

from __future__ import annotations

from .changes import changed_shape
from .infer import infer_config
from .names import number
from .plain import entries
from .plan import Plan
from .tensors import find_tensor
from .values import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .storages import StorageLookup
    from .tensors import TensorRef

_DECODER = "decoder."
_STYLEGAN1 = ("generator.progression.", "progression.")
_LAYER = {
    "conv.weight": ("weight", ("first",)),
    "conv.modulation.weight": ("affine.weight", ()),
    "conv.modulation.bias": ("affine.bias", ()),
    "noise.weight": ("noise_strength", ("scalar",)),
    "activate.bias": ("bias", ()),
    "bias": ("bias", ("flatten",)),
}
_DROPPED = (".blur.kernel", ".upsample.kernel")


def _generator_of(named: dict[Any, Any]) -> tuple[dict[Any, Any], str] | None:
    """Return the generator's tensors by rosinality's names, and the place where they were found."""
    for key in ("g_ema", "g"):
        inner = entries(named.get(key))
        if inner:
            return inner, key
    inner = entries(named.get("state_dict"))
    if inner and any(str(name).startswith(_DECODER) for name in inner):
        found = {str(name)[len(_DECODER) :]: value for name, value in inner.items() if str(name).startswith(_DECODER)}
        return found, "state_dict"
    bare = any(name in named for name in ("style.1.weight", "input.input", "conv1.conv.weight"))
    older = any(str(name).startswith(_STYLEGAN1) for name in named)
    return (named, "state dict") if bare or older else None


def read(root: Any, storage_of: StorageLookup, container: str) -> Plan | None:
    """Return the plan of the generator in such a checkpoint or in a bare state dict; None for other files."""
    named = entries(root) or {}
    found = _generator_of(named)
    if found is None:
        return None
    inner, where = found
    names = [str(name) for name in inner]
    if any("iwt" in name.split(".") or "dwt" in name.split(".") for name in names):
        raise Refused("this is a SWAGAN model, which makes wavelets instead of images: draglab does not run it")
    if any(name.startswith(_STYLEGAN1) for name in names):
        raise Refused("this is a StyleGAN1 model, another network: draglab runs StyleGAN2 and StyleGAN3")
    plan = Plan(f"rosinality {container}: {where}", "stylegan2", {}, resolved=True)
    unknown = []
    for name, value in inner.items():
        if str(name).endswith(_DROPPED):
            continue
        published = published_name(str(name))
        if published is None:
            unknown.append(str(name))
            continue
        plan.tensors[published[0]] = (_tensor(value, str(name), storage_of), published[1])
    if unknown:
        raise Refused(f"the generator has tensors that draglab does not know: {', '.join(unknown[:3])[:120]}")
    _add_average(plan, named.get("latent_avg"), storage_of)
    plan.arguments = infer_config({name: changed_shape(ref.shape, how) for name, (ref, how) in plan.tensors.items()})
    if where == "g":
        plan.warnings.append("the file has no averaged generator g_ema: g is used, whose images are rougher")
    return plan


def published_name(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the published name for a name of rosinality's and the changes that its tensor needs, or None."""
    match name.split("."):
        case ["input", "input"]:
            return "synthesis.b4.const", ("first",)
        case ["style", place, "weight" | "bias" as tensor] if (index := number(place, 3)) is not None:
            return f"mapping.fc{index - 1}.{tensor}", ()
        case ["noises", place] if (index := number(place, 3, "noise_")) is not None:
            # One map for the constant's layer, then two for each block.
            return f"synthesis.b{4 << (index + 1) // 2}.conv{(index + 1) % 2}.noise_const", ("first", "first")
        case ["conv1", *rest]:
            return _of_layer("b4.conv1", rest)
        case ["to_rgb1", *rest]:
            return _of_layer("b4.torgb", rest)
        case ["convs", place, *rest] if (index := number(place, 3)) is not None:
            return _of_layer(f"b{8 << index // 2}.conv{index % 2}", rest)
        case ["to_rgbs", place, *rest] if (index := number(place, 3)) is not None:
            return _of_layer(f"b{8 << index}.torgb", rest)
    return None


def _of_layer(layer: str, rest: list[str]) -> tuple[str, tuple[str, ...]] | None:
    part = _LAYER.get(".".join(rest))
    return (f"synthesis.{layer}.{part[0]}", part[1]) if part else None


def _tensor(value: Any, name: str, storage_of: StorageLookup) -> TensorRef:
    tensor = find_tensor(value, storage_of)
    if tensor is None:
        raise Refused(f"the file is damaged: {name[:80]} is not a tensor; get it again")
    return tensor


def _add_average(plan: Plan, value: Any, storage_of: StorageLookup) -> None:
    if value is None:
        plan.warnings.append("the file has no average latent: it is computed from 10,000 fixed samples")
        return
    average = _tensor(value, "latent_avg", storage_of)
    # e4e and pSp repeat the average for every layer.
    changes = ("first",) * (len(average.shape) - 1)
    plan.tensors["mapping.w_avg"] = (average, changes)
