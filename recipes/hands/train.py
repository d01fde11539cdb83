"""Both stages of `hands` one after the other; goes on wherever it was stopped.

    python -m recipes.hands.train --photos DIR --squeezenet FILE --out RUN

Writes RUN/autoencoder and RUN/adversarial. Ctrl-C and TERM save and leave, with exit code 1.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from recipes.hands import train_adversarial, train_autoencoder


def main(arguments: Sequence[str] | None = None) -> bool:
    """Command line; returns whether both schedules were finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="folder of 0/ to 9/ with *.JPG")
    parser.add_argument("--squeezenet", required=True, help="squeezenet_v1.0_dc.npz")
    parser.add_argument("--out", type=Path, required=True, help="folder of the two run folders")
    parser.add_argument("--autoencoder", default="", help='further options of stage 1, such as "--phases 32:60000"')
    parser.add_argument("--adversarial", default="", help="further options of stage 2")
    args = parser.parse_args(arguments)
    first, second = (str(args.out / name) for name in ("autoencoder", "adversarial"))
    inputs = ["--photos", args.photos, "--squeezenet", args.squeezenet]
    if not train_autoencoder.main([*inputs, "--out", first, *shlex.split(args.autoencoder)]):
        return False
    return train_adversarial.main([*inputs, "--start", first, "--out", second, *shlex.split(args.adversarial)])


if __name__ == "__main__":
    sys.exit(not main())
