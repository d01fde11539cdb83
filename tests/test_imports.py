"""Arrows between rooms point one way (docs/architecture.md), and no file names a path of one machine."""

import ast
import re
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

_FOUNDATION = {"errors", "files", "problems", "_version"}
_MODELS = _FOUNDATION | {"folders", "geometry", "generators", "checkpoints"}
_EDITOR = _MODELS | {"dragging", "media", "perception", "inversion", "editor"}

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "files": {"errors"},
    "problems": {"errors"},
    "run_files": {"errors", "files"},
    "_version": set(),
    "folders": _FOUNDATION,
    "geometry": _FOUNDATION,
    "generators": _FOUNDATION | {"geometry"},
    "public_models": _FOUNDATION | {"folders"},
    "checkpoints": _FOUNDATION | {"folders", "geometry", "generators", "public_models"},
    "downloads": _MODELS | {"public_models"},
    "dragging": _MODELS,
    "media": _MODELS | {"public_models"},
    "perception": _MODELS,
    "inversion": _MODELS | {"perception"},
    "editor": _EDITOR,
    "batch": _EDITOR | {"run_files"},
    "evaluation": _EDITOR | {"run_files"},
    "server": _EDITOR | {"public_models", "downloads"},
    "notebook": _EDITOR | {"server"},
    "cli": _EDITOR | {"batch", "evaluation", "public_models", "downloads", "server"},
    "__init__": _EDITOR | {"notebook"},
    "__main__": {"cli"},
}
"""Room -> rooms it may import besides itself."""

PURE_ROOMS = {"geometry", "generators", "dragging"}
"""Rooms that use torch, numpy and the standard library only."""
PURE_PACKAGES = {"torch", "numpy", "draglab"} | set(sys.stdlib_module_names)

TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".json", ".yaml", ".yml", ".js", ".html", ".css", ".ipynb", ""}
MACHINE_PATH = re.compile(r"""(?:^|[\s"'`=(\[,])/(?:home|root|Users|work)/\w""")


def imported_modules(tree: ast.AST, module: str, is_package: bool) -> set[str]:
    """Absolute names of what a module imports; ``from a import b`` counts as both ``a`` and ``a.b``."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            found.add(origin)
            found.update(f"{origin}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
    return found


def violations(source: Path) -> list[str]:
    """Imports under ``source`` (the folder that holds ``draglab``) that run against the arrows, one line each."""
    package = source / "draglab"
    rooms = {path.stem if path.suffix == ".py" else path.name for path in package.iterdir()}
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        room = parts[1]
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        if room not in ALLOWED:
            found.append(f"{path.name}: room {room!r} has no place in the table of tests/test_imports.py")
            continue
        for name in imported_modules(ast.parse(path.read_text(encoding="utf-8")), module, is_package):
            top, _, rest = name.partition(".")
            if room in PURE_ROOMS and top not in PURE_PACKAGES:
                found.append(f"{module} imports {top}, but {room} uses torch, numpy and the standard library only")
            target = rest.split(".")[0]
            if top != "draglab" or not target or target == room or target in ALLOWED[room]:
                continue
            if target in rooms:
                found.append(f"{module} imports draglab.{target}, against the arrows")
            elif room != "cli":
                found.append(f"{module} imports {target} from the public package: import it from its room")
    return found


def circles(package: Path) -> list[list[str]]:
    """Circles of imports between the modules of a package outside of src, each as its modules in order."""
    paths = [path for path in package.rglob("*.py") if path.name != "__init__.py"]
    names = {".".join(path.relative_to(package.parent).with_suffix("").parts): path for path in paths}
    graph = {
        name: sorted(imported_modules(ast.parse(path.read_text(encoding="utf-8")), name, False) & names.keys() - {name})
        for name, path in names.items()
    }
    found, done = [], set()

    def follow(name: str, way: list[str]) -> None:
        if name in way:
            found.append([*way[way.index(name) :], name])
        elif name not in done:
            for imported in graph[name]:
                follow(imported, [*way, name])
            done.add(name)

    for name in sorted(graph):
        follow(name, [])
    return found


def machine_paths(root: Path) -> list[str]:
    named = ("src", "tests", "docs", "recipes", "benchmarks", "release", "integrations", "notebooks", ".ci")
    folders = [root / name for name in named]
    paths = [path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts]
    paths += [path for path in root.iterdir() if path.name != ".git"]
    found = []
    for path in paths:
        if path.is_file() and path.suffix in TEXT_SUFFIXES and path.stat().st_size < 1_000_000:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"{path.name}:{number}" for number, line in enumerate(lines, 1) if MACHINE_PATH.search(line)]
    return found


def test_arrows_point_one_way():
    assert violations(REPOSITORY / "src") == []


def test_recipes_import_in_no_circle(tmp_path):
    assert circles(REPOSITORY / "recipes") == []
    package = tmp_path / "recipes"
    package.mkdir()
    for name, text in {"a": "from .b import x", "b": "def f():\n    import recipes.c", "c": "from . import a"}.items():
        (package / f"{name}.py").write_text(text)
    assert circles(package) == [["recipes.a", "recipes.b", "recipes.c", "recipes.a"]]


def test_no_paths_of_one_machine():
    assert machine_paths(REPOSITORY) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("geometry.py", "import draglab.generators"),
        ("generators/ops.py", "from draglab.checkpoints import native"),
        ("generators/ops.py", "import PIL"),
        ("dragging/algorithm.py", "from ..media import images"),
        ("dragging/algorithm.py", "def f():\n    import rich"),
        ("dragging/algorithm.py", "from draglab import load_generator"),
        ("media/video.py", "from draglab.dragging import drag"),
        ("dragging/losses.py", "from draglab.perception import LPIPS"),
        ("editor/replay.py", "from draglab.cli.main import run"),
        ("editor/replay.py", "import_module('draglab.server.app')"),
        ("attic/old.py", "import os"),
    ],
)
def test_a_planted_violation_is_found(tmp_path, file, text):
    package = tmp_path / "draglab"
    for room in ("geometry", "generators", "checkpoints", "dragging", "perception", "media", "editor", "cli", "server"):
        (package / room).mkdir(parents=True)
    path = package / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert len(violations(tmp_path)) >= 1


def architecture_violations(source: Path) -> list[str]:
    """Imports between architectures, and of architectures from what they share, one line each."""
    room = source / "draglab" / "generators"
    architectures = {path.name for path in room.iterdir() if path.is_dir()} - {"fast", "__pycache__"}
    found = []
    for path in sorted(room.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        if parts[2] == "__init__":  # registers them all
            continue
        names = imported_modules(ast.parse(path.read_text(encoding="utf-8")), ".".join(parts), parts[-1] == "__init__")
        used = {name.split(".")[2] for name in names if name.startswith("draglab.generators.")}
        found += [f"{'.'.join(parts)} imports {name}" for name in sorted(used & architectures - {parts[2]})]
    return found


def test_architectures_know_nothing_of_each_other():
    assert architecture_violations(REPOSITORY / "src") == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("stylegan3/synthesis.py", "from draglab.generators.stylegan2.resampling import upsample"),
        ("stylegan3/synthesis.py", "from ..stylegan2 import config"),
        ("base.py", "from draglab.generators.stylegan2 import StyleGAN2"),
        ("fast/winograd.py", "import draglab.generators.stylegan3.filters"),
    ],
)
def test_a_planted_architecture_import_is_found(tmp_path, file, text):
    room = tmp_path / "draglab" / "generators"
    for folder in ("stylegan2", "stylegan3", "fast"):
        (room / folder).mkdir(parents=True)
    (room / file).write_text(text)
    assert len(architecture_violations(tmp_path)) == 1


def test_allowed_imports_pass(tmp_path):
    package = tmp_path / "draglab"
    for file, text in {
        "errors.py": "import os",
        "geometry.py": "import numpy\nfrom .errors import DraglabError",
        "dragging/__init__.py": "from .algorithm import drag",
        "dragging/algorithm.py": "import torch\nfrom draglab.generators import StyleGAN2\nfrom .. import geometry",
        "generators/__init__.py": "",
        "cli/main.py": "import typer\nfrom draglab import load_generator\nfrom draglab.dragging import DragEdit",
    }.items():
        (package / file).parent.mkdir(parents=True, exist_ok=True)
        (package / file).write_text(text)
    assert violations(tmp_path) == []


def test_a_planted_machine_path_is_found(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text('DATA = "' + "/" + 'home/somebody/data"\n')
    assert machine_paths(tmp_path) == ["a.py:1"]
