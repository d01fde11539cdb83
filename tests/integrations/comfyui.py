"""ComfyUI's side of the contract, by its documentation: how it loads a folder of nodes, checks and runs a node.

https://docs.comfy.org/custom-nodes/backend/server_overview and .../datatypes
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "integrations" / "comfyui"
NAME = "draglab_comfyui_nodes"
WIDGETS: dict[str, type | tuple[type, ...]] = {"INT": int, "FLOAT": (int, float), "STRING": str, "BOOLEAN": bool}


def load_nodes() -> ModuleType:
    """Load the folder as ComfyUI does: a package by its path, whatever the folder's name is."""
    if NAME in sys.modules:
        return sys.modules[NAME]
    spec = importlib.util.spec_from_file_location(
        NAME, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
    return module


def problems(node: type) -> list[str]:
    """What about a node does not keep the contract."""
    found: list[str] = []
    kinds = node.INPUT_TYPES()  # pyright: ignore[reportAttributeAccessIssue]
    if not isinstance(inspect.getattr_static(node, "INPUT_TYPES"), classmethod):
        found.append("INPUT_TYPES is no class method")
    if "required" not in kinds or not kinds.keys() <= {"required", "optional", "hidden"}:
        found.append(f"INPUT_TYPES has {list(kinds)}")
    for kind in ("required", "optional"):
        for name, (type_, *rest) in kinds.get(kind, {}).items():
            found += [f"{name}: {problem}" for problem in _input_problems(type_, *rest)]
    returns = node.RETURN_TYPES  # pyright: ignore[reportAttributeAccessIssue]
    if not isinstance(returns, tuple) or not all(isinstance(each, str) and each.isupper() for each in returns):
        found.append(f"RETURN_TYPES is {returns!r}")
    for name in ("RETURN_NAMES", "OUTPUT_TOOLTIPS"):
        if len(getattr(node, name, returns)) != len(returns):
            found.append(f"{name} has another length than RETURN_TYPES")
    if not isinstance(getattr(node, "CATEGORY", None), str):
        found.append("there is no CATEGORY")
    return found + _signature_problems(node, kinds)


def _input_problems(type_: Any, options: dict[str, Any] | None = None) -> list[str]:
    options = options or {}
    found = []
    if isinstance(type_, list):
        if not type_ or not all(isinstance(each, str) for each in type_):
            found.append("the choices are no texts")
        if options.get("default", type_[0]) not in type_:
            found.append("the default is none of the choices")
    elif not isinstance(type_, str) or not type_.isupper():
        found.append(f"{type_!r} is no type")
    elif type_ in WIDGETS:
        default = options.get("default")
        if not isinstance(default, WIDGETS[type_]):
            found.append(f"the default of {type_} is {default!r}")
        elif type_ in ("INT", "FLOAT") and not options["min"] <= default <= options["max"]:
            found.append("the default is out of range")
    if not options.get("tooltip"):
        found.append("there is no tooltip")
    return found


def _signature_problems(node: type, kinds: dict[str, dict[str, Any]]) -> list[str]:
    function = getattr(node, getattr(node, "FUNCTION", ""), None)
    if not callable(function):
        return ["FUNCTION names no method"]
    parameters = dict(list(inspect.signature(function).parameters.items())[1:])
    found = []
    given = {name: kind for kind, inputs in kinds.items() for name in inputs}
    if parameters.keys() != given.keys():
        found.append(f"the function takes {list(parameters)}, the inputs are {list(given)}")
    for name, kind in given.items():
        has_default = name in parameters and parameters[name].default is not inspect.Parameter.empty
        if (kind == "optional") != has_default:
            found.append(f"{name} is {kind}, but its parameter is not")
    # Both are called with inputs by name; an input that is connected is not validated.
    for name in ("VALIDATE_INPUTS", "IS_CHANGED"):
        if (check := getattr(node, name, None)) is not None and not inspect.signature(
            check
        ).parameters.keys() <= given.keys():
            found.append(f"{name} asks for inputs that are not there")
    return found


def execute(node: type, **given: Any) -> tuple[Any, ...]:
    """Run a node as ComfyUI does: defaults for what is a widget, inputs by name, and its results checked by type."""
    kinds = node.INPUT_TYPES()  # pyright: ignore[reportAttributeAccessIssue]
    values: dict[str, Any] = {}
    for inputs in kinds.values():
        for name, (type_, *rest) in inputs.items():
            options = rest[0] if rest else {}
            if isinstance(type_, list):
                values[name] = options.get("default", type_[0])
            elif "default" in options:
                values[name] = options["default"]
    assert given.keys() <= {name for inputs in kinds.values() for name in inputs}
    results = getattr(node(), node.FUNCTION)(**{**values, **given})  # pyright: ignore[reportAttributeAccessIssue]
    if isinstance(results, dict):
        assert all(isinstance(each, list) for each in results["ui"].values())
        results = results["result"]
    types = node.RETURN_TYPES  # pyright: ignore[reportAttributeAccessIssue]
    assert isinstance(results, tuple) and len(results) == len(types)
    for type_, result in zip(types, results, strict=True):
        _check(type_, result)
    return results


def _check(type_: str, value: Any) -> None:
    import torch

    if type_ == "IMAGE":
        assert isinstance(value, torch.Tensor) and value.dtype == torch.float32 and value.device.type == "cpu"
        assert value.dim() == 4 and value.shape[3] == 3
        assert float(value.min()) >= 0 and float(value.max()) <= 1 and math.isfinite(float(value.sum()))
    elif type_ == "STRING":
        assert isinstance(value, str)
