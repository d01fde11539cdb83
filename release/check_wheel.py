"""Run the wheel in a fresh environment of each Python that is here, as a new user would.

    python -m release.check_wheel                           # dist/*.whl, every python3.11 and newer on the PATH
    python -m release.check_wheel --oldest                  # the oldest versions that the wheel allows
    python -m release.check_wheel --python python3.13 --torch torch==2.15.0

For each: the time and the disk that the installation takes, then `draglab doctor`, `draglab demo`, a drag, the editor,
completion and, with the extra "notebook" added, the widget, from an empty folder. Ends with code 1 if anything failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SECONDS = 300
"""Longest time that one command may take."""


@dataclass(frozen=True)
class Environment:
    """A fresh environment with the wheel, and an empty folder to work in."""

    folder: Path
    work: Path

    def command(self, *arguments: str) -> str:
        """Run a program of the environment; return what it prints."""
        scripts = self.folder / ("Scripts" if os.name == "nt" else "bin")
        ran = subprocess.run(
            [str(scripts / arguments[0]), *arguments[1:]],
            cwd=self.work,
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        if ran.returncode != 0:
            raise RuntimeError(
                f"{' '.join(arguments)}: exit code {ran.returncode}: {(ran.stderr or ran.stdout)[-800:]}"
            )
        return ran.stdout

    def variables(self) -> dict[str, str]:
        """Environment variables that keep the user's own folders, and the sources, out of it."""
        own = {"DRAGLAB_DATA": "data", "DRAGLAB_MODELS": "models", "DRAGLAB_STATISTICS": "statistics"}
        clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return clean | {name: str(self.work / folder) for name, folder in own.items()}

    def megabytes(self) -> float:
        """Disk that the environment takes, files that are linked several times once."""
        seen = {(status.st_dev, status.st_ino): status.st_size for status in map(os.lstat, self._files())}
        return sum(seen.values()) / 1e6

    def _files(self) -> list[str]:
        return [os.path.join(root, name) for root, _, names in os.walk(self.folder) for name in names]


def doctor(environment: Environment) -> str:
    """Everything that is needed works, and the versions are those installed."""
    findings = json.loads(environment.command("draglab", "doctor", "--json"))["findings"]
    versions = {finding["name"]: finding["found"] for finding in findings if finding["part"] == "packages"}
    return f"torch {versions['torch']}, numpy {versions['numpy']}"


def demo(environment: Environment) -> str:
    """The demo arrives and writes its four files."""
    outcome = json.loads(environment.command("draglab", "demo", "--out", "demo", "--json"))
    for name in ("before.png", "after.png", "drag.mp4", "edit.json"):
        if (environment.work / "demo" / name).stat().st_size < 500:
            raise RuntimeError(f"demo/{name} is empty")
    return f"{outcome['steps']} steps"


def drag(environment: Environment) -> str:
    """The edit file of the demo gives the same picture again, by `python -m draglab`."""
    environment.command("python", "-m", "draglab", "drag", "demo/edit.json", "-o", "again.png")
    first, second = (environment.work / name for name in ("demo/after.png", "again.png"))
    compare = (
        "import sys; from PIL.Image import open; sys.exit(open(sys.argv[1]).tobytes() != open(sys.argv[2]).tobytes())"
    )
    environment.command("python", "-c", compare, str(first), str(second))
    return "same pixels"


def editor(environment: Environment) -> str:
    """The editor starts, is ready, and ends."""
    scripts = environment.folder / ("Scripts" if os.name == "nt" else "bin")
    command = [str(scripts / "draglab"), "edit", "--port", "0", "--no-browser"]
    with subprocess.Popen(
        command, cwd=environment.work, env=environment.variables(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            for _ in range(SECONDS):
                try:
                    with urllib.request.urlopen(f"{address.rstrip('/')}/healthz", timeout=5) as answer:
                        if answer.status == 200:
                            return "ready"
                except OSError:
                    time.sleep(1)
            raise RuntimeError("the editor is not ready")
        finally:
            process.terminate()
            process.wait(60)


def completion(environment: Environment) -> str:
    """Bash gets a completion script that calls this command."""
    command = [str(environment.folder / ("Scripts" if os.name == "nt" else "bin") / "draglab")]
    asked = environment.variables() | {"_DRAGLAB_COMPLETE": "source_bash"}
    ran = subprocess.run(command, env=asked, capture_output=True, text=True, timeout=SECONDS)
    if "_DRAGLAB_COMPLETE=complete_bash" not in ran.stdout:
        raise RuntimeError(f"no completion script: {ran.stdout[-300:]}{ran.stderr[-300:]}")
    return "bash"


def widget(environment: Environment) -> str:
    """A widget is made, has its image, and does not keep Python from ending."""
    program = "import draglab; print(draglab.widget('heads', seed=64).image.shape)"
    return environment.command("python", "-c", program).strip()


CHECKS: list[Callable[[Environment], str]] = [doctor, demo, drag, editor, completion, widget]


def oldest(wheel: Path) -> list[str]:
    """Return a pin at its minimum for each package that the wheel needs: "numpy==1.26"."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        needs = re.findall(r"^Requires-Dist: ([^;\n]+)$", archive.read(name).decode(), re.MULTILINE)
    found = [re.match(r"([A-Za-z0-9_.-]+).*>=([0-9.]+)", need.strip()) for need in needs]
    return [f"{match[1]}=={match[2]}" for match in found if match]


def install(python: str, wheel: Path, options: argparse.Namespace, folder: Path) -> None:
    """Make an environment and install the wheel, with uv if it is there."""
    packages = [str(wheel), *([options.torch] if options.torch else []), *(oldest(wheel) if options.oldest else [])]
    uv = shutil.which("uv")
    run([uv, "venv", "--quiet", "--python", python, str(folder)] if uv else [python, "-m", "venv", str(folder)])
    add(folder, packages)


def add(folder: Path, packages: list[str]) -> None:
    """Install packages into an environment, with uv if it is there."""
    if (uv := shutil.which("uv")) is not None:
        run([uv, "pip", "install", "--quiet", "--python", str(folder), *packages])
    else:
        inside = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
        run([inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])


def run(command: list[str]) -> None:
    """Run a step of an installation."""
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(f"installing failed: {ran.stderr[-1500:]}")


def check(python: str, wheel: Path, options: argparse.Namespace) -> bool:
    """Check one Python; print a line for each part; return whether all of it worked."""
    place = Path(tempfile.mkdtemp(prefix="draglab-check-"))
    environment = Environment(place / "environment", place / "work")
    environment.work.mkdir()
    good = True
    try:
        began = time.monotonic()
        install(python, wheel, options, environment.folder)
        version = environment.command("python", "--version").strip()
        print(f"{version}: installed in {time.monotonic() - began:.0f} s, {environment.megabytes():.0f} MB", flush=True)
        pins = oldest(wheel) if options.oldest else []
        for one in CHECKS:
            if one is widget:
                add(environment.folder, [f"{wheel}[notebook]", *([options.torch] if options.torch else []), *pins])
            began = time.monotonic()
            try:
                print(f"  {one.__name__}: {one(environment)}, {time.monotonic() - began:.1f} s", flush=True)
            except Exception as error:
                good = False
                print(f"  {one.__name__}: FAILED: {error}", flush=True)
    except RuntimeError as error:
        good = False
        print(f"{python}: FAILED: {error}", flush=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return good


def main() -> None:
    """Check the Pythons that were asked for, or all that are here."""
    parser = argparse.ArgumentParser(description="Run the wheel in fresh environments.")
    parser.add_argument("--wheel", type=Path, help="the wheel; dist/*.whl if left out")
    parser.add_argument("--python", action="append", help="an interpreter; repeatable; all that are here if left out")
    parser.add_argument("--torch", help="a version of torch, as in torch==2.13.0")
    parser.add_argument("--oldest", action="store_true", help="the oldest versions that are allowed")
    options = parser.parse_args()
    wheel = options.wheel or next((REPOSITORY / "dist").glob("*.whl"), None)
    if wheel is None:
        sys.exit("there is no wheel: make dist")
    pythons = options.python or [f"python3.{minor}" for minor in range(11, 20) if shutil.which(f"python3.{minor}")]
    outcomes = [check(python, wheel.resolve(), options) for python in pythons]
    sys.exit(not all(outcomes))


if __name__ == "__main__":
    main()
