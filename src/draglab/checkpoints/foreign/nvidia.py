"""Checkpoints of the NVIDIA PyTorch programs: pickled modules that would run source code of their own.

Each module is a record of its class name, that source and its attributes. Only the place of the source is
reported, to be hashed (revision.py); names and tensors are collected from the attributes.
"""

from __future__ import annotations

from . import allowed
from .plain import entries, plain
from .plan import Plan, check_tensors
from .tensors import find_tensor
from .values import LongText, Record, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .storages import StorageLookup
    from .tensors import TensorRef

MAX_MODULES = 1000
MAX_DEPTH = 32
_POSITIONAL = ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels", "mapping_kwargs", "synthesis_kwargs")
_XL = "this is a StyleGAN-XL model, which draglab does not run: it opens StyleGAN2 and StyleGAN3 generators"


def is_module(value: Any) -> bool:
    """Whether a value is a pickled module with its source."""
    return isinstance(value, Record) and value.what == allowed.PERSISTENT and len(value.args) == 1


def read(root: Any, storage_of: StorageLookup, container: str) -> Plan | None:
    """Return the plan of the generator in a pickle of these programs; None if another program wrote it."""
    if is_module(root):
        return read_nvidia(root, storage_of, f"{container}: one module")
    named = entries(root) or {}
    for key in ("G_ema", "G"):
        if is_module(named.get(key)):
            shown = ", ".join(name[:40] for name in list(named)[:8])
            plan = read_nvidia(named[key], storage_of, f"{container}: {shown}")
            if key == "G":
                plan.warnings.append("the file has no averaged generator G_ema: G is used, whose images are rougher")
            return plan
    return None


def read_nvidia(generator: Record, storage_of: StorageLookup, format_name: str) -> Plan:
    """Return the plan of a generator's module."""
    description = _description(generator)
    state = _state(generator)
    arguments = _arguments(state)
    tensors, modules = walk(generator, storage_of)
    family = _family(tensors, arguments)
    plan = Plan(format_name, family, arguments)
    plan.tensors = {name: (tensor, ()) for name, tensor in tensors.items()}
    plan.facts = {"class": plain(description.get("class_name"))}
    plan.code = _code(description.get("module_src"))
    layer = next((state for name, state in modules.items() if name.endswith(".conv1")), {})
    if "conv_clamp" in layer:
        plan.layers["conv_clamp"] = plain(layer["conv_clamp"])
    return plan


def walk(module: Record, storage_of: StorageLookup) -> tuple[dict[str, TensorRef], dict[str, dict[Any, Any]]]:
    """Return all parameters and persistent buffers by name, and every module's attributes by name."""
    tensors: dict[str, TensorRef] = {}
    modules: dict[str, dict[Any, Any]] = {}
    waiting: list[tuple[str, Any, int]] = [("", module, 0)]
    while waiting:
        prefix, current, depth = waiting.pop()
        state = _state(current)
        modules[prefix.removesuffix(".")] = state
        hidden = plain(state.get("_non_persistent_buffers_set"))
        hidden = {name for name in hidden if isinstance(name, str)} if isinstance(hidden, list) else set()
        for kind in ("_parameters", "_buffers"):
            for name, value in (entries(state.get(kind)) or {}).items():
                if value is None or (kind == "_buffers" and name in hidden):
                    continue
                tensor = find_tensor(value, storage_of)
                if tensor is None:
                    raise Refused(f"the file is damaged: {prefix}{name} is not a tensor; get it again")
                tensors[f"{prefix}{name}"] = tensor
        check_tensors(tensors)
        children = {name: child for name, child in (entries(state.get("_modules")) or {}).items() if child is not None}
        # A file can hold one module and refer to it many times.
        if depth == MAX_DEPTH or len(modules) + len(waiting) + len(children) > MAX_MODULES:
            raise Refused("the file's modules are more, or nested deeper, than any checkpoint's; not opened")
        waiting += [(f"{prefix}{name}.", child, depth + 1) for name, child in children.items()]
    return tensors, modules


def _description(module: Record) -> dict[Any, Any]:
    found = entries(module.args[0])
    if found is None or found.get("type") != "class":
        raise Refused("the file is damaged: a module does not say what it is; get it again")
    if found.get("version") != 6:
        raise Refused(
            f"the file uses version {plain(found.get('version'))} of pickled modules; draglab reads version 6"
        )
    return found


def _code(source: Any) -> LongText | bytes:
    if isinstance(source, LongText):
        return source
    return source.encode("utf-8", "surrogatepass") if isinstance(source, str) else b""


def _state(module: Any) -> dict[Any, Any]:
    if is_module(module):
        state = entries(_description(module).get("state"))
    elif isinstance(module, Record) and module.what == allowed.EMBEDDING:
        state = entries(module.state)
    else:
        state = None
    if state is None:
        raise Refused("the file is damaged: a module lacks its attributes; get it again")
    return state


def _arguments(state: dict[Any, Any]) -> dict[str, Any]:
    given = plain(state.get("_init_kwargs")) or {}
    positional = plain(state.get("_init_args")) or []
    if not isinstance(given, dict) or not isinstance(positional, list):
        raise Refused("the file is damaged: the model's arguments are not readable; get it again")
    arguments: dict[str, Any] = {**dict(zip(_POSITIONAL, positional, strict=False)), **given}
    for name in _POSITIONAL[:5]:  # kept as attributes too
        if name not in arguments and isinstance(plain(state.get(name)), int):
            arguments[name] = plain(state[name])
    return arguments


def _family(tensors: dict[str, TensorRef], arguments: dict[str, Any]) -> str:
    if any(name.startswith("mapping.embed_proj") for name in tensors) or "head_layers" in arguments:
        raise Refused(_XL)
    if "synthesis.b4.const" in tensors:
        return "stylegan2"
    if "synthesis.input.freqs" in tensors:
        if len(tensors["mapping.w_avg"].shape) > 1 if "mapping.w_avg" in tensors else True:
            raise Refused(_XL)
        return "stylegan3"
    raise Refused("the file's network is no StyleGAN2 or StyleGAN3 generator; draglab cannot drag it")
