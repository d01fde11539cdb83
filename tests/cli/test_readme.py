"""The README's commands, run as they are printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
NOT_HERE = ("draglab edit", "draglab models pull")
"""They open a browser and download."""


def commands() -> list[str]:
    """Of the section on the command line."""
    section = re.search(r"^## Command line\n(.*?)^## ", README.read_text(), re.MULTILINE | re.DOTALL)
    assert section is not None
    blocks = re.findall(r"^```bash\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip()]


def test_every_command_can_be_run_as_printed(draglab):
    found = commands()
    Path("edits.jsonl").write_text('{"seed": 78, "handles": [[93, 125]], "targets": [[118, 125]]}\n')
    assert len(found) >= 7
    for command in found:
        words = shlex.split(command, comments=True)
        assert words[0] == "draglab"
        if command.startswith(NOT_HERE):
            continue
        ran = draglab(*words[1:])
        assert ran.code == 0, f"{command}: {ran.err}"
        for option in ("-o", "--video", "--save"):
            if option in words:
                assert Path(words[words.index(option) + 1]).stat().st_size > 0, command
