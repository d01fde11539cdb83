"""`draglab token`: a token for a program, and its entry for the server's file of tokens."""

import re
from typing import Annotated

import typer

from draglab.errors import DraglabError


def token(
    name: Annotated[str, typer.Argument(help="Name of the program: letters, digits, _ and -.")],
    metrics: Annotated[
        bool, typer.Option("--metrics", help="A token that reads /metrics and does nothing else.")
    ] = False,
) -> None:
    """Make a token for a program, and print its entry for the file of `draglab edit --tokens`."""
    from draglab.server.security import new_token
    from draglab.server.tokens import hash_of

    if not re.fullmatch("[A-Za-z0-9_-]{1,64}", name):
        raise DraglabError(f"{name!a} cannot be a name: take up to 64 letters, digits, _ and -")
    made = new_token()
    print(f"# The token, for the program alone; it is shown this once: {made}")
    print(f'[tokens.{name}]\nsha256 = "{hash_of(made)}"')
    if metrics:
        print('may = ["metrics"]')
