"""Pickles of the TensorFlow StyleGAN2 programs: networks as lists of named arrays, and source code to build them.

The source is ignored: names and shapes determine the network.
"""

from __future__ import annotations

from . import allowed
from .changes import changed_shape
from .infer import infer_config
from .names import number
from .plain import entries, plain
from .plan import Plan
from .tensors import find_array
from .values import Record, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .storages import StorageLookup
    from .tensors import TensorRef

_IGNORED = {
    # Sizes; the arrays have them, too.
    "num_channels", "resolution", "label_size", "latent_size", "dlatent_size", "fmap_base", "fmap_max", "fmap_min",
    "fmap_decay", "mapping_layers", "mapping_fmaps", "architecture", "dlatent_broadcast", "const_base",
    # Training, sampling and half precision; images do not depend on them.
    "randomize_noise", "truncation_psi", "truncation_cutoff", "truncation_psi_val", "truncation_cutoff_val",
    "dlatent_avg_beta", "style_mixing_prob", "is_training", "is_validation", "return_dlatents", "dtype",
    "fused_modconv", "num_fp16_res", "use_fp16", "structure", "is_template_graph", "force_clean_graph",
    "mapping_func", "synthesis_func", "components", "normalize_latents", "w_avg_beta", "name",
}  # fmt: skip
_RENAMED = {
    "mapping_lrmul": "mapping_lr_multiplier",
    "nonlinearity": "activation",
    "mapping_nonlinearity": "mapping_activation",
}
_USED = {"conv_clamp", "resample_kernel", "use_noise", "demodulate", *_RENAMED}
_LAYER = {
    "mod_weight": ("affine.weight", ("transpose",)),
    "mod_bias": ("affine.bias", ("plus_one",)),
    "noise_strength": ("noise_strength", ("scalar",)),
    "bias": ("bias", ()),
}
_KINDS = {"Conv": "conv1", "Conv0_up": "conv0", "Conv1": "conv1", "ToRGB": "torgb", "Skip": "skip"}


def is_network(value: Any) -> bool:
    """Whether a value is a pickled network of these programs."""
    return isinstance(value, Record) and value.what == allowed.NETWORK


def read(root: Any, _: StorageLookup, container: str) -> Plan | None:
    """Return the plan of the generator in a pickle of these programs; None if another program wrote it."""
    if is_network(root):
        return read_tensorflow(root, f"TensorFlow {container}: one network")
    if isinstance(root, tuple | list) and len(root) == 3 and all(is_network(part) for part in root):
        return read_tensorflow(root[2], f"TensorFlow {container}: G, D, Gs")
    return None


def read_tensorflow(network: Record, format_name: str) -> Plan:
    """Return the plan of the generator: Gs, of the three networks in such files."""
    state = _state(network)
    version = state.get("version")
    parts = {str(name): _state(part) for name, part in (entries(state.get("components")) or {}).items()}
    if set(parts) != {"synthesis", "mapping"}:
        raise Refused("the file's network is not a generator with mapping and synthesis; draglab cannot drag it")
    arrays = {name: _arrays(part) for name, part in parts.items()}
    if any("StyleMod" in name for name in arrays["synthesis"]):
        raise Refused("this is a StyleGAN1 model, another network: draglab runs StyleGAN2 and StyleGAN3")
    arguments: dict[str, Any] = {}
    for part in (state, *parts.values()):
        given = plain(part.get("static_kwargs")) or {}
        if not isinstance(given, dict):
            raise Refused("the file is damaged: the model's arguments are not readable; get it again")
        arguments |= given
    plan = Plan(format_name, "stylegan2", {}, resolved=True)
    plan.facts = {"version": plain(version)}
    if version not in (4, 5):
        plan.warnings.append(f"the network is of version {plain(version)}: draglab knows 4 (StyleGAN2) and 5 (ADA)")
    blocks = [_resolution(name.partition("/")[0]) for name in arrays["synthesis"] if "/" in name]
    top = max((size for size in blocks if size is not None), default=4)
    unknown = []
    for part, named in arrays.items():
        for name, array in named.items():
            published = mapping_name(name) if part == "mapping" else synthesis_name(name, top)
            if published is not None:
                plan.tensors[published[0]] = (array, published[1])
            elif not _is_unused(name):
                unknown.append(name)
    if unknown:
        raise Refused(f"the generator has arrays that draglab does not know: {', '.join(unknown[:3])[:120]}")
    outer = _arrays(state)
    if "dlatent_avg" in outer:
        plan.tensors["mapping.w_avg"] = (outer["dlatent_avg"], ())
    else:
        plan.warnings.append("the file has no average latent: it is computed from 10,000 fixed samples")
    shapes = {name: changed_shape(ref.shape, how) for name, (ref, how) in plan.tensors.items()}
    plan.arguments = infer_config(shapes) | _settings(arguments, plan.warnings)
    return plan


def mapping_name(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the published name for a name of the mapping network and the changes that its array needs."""
    if name == "LabelConcat/weight":
        return "mapping.label_concat", ()
    layer, _, tensor = name.partition("/")
    if tensor not in ("weight", "bias"):
        return None
    changes = ("transpose",) if tensor == "weight" else ()
    if layer == "LabelEmbed":
        return f"mapping.embed.{tensor}", changes
    index = number(layer, 3, "Dense")
    return None if index is None else (f"mapping.fc{index}.{tensor}", changes)


def synthesis_name(name: str, top: int) -> tuple[str, tuple[str, ...]] | None:
    """Return the published name for a name of the synthesis network and the changes that its array needs.

    Args:
        top: the resolution of the network's images.
    """
    match name.split("/"):
        case ["4x4", "Const", "const"]:
            return "synthesis.b4.const", ("first",)
        case [noise] if (index := number(noise, 3, "noise")) is not None:
            return f"synthesis.b{4 << (index + 1) // 2}.conv{(index + 1) % 2}.noise_const", ("first", "first")
        case ["ToRGB_lod0", tensor]:
            size, kind = top, "ToRGB"
        case [block, kind, tensor] if kind in _KINDS and (size := _resolution(block)) is not None:
            pass
        case _:
            return None
    layer = f"synthesis.b{size}.{_KINDS[kind]}"
    if tensor == "weight":
        return f"{layer}.weight", ("channels_first", "flip") if kind in ("Conv0_up", "Skip") else ("channels_first",)
    if tensor not in _LAYER:
        return None
    return f"{layer}.{_LAYER[tensor][0]}", _LAYER[tensor][1]


def _resolution(block: str) -> int | None:
    """Return a block's resolution, 16 for the name "16x16"; None for other names."""
    height, _, width = block.partition("x")
    return number(height, 5) if height == width else None


def _is_unused(name: str) -> bool:
    """Whether an array only serves training with growing images: its progress, or colours of the smaller images."""
    layer, slash, _ = name.partition("/")
    return name == "lod" or bool(slash and number(layer, 2, "ToRGB_lod"))


def _settings(arguments: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    """Return the settings that the construction arguments add to the shapes."""
    for name in ("normalize_latents", "demodulate"):
        if arguments.get(name) is False:
            raise Refused(f"the model was made with {name}=False, which draglab does not run")
    unknown = sorted(set(arguments) - _IGNORED - _USED)
    if unknown:
        warnings.append(f"arguments that draglab does not know are ignored: {', '.join(unknown)[:200]}")
    found: dict[str, Any] = {"conv_clamp": arguments.get("conv_clamp")}
    if arguments.get("resample_kernel"):
        found["resample_filter"] = arguments["resample_kernel"]
    found |= {own: arguments[name] for name, own in _RENAMED.items() if arguments.get(name) is not None}
    return found | ({"use_noise": False} if arguments.get("use_noise") is False else {})


def _state(network: Any) -> dict[Any, Any]:
    state = entries(network.state) if is_network(network) else None
    if state is None:
        raise Refused("the file is damaged: a network lacks its contents; get it again")
    return state


def _arrays(state: dict[Any, Any]) -> dict[str, TensorRef]:
    variables = state.get("variables")
    if not isinstance(variables, list | tuple):
        raise Refused("the file is damaged: a network lacks its variables; get it again")
    found: dict[str, TensorRef] = {}
    for pair in variables:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise Refused("the file is damaged: a variable lacks its name; get it again")
        array = find_array(pair[1])
        if array is None:
            raise Refused(f"the file is damaged: {pair[0][:80]} is not an array; get it again")
        found[pair[0]] = array
    return found
