"""`draglab verify`: what a file says of how it was made, and whether that is intact."""

import json
from pathlib import Path
from typing import Annotated

import typer

from draglab.cli.arguments import Json

EXIT_CODES = {"intact": 0, "untrusted": 0, "unsigned": 0, "tampered": 3, "nothing": 4, "unchecked": 5}


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture or video: PNG, JPEG, WebP, GIF or MP4.")],
    trust: Annotated[
        Path | None,
        typer.Option(metavar="PEM", help="Certificates of authorities that may vouch for who signed a file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a file carries about how it was made, and whether it was changed since it was signed.

    Exit code: 0 if it says something and nothing is wrong, 3 if it was changed, 4 if it says nothing, 5 if a signature
    could not be checked. Nothing is asked over the network.
    """
    from draglab.media.provenance.checking import check_file

    report = check_file(file, trust)
    print(json.dumps(report.as_json()) if as_json else report.as_text())
    if code := EXIT_CODES[report.verdict]:
        raise typer.Exit(code)
