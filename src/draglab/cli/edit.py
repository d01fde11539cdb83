"""`draglab edit`: the editor in the browser."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from draglab.cli.arguments import Device


def edit(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where to listen; 8765, or another one if that is taken.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Other machines reach all but 127.0.0.1, so those need --token.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="DRAGLAB_TOKEN", show_envvar=True, help="A secret that the page's address must then contain."
        ),
    ] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Tokens of programs with limits of their own; see `draglab token`."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Name under which a proxy passes requests on, as in draglab.example.org. Repeatable."),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    models: Annotated[
        Path | None,
        typer.Option(help="Folder of model files to choose from; where `draglab models pull` keeps them if left out."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder where sessions are kept; the system's place for data if left out.")
    ] = None,
    downloads: Annotated[
        bool | None,
        typer.Option(
            "--downloads/--no-downloads",
            help="Whether people in the editor may download public models; only without --token if left out.",
        ),
    ] = None,
    device: Device = None,
    log_format: Annotated[
        Literal["text", "json"],
        typer.Option(help="text = warnings and errors, for people; json = a line for each request and drag, too."),
    ] = "text",
    limit: Annotated[
        list[str] | None, typer.Option(help="Change a limit, as in points=200; see docs/server.md. Repeatable.")
    ] = None,
) -> None:
    """Open the editor in the browser. Ctrl-C ends it; sessions are kept. SIGTERM lets what runs end first."""
    # Read when torch is loaded. Steps, pictures and the browser share the cores: who waits must not keep one busy.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from draglab.errors import DraglabError
    from draglab.server.app import Options
    from draglab.server.launcher import PORT, bind, check_access, open_browser, serve
    from draglab.server.limits import Limits
    from draglab.server.security import new_token

    limits = Limits().changed(limit or [])
    if token is None and tokens is not None:
        # With tokens of programs, the page is not open to everybody either.
        token = new_token()
    check_access(host, token, name or ())
    if models is not None and not models.is_dir():
        raise DraglabError(f"there is no folder {models}: give --models a folder of model files")
    options = Options(
        host=host,
        names=tuple(name or ()),
        token=token,
        tokens=tokens,
        models=models,
        device=device,
        data=data,
        limits=limits,
        downloads=downloads,
        log_format=log_format,
    )
    listener = bind(host, port)
    options = replace(options, port=listener.getsockname()[1])

    def started(url: str, once: str) -> None:
        if port is None and options.port != PORT:
            print(f"port {PORT} is taken, so this is {options.port}")
        # What keeps logs must not keep the token.
        print(f"draglab is at {url if log_format == 'text' else url.partition('?')[0]}")
        print("Ctrl-C ends it", flush=True)
        if browser:
            open_browser(once)

    serve(options, listener, started)
    print("draglab has ended; sessions are kept", flush=True)
    sys.stderr.flush()
    # Everything is saved and closed; unloading torch would take another second.
    os._exit(0)
