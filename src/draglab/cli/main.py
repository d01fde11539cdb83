"""The `draglab` command: its subcommands, and the reporting of errors.

Modules that need torch are imported when a command runs, so that `draglab --help` is quick.
"""

import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from draglab._version import __version__
from draglab.cli.batch import batch
from draglab.cli.bench import bench
from draglab.cli.demo import demo
from draglab.cli.doctor import doctor
from draglab.cli.drag import drag
from draglab.cli.edit import edit
from draglab.cli.generate import generate
from draglab.cli.interrupt import KeptBest
from draglab.cli.invert import invert
from draglab.cli.models import models
from draglab.cli.token import token
from draglab.cli.transfer import transfer
from draglab.cli.verify import verify
from draglab.errors import DraglabError
from draglab.media.provenance.switches import CERTIFICATE, KEY, MARK, SIGN
from draglab.problems import escape_controls

_EXPORTS = "Exported files (before the command; docs/responsible-use.md)"

EXIT_ERROR = 2
EXIT_BUG = 1
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="draglab",
    help="Take hold of points in a GAN's image and drag them where they should be. Alone, it opens the editor.",
    pretty_exceptions_enable=False,
)
app.command()(edit)
app.command()(generate)
app.command()(drag)
app.command()(invert)
app.command()(batch)
app.command()(token)
app.command()(transfer)
app.add_typer(models)
app.add_typer(bench)
app.command()(verify)
app.command()(demo)
app.command()(doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"draglab {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    sign_with: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="CERT KEY",
            help="Sign exported files with this certificate (and its issuers) and key, PEM, not a self-made one.",
            rich_help_panel=_EXPORTS,
        ),
    ] = None,
    no_sign: Annotated[
        bool, typer.Option("--no-sign", help="Do not sign exported files.", rich_help_panel=_EXPORTS)
    ] = False,
    visible_mark: Annotated[
        bool,
        typer.Option(
            "--visible-mark", help="Put a small label AI on exported pictures and videos.", rich_help_panel=_EXPORTS
        ),
    ] = False,
) -> None:
    if no_sign and sign_with is not None:
        raise DraglabError("--sign-with and --no-sign exclude each other: give one")
    # Exports read these wherever they are made, in the processes of a batch as well.
    if sign_with is not None:
        os.environ.update(zip((CERTIFICATE, KEY), (str(path.absolute()) for path in sign_with), strict=True))
        os.environ[SIGN] = "on"
        from draglab.media.provenance.credentials import check_signing

        check_signing()
    if no_sign:
        os.environ[SIGN] = "off"
    if visible_mark:
        os.environ[MARK] = "on"
    if context.invoked_subcommand is None:
        edit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for a user's error, 130 after Ctrl-C, 1 for a bug.

    An error is one line on standard error, and with --json {"error": "..."} on standard output as well.
    DRAGLAB_DEBUG=1 in the environment adds the traceback.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=arguments, prog_name="draglab", standalone_mode=False)
        sys.stdout.flush()
    except KeptBest:
        return EXIT_INTERRUPTED
    except DraglabError as error:
        return _report(str(error), EXIT_ERROR, arguments)
    except (KeyboardInterrupt, typer.Abort):
        return _report("stopped", EXIT_INTERRUPTED, arguments)
    except BrokenPipeError:
        # The reader of the output has gone; without this, Python would complain when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BUG
    except Exception as error:
        # Wrong usage: typer's exceptions have an exit code and a message; their class depends on its version.
        if hasattr(error, "format_message"):
            if type(error).__name__ == "NoArgsIsHelpError":
                print(error)
                return EXIT_ERROR
            message = " ".join(error.format_message().split())  # pyright: ignore[reportAttributeAccessIssue]
            return _report(f"{message.rstrip('.')}; see {_help_command(arguments)}", EXIT_ERROR, arguments)
        if type(error).__name__ == "ShellDetectionFailure":
            text = "your shell is not recognised: call --install-completion from bash, zsh, fish or PowerShell"
            return _report(text, EXIT_ERROR, arguments)
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return _report("out of memory; use a smaller model, or --device cpu", EXIT_ERROR, arguments)
        first_line = (str(error).splitlines() or [""])[0]
        message = f"internal error: {type(error).__name__}: {first_line}; DRAGLAB_DEBUG=1 shows where, please report it"
        return _report(message, EXIT_BUG, arguments)
    if code == EXIT_INTERRUPTED:  # typer has turned a KeyboardInterrupt into this
        return _report("stopped", EXIT_INTERRUPTED, arguments)
    return code if isinstance(code, int) else 0


def run() -> None:
    """Entry point of the `draglab` script."""
    sys.exit(main())


def _report(message: str, code: int, arguments: Sequence[str]) -> int:
    if os.environ.get("DRAGLAB_DEBUG") == "1":
        traceback.print_exc()
    line = escape_controls(message)  # a name that somebody gave can hold anything
    if len(line) > 1000:  # an argument was that long
        line = f"{line[:500]}...{line[-500:]}"
    if "--json" in arguments:
        print(json.dumps({"error": line}))
    print(f"draglab: {line}", file=sys.stderr)
    return code


def _help_command(arguments: Sequence[str]) -> str:
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {str(group.typer_instance.info.name) for group in app.registered_groups if group.typer_instance}
    named = [argument for argument in arguments[:1] if argument in commands]
    return " ".join(["draglab", *named, "--help"])
