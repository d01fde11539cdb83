"""Options that several commands share, and parsing of their values."""

import math
import re
from pathlib import Path
from typing import Annotated

import typer

from draglab.errors import DraglabError

MAX_SEEDS = 10_000


def finite(value: float | None) -> float | None:
    """Refuse NaN and infinity as an option's value; comparisons with limits do not catch them reliably.

    Raises:
        DraglabError: the value is NaN or infinity.
    """
    if value is not None and not math.isfinite(value):
        raise DraglabError(f"{value} is not a number that can be used here: give a finite one")
    return value


Model = Annotated[str, typer.Option("--model", "-m", help="Name of a bundled model (see draglab models) or a file.")]
Truncation = Annotated[
    float,
    typer.Option(
        callback=finite, min=-10, max=10, help="Truncation psi: 1 is the full variety, towards 0 the average image."
    ),
]
Class = Annotated[
    str | None,
    typer.Option("--class", help="For models with classes: which one, or the numbers of a mixture, as in 0,0.5,0.5."),
]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or mps; the best one there is when left out.")]
RunFolder = Annotated[
    Path, typer.Option("--output", "-o", metavar="RUN", help="Folder for the results and their report.")
]
Jobs = Annotated[
    str, typer.Option(metavar="N|auto", help="Number of workers; auto: as many as cores and memory allow.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with what was ended; what is done is kept.")]
Retry = Annotated[bool, typer.Option("--retry", help="With --resume: run again what broke.")]
Cluster = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="A Ray cluster: ray://HOST:10001, or auto for the one here.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")]


def parse_seed(text: str) -> int:
    """Read one seed.

    Raises:
        DraglabError: not a whole number from 0 to 2**32 - 1.
    """
    from draglab.media.edit_file import MAX_SEED

    # int() also takes "1_000", " 7" and digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > MAX_SEED:
        raise DraglabError(f"seed {text!r} is out of range: give a whole number from 0 to {MAX_SEED}")
    return int(text)


def parse_class(text: str | None) -> int | list[float] | None:
    """Read a class: an index such as "3", or the numbers of a class vector such as "0,0.5,0.5".

    Raises:
        DraglabError: another form.
    """
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,6}", text):
        return int(text)
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) < 2 or not all(math.isfinite(number) for number in numbers):
        raise DraglabError(f"class {text!r} cannot be read: give a number such as 3, or a mixture such as 0,0.5,0.5")
    return numbers


def parse_seeds(texts: list[str], most: int = MAX_SEEDS) -> list[int]:
    """Read seeds from texts such as "7", "1-16" or "3,7,10-12"; return each once, in the order given.

    Raises:
        DraglabError: another form, out of range, a range that runs backwards, or more than `most`.
    """
    seeds: dict[int, None] = {}
    for part in ",".join(texts).split(","):
        first, dash, last = part.strip().partition("-")
        if not first or (dash and not last):
            raise DraglabError(f"seed {part!r} cannot be read: give for instance 7, 1-16 or 3,7,10-12")
        start = parse_seed(first)
        end = parse_seed(last) if dash else start
        if end < start:
            raise DraglabError(f"seeds {part!r} run backwards: write {end}-{start}")
        if end - start + len(seeds) >= most:
            raise DraglabError(f"more than {most} seeds were asked for: give fewer")
        seeds.update(dict.fromkeys(range(start, end + 1)))
    return list(seeds)
