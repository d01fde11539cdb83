"""Checks of `draglab doctor`, one function for each part of this machine. None of them raises or downloads."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from draglab._version import __version__
from draglab.errors import DraglabError
from draglab.problems import describe_exception

MODULES = {
    "pillow": "PIL", "prometheus-client": "prometheus_client", "huggingface-hub": "huggingface_hub",
    "c2pa-python": "c2pa",
}  # fmt: skip
"""Names of packages -> what is imported, where the two differ."""
EXTRAS = {
    "c2pa": "Content Credentials in exported files, and their checking",
    "faces": "faces in photos, and named edits of real faces",
    "flow": "draglab bench: optical flow",
    "hub": "models by their names on the Hugging Face Hub",
    "notebook": "draglab.widget in notebooks",
    "ray": "draglab batch on a cluster",
}
"""Extras for users -> what they are for."""
INTERNAL_EXTRAS = {"dev", "docs", "notebooks", "release", "recipes", "dlib"}
"""Extras for those who work on draglab, and the former name of one."""
PACKAGES = {"pillow-heif": "HEIC photos", "pip": "models that come as Python packages"}
"""Optional packages that belong to no extra -> what they are for."""
LOW_DISK = 1 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        part: the group that it belongs to.
        state: "ok"; "missing", something optional that is not there; "broken", something needed that does not work.
        found: what there is. advice: what to do, or what is missing without it; "" = nothing.
    """

    part: Literal["python", "packages", "devices", "models", "folders", "programs", "extras"]
    name: str
    state: Literal["ok", "missing", "broken"]
    found: str
    advice: str = ""


def examine() -> Iterator[Finding]:
    """Look at everything, in the order in which it depends on each other."""
    yield _python()
    packages = list(_packages())
    yield from packages
    usable = all(finding.state == "ok" for finding in packages)
    if usable:
        yield from _devices()
        yield from _models()
    yield from _folders(usable)
    yield from _programs(usable)
    yield from _extras()


def _python() -> Finding:
    version = platform.python_version()
    system = f"{version} on {platform.system()} {platform.machine()}, {sys.executable or 'embedded'}"
    return Finding("python", "Python", "ok", system)


def _packages() -> Iterator[Finding]:
    yield Finding("packages", "draglab", "ok", f"{__version__}, in {Path(__file__).resolve().parents[1]}")
    for name, minimum, extra in _requirements():
        if extra is None:
            yield _package(name, minimum)


def _package(name: str, minimum: str) -> Finding:
    again = f"install it again: pip install --upgrade --force-reinstall {name}"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding("packages", name, "broken", "not installed", f"pip install '{name}>={minimum}'")
    try:
        importlib.import_module(_module(name))
    except Exception as error:  # a library that its wheel expects is not there, for instance
        return Finding("packages", name, "broken", f"{version}: {describe_exception(error)}", again)
    if _numbers(version) < _numbers(minimum):
        return Finding("packages", name, "broken", version, f"pip install --upgrade '{name}>={minimum}'")
    return Finding("packages", name, "ok", version)


def _devices() -> Iterator[Finding]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    kind = torch.backends.cpu.get_cpu_capability()
    yield Finding("devices", "cpu", "ok", f"{cores} cores, {torch.get_num_threads()} threads, {kind}")
    if torch.cuda.is_available():
        yield _device("cuda", lambda: torch.cuda.get_device_name(0))
    elif torch.version.cuda is not None:
        found = f"none, though this PyTorch is built for CUDA {torch.version.cuda}"
        yield Finding("devices", "cuda", "missing", found, "with an NVIDIA GPU here, install its driver (nvidia-smi)")
    else:
        yield Finding(
            "devices",
            "cuda",
            "missing",
            "none: this PyTorch is built without CUDA",
            "docs/install.md says how to get one with CUDA",
        )
    if torch.backends.mps.is_available():
        yield _device("mps", lambda: "Apple GPU; not tested by draglab's authors")


def _device(name: str, describe: Callable[[], str]) -> Finding:
    """Multiply on a device: one that is listed may still have no kernels in this build."""
    import torch

    try:
        ones = torch.ones(4, 4, device=name)
        if (ones @ ones).sum().item() == 64:
            return Finding("devices", name, "ok", describe())
        reason = "it computes wrong results"
    except Exception as error:
        reason = describe_exception(error)
    return Finding("devices", name, "broken", reason, "use --device cpu, or another build of PyTorch")


def _models() -> Iterator[Finding]:
    from draglab.checkpoints import list_models, load_generator
    from draglab.public_models import ModelFolder, read_catalogue

    again = "install draglab again"
    try:
        for entry in list_models():
            yield Finding("models", entry.name, "ok", f"bundled, {entry.size / 1e6:.1f} MB")
        began = time.monotonic()
        generator = load_generator("heads")
        generator.image(generator.w_plus_from_seed(0))
        seconds = time.monotonic() - began
        yield Finding(
            "models", "a picture", "ok", f"heads was loaded and drawn on {generator.device} in {seconds:.1f} s"
        )
        folder = ModelFolder()
        downloaded = [model.alias for model in read_catalogue().models if folder.has(model)]
        names = ", ".join(downloaded) or "none; draglab models list shows what can be had"
        yield Finding("models", "downloaded", "ok", names)
    except (DraglabError, OSError, RuntimeError) as error:
        yield Finding("models", "bundled", "broken", describe_exception(error), again)


def _folders(usable: bool) -> Iterator[Finding]:
    from draglab.folders import DATA, data_folder
    from draglab.public_models.folder import VARIABLE, default_folder

    places: dict[str, tuple[Callable[[], Path], str]] = {
        "sessions": (data_folder, DATA),
        "models": (default_folder, VARIABLE),
        "temporary files": (lambda: Path(tempfile.gettempdir()), "TMPDIR"),
    }
    if usable:
        from draglab.checkpoints import statistics

        places["statistics"] = statistics.statistics_folder, statistics.VARIABLE
    for name, (find, variable) in places.items():
        yield _folder(name, find, variable)


def _folder(name: str, find: Callable[[], Path], variable: str) -> Finding:
    try:
        folder = find()
    except (DraglabError, OSError) as error:
        return Finding("folders", name, "broken", describe_exception(error), f"set {variable} to a folder")
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        if there == folder:
            with tempfile.TemporaryFile(dir=folder):
                pass
        elif not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
            raise PermissionError(13, f"cannot be made in {there}")
        free = shutil.disk_usage(there).free
    except OSError as error:
        reason = f"{folder}: {error.strerror or error}"
        return Finding("folders", name, "broken", reason, f"get the rights to it, or set {variable} to another folder")
    advice = "little room is left" if free < LOW_DISK else ""
    return Finding("folders", name, "ok", f"{folder}, {free / 1e9:.1f} GB free", advice)


def _programs(usable: bool) -> Iterator[Finding]:
    try:
        browser = getattr(webbrowser.get(), "name", "") or "the system's"
        yield Finding("programs", "browser", "ok", browser)
    except webbrowser.Error:
        advice = "draglab edit prints an address: open it in a browser on this or another machine (docs/server.md)"
        yield Finding("programs", "browser", "missing", "none that can be opened from here", advice)
    if usable:
        from draglab.media.video import check_video_support

        try:
            check_video_support("video.mp4")
            yield Finding("programs", "video", "ok", "H.264 in MP4, and GIF")
        except DraglabError as error:
            yield Finding("programs", "video", "broken", str(error))


def _extras() -> Iterator[Finding]:
    for extra, purpose in EXTRAS.items():
        names = [name for name, _, belongs in _requirements() if belongs == extra]
        absent = [name for name in names if not _is_installed(name)]
        if absent or not names:
            yield Finding("extras", extra, "missing", purpose, f"pip install 'draglab[{extra}]'")
        else:
            yield Finding("extras", extra, "ok", purpose)
    for name, purpose in PACKAGES.items():
        installed = _is_installed(name)
        advice = "" if installed else f"pip install {name}"
        yield Finding("extras", name, "ok" if installed else "missing", purpose, advice)


def _requirements() -> Iterator[tuple[str, str, str | None]]:
    """Yield name, oldest version ("" = any) and extra (None = always needed) of each package that draglab names."""
    try:
        lines = importlib.metadata.requires("draglab") or []
    except importlib.metadata.PackageNotFoundError:  # run from its sources, without an installation
        lines = []
    for line in lines:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name is None:
            continue
        minimum = re.search(r">=\s*([0-9][0-9.]*)", line.partition(";")[0])
        extra = re.search(r"extra == ['\"]([a-z0-9-]+)['\"]", line)
        yield name[0].lower(), minimum[1] if minimum else "", extra[1] if extra else None


def _is_installed(name: str) -> bool:
    """Whether a package is installed in this environment, or can be imported from elsewhere."""
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return find_spec(_module(name)) is not None
    return True


def _module(name: str) -> str:
    return MODULES.get(name, name.replace("-", "_"))


def _numbers(version: str) -> list[int]:
    """Return the release of a version for comparison: "2.13.0+cpu" -> [2, 13]."""
    release = re.match(r"[0-9]+(\.[0-9]+)*", version)
    numbers = [int(part) for part in release[0].split(".")] if release else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers
