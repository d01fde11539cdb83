"""A bill of materials of a wheel, in CycloneDX 1.6: packages at the tested versions, and bundled weights."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

WEIGHTS = {
    "zoo/heads.safetensors": ("draglab heads", "Apache-2.0"),
    "zoo/hands.safetensors": ("draglab hands", "Apache-2.0"),
    "zoo/judges/heads_landmarks68.safetensors": ("draglab landmarks of heads", "Apache-2.0"),
    "zoo/judges/lpips_alex.safetensors": ("LPIPS 0.1 with AlexNet", "BSD-2-Clause AND BSD-3-Clause"),
}
"""Files in the wheel that are not written but trained -> name, licence."""


def resolve(wheel: Path, constraints: Path) -> list[dict[str, Any]]:
    """Ask pip which packages it would install for a wheel at the tested versions; nothing is installed.

    Returns:
        Entries of pip's report, draglab's own included.
    """
    options = ["--dry-run", "--ignore-installed", "--quiet", "--disable-pip-version-check", "--report", "-"]
    command = [sys.executable, "-m", "pip", "install", *options, "--constraint", str(constraints), str(wheel)]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"pip cannot resolve the wheel: {ran.stderr[-2000:]}")
    return json.loads(ran.stdout)["install"]


def describe(wheel: Path, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the document for a wheel and the entries of :func:`resolve`.

    Addresses of package indexes are left out: they say where this was made, not what it is.
    """
    packages = [_package(entry) for entry in entries]
    references = {package["name"]: package["bom-ref"] for package in packages}
    [own] = [package for package in packages if package["name"] == "draglab"]
    own |= {"type": "application", "hashes": [_hash(wheel.read_bytes())]}
    weights = _weights(wheel)
    graph = [
        {"ref": package["bom-ref"], "dependsOn": sorted(_needs(entry, references))}
        for entry, package in zip(entries, packages, strict=True)
    ]
    [root] = [node for node in graph if node["ref"] == own["bom-ref"]]
    root["dependsOn"] = sorted({*root["dependsOn"], *(weight["bom-ref"] for weight in weights)})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own},
        "components": [package for package in packages if package is not own] + weights,
        "dependencies": graph + [{"ref": weight["bom-ref"], "dependsOn": []} for weight in weights],
    }


def _package(entry: dict[str, Any]) -> dict[str, Any]:
    metadata = entry["metadata"]
    name, version = canonicalize_name(metadata["name"]), metadata["version"]
    purl = f"pkg:pypi/{name}@{version.replace('+', '%2B')}"
    component = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    digest = entry.get("download_info", {}).get("archive_info", {}).get("hashes", {}).get("sha256")
    if digest:
        component["hashes"] = [{"alg": "SHA-256", "content": digest}]
    # pip's report has had this field only since 2025; the environment that builds has the same packages installed.
    if expression := metadata.get("license_expression") or _installed_expression(name, version):
        component["licenses"] = [{"expression": expression}]
    elif licence := _licence(metadata):
        component["licenses"] = [{"license": {"name": licence}}]
    return component


def _installed_expression(name: str, version: str) -> str | None:
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    same = found.version.partition("+")[0] == version.partition("+")[0]
    return found.metadata["License-Expression"] if same and "License-Expression" in found.metadata else None


def _licence(metadata: dict[str, Any]) -> str:
    """Return a licence in free words: the metadata's field, unless it is a whole text, else its classifiers."""
    stated = (metadata.get("license") or "").strip()
    if stated and len(stated) <= 100:
        return stated
    prefix = "License :: OSI Approved :: "
    found = [text.removeprefix(prefix) for text in metadata.get("classifier", []) if text.startswith(prefix)]
    return "; ".join(found)


def _needs(entry: dict[str, Any], references: dict[str, str]) -> set[str]:
    """Return the references of the packages that one needs on this machine, without its extras."""
    needs = [Requirement(line) for line in entry["metadata"].get("requires_dist", [])]
    met = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return {references[name] for name in (canonicalize_name(need.name) for need in met) if name in references}


def _weights(wheel: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.endswith(".safetensors")}
        known = {f"draglab/{path}" for path in WEIGHTS}
        if inside != known:
            sys.exit(f"weights in the wheel and in release/sbom.py differ: {', '.join(sorted(inside ^ known))}")
        return [
            {
                "type": "machine-learning-model",
                "bom-ref": f"file:draglab/{path}",
                "name": name,
                "hashes": [_hash(archive.read(f"draglab/{path}"))],
                "licenses": [{"expression": licence}],
            }
            for path, (name, licence) in WEIGHTS.items()
        ]


def _hash(content: bytes) -> dict[str, str]:
    return {"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}
