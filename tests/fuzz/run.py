"""Fuzzes one reader: `python -m tests.fuzz.run TARGET`, from the repository's root.

With --examples N: that many edited honest files, the same every time (hypothesis). With --seconds S: as many as there
is time for, guided by coverage (atheris, `pip install atheris`); what fails is kept in the folder that is named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=("foreign", "ir", "own", "config"))
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--folder", type=Path, help="where the corpus and what fails are kept; default: a new one")
    arguments = parser.parse_args()
    if arguments.seconds is None:
        with_hypothesis(arguments.target, arguments.examples)
    else:
        with_atheris(arguments.target, arguments.seconds, arguments.folder or Path(tempfile.mkdtemp()))


def with_hypothesis(name: str, examples: int) -> None:
    """Raises what the first failing example raised."""
    from hypothesis import HealthCheck, given, settings

    from tests.fuzz.mutations import mutated, reconfigured
    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]()
    for seed in target.seeds.values():  # also so that whatever is loaded at first use is
        target.run(seed)
    inputs = reconfigured(target.seeds) if name == "config" else mutated(target.seeds)

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(inputs)
    def check(data: bytes) -> None:
        target.run(data)

    check()


def with_atheris(name: str, seconds: int, folder: Path) -> None:
    """Ends the process, with 0 if nothing failed."""
    try:
        atheris: Any = import_module("atheris")
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris")
    with atheris.instrument_imports(include=["draglab.checkpoints", "draglab.generators"]):
        from tests.fuzz.mutations import TOKENS
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]()
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds.values()):
        target.run(seed)
        (corpus / f"seed{number}").write_bytes(seed)
    escaped = ["".join(f"\\x{byte:02x}" for byte in token) for token in TOKENS]
    words = "".join(f'"{token}"\n' for token in escaped)
    (folder / "words").write_text(words)
    longest = 2 * max(map(len, target.seeds.values()))
    options = [f"-max_total_time={seconds}", f"-max_len={longest}", f"-dict={folder / 'words'}", "-timeout=30"]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={folder}/", str(corpus)], target.run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
