"""Nothing in the package unpickles, evaluates or runs what a file holds. Read from the syntax, not from the text."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "draglab"

UNPICKLING = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
"""Modules of which nothing may be used but the constants, such as the names of instructions."""
RUNNING = {"eval", "exec", "compile", "__import__"}
OPENING = {"add_safe_globals", "safe_globals"}
"""Of torch.serialization: they let its careful loader make more than tensors."""


def violations(source: str) -> list[str]:
    """What a module does that it must not, one line each."""
    tree = ast.parse(source)
    names = _imported(tree)
    found = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Attribute | ast.Name):
            full = _full_name(node, names)
            if _unpickles(full) or full.rpartition(".")[2] in OPENING:
                found.append(f"line {line}: {full}")
        if isinstance(node, ast.ImportFrom):
            imported = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [f"line {line}: {full}" for full in imported if _unpickles(full)]
        if isinstance(node, ast.Call):
            full = _full_name(node.func, names)
            if full in RUNNING | {f"builtins.{name}" for name in RUNNING}:
                found.append(f"line {line}: {full}(")
            if full in {"torch.load", "torch.serialization.load"} and not _is(node, "weights_only", True):
                found.append(f"line {line}: torch.load without weights_only=True")
            if full in {"torch.jit.load", "torch.hub.load", "torch.package.PackageImporter"}:
                found.append(f"line {line}: {full}(")
            if _is(node, "weights_only", False) or _is(node, "allow_pickle", True):
                found.append(f"line {line}: weights_only=False or allow_pickle=True")
    return found


def _unpickles(full: str) -> bool:
    module, _, name = full.partition(".")
    return module in UNPICKLING and name != "" and not name.isupper()


def _imported(tree: ast.AST) -> dict[str, str]:
    """Local name -> what it is the name of."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return names


def _full_name(node: ast.AST, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _is(call: ast.Call, keyword: str, value: bool) -> bool:
    return any(
        given.arg == keyword and isinstance(given.value, ast.Constant) and given.value.value is value
        for given in call.keywords
    )


def test_the_package_does_not_unpickle() -> None:
    paths = sorted(PACKAGE.rglob("*.py"))
    assert len(paths) > 30
    found = [f"{path.relative_to(PACKAGE)}: {what}" for path in paths for what in violations(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(file)",
        "import pickle as p\np.loads(data)",
        "from pickle import load\nload(file)",
        "from pickle import loads as read\nread(data)",
        "import pickle\nclass Own(pickle.Unpickler): pass",
        "from pickle import Unpickler",
        "from pickle import Unpickler as Base\nBase(file).load()",
        "import dill\ndill.load(file)",
        "import marshal\nmarshal.loads(data)",
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "import torch\ntorch.load(path, weights_only=safe)",
        "from torch import load\nload(path)",
        "from torch.serialization import load as read\nread(path)",
        "import torch\ntorch.serialization.add_safe_globals([x])",
        "from torch.serialization import safe_globals\nwith safe_globals([x]): pass",
        "import torch\ntorch.jit.load(path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "read(path, weights_only=False)",
        "eval(text)",
        "exec(text)",
        "import builtins\nbuiltins.exec(text)",
        "compile(text, 'x', 'exec')",
        "__import__(name)",
    ],
)
def test_a_planted_violation_is_found(source: str) -> None:
    assert violations(source)


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.REDUCE\npickle.HIGHEST_PROTOCOL",
        "import torch\ntorch.load(path, weights_only=True)",
        "import json\njson.loads(text)",
        "import re\nre.compile(text)",
        "'pickle.load(file)'  # torch.load(path)",
        "from safetensors import torch\ntorch.load(data)",
        "model.eval()",
        "import safetensors.torch\nsafetensors.torch.load(content)",
    ],
)
def test_what_is_allowed(source: str) -> None:
    assert violations(source) == []
