"""`draglab models`: what can be loaded by name."""

import json

from draglab.cli.arguments import Json


def models(as_json: Json = False) -> None:
    """List the bundled models."""
    from draglab.checkpoints import list_models

    rows = [
        {
            "name": entry.name,
            "resolution": entry.header.config.img_resolution,
            "parameters": entry.header.parameters,
            "bytes": entry.size,
            "licence": str(entry.header.card.get("licence", "not stated")),
        }
        for entry in list_models()
    ]
    if as_json:
        print(json.dumps({"models": rows}))
        return

    from rich.console import Console
    from rich.table import Table

    table = Table("name", "resolution", "parameters", "size", "licence")
    for row in rows:
        millions, megabytes = row["parameters"] / 1e6, row["bytes"] / 1e6
        table.add_row(
            row["name"], f"{row['resolution']} px", f"{millions:.1f} M", f"{megabytes:.1f} MB", row["licence"]
        )
    Console().print(table)
