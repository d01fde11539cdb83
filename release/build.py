"""Build the wheel and the source distribution, with their SHA-256 and a bill of materials.

    python -m release.build [--out dist]

Writes dist/*.whl, *.tar.gz, SHA256SUMS (for `sha256sum --check`) and sbom.cdx.json. Needs `build` (extra `release`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from release.sbom import describe, resolve

REPOSITORY = Path(__file__).resolve().parents[1]


def build(out: Path) -> Path:
    """Build both distributions into an emptied folder; return the wheel."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    # Two builds of one commit have the same bytes.
    log = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=REPOSITORY, capture_output=True, text=True)
    dated = {"SOURCE_DATE_EPOCH": log.stdout.strip()} if log.returncode == 0 else {}
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(REPOSITORY)]
    ran = subprocess.run(command, env=os.environ | dated, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"the build failed:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
    return next(out.glob("*.whl"))


def write_hashes(out: Path) -> None:
    """Write SHA256SUMS over all other files of a folder."""
    files = sorted(path for path in out.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / "SHA256SUMS").write_text("".join(lines))


def main() -> None:
    """Build, describe, hash."""
    parser = argparse.ArgumentParser(description="Build the distributions, their hashes and their bill of materials.")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "dist", help="folder, emptied first (default: dist)")
    out = parser.parse_args().out
    wheel = build(out)
    materials = describe(wheel, resolve(wheel, REPOSITORY / "constraints.txt"))
    (out / "sbom.cdx.json").write_text(json.dumps(materials, indent=1) + "\n")
    write_hashes(out)
    for path in sorted(out.iterdir()):
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path.name}")


if __name__ == "__main__":
    main()
