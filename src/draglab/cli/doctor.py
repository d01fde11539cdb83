"""`draglab doctor`: whether everything that draglab needs works here, and what is missing for what."""

import json
from dataclasses import asdict

import typer

from draglab.cli.arguments import Json

EXIT_BROKEN = 2


def doctor(as_json: Json = False) -> None:
    """Check this installation: versions, devices, models, folders, browser, extras.

    Exit code 0: everything that is needed works, whatever optional is missing. 2: something that is needed does not.
    """
    from draglab.cli.checkup import examine

    findings = list(examine())
    broken = [finding for finding in findings if finding.state == "broken"]
    if as_json:
        print(json.dumps({"ok": not broken, "findings": [asdict(finding) for finding in findings]}))
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        styles = {"ok": "green", "missing": "yellow", "broken": "bold red"}
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        part = ""
        for finding in findings:
            shown = f"{finding.found}; {finding.advice}" if finding.advice else finding.found
            heading = finding.part if finding.part != part else ""
            part = finding.part
            table.add_row(
                Text(heading, "bold"), Text(finding.state, styles[finding.state]), Text(finding.name), Text(shown)
            )
        console = Console()
        console.print(table)
        if broken:
            names = ", ".join(finding.name for finding in broken)
            console.print(Text(f"needed, and does not work: {names}"), soft_wrap=True)
        else:
            console.print("everything that is needed works")
    if broken:
        raise typer.Exit(EXIT_BROKEN)
