"""docs/responsible-use.md: its program and its commands run, and its names are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from draglab.cli.main import main
from draglab.cli.verify import EXIT_CODES
from draglab.media.provenance import switches
from draglab.media.provenance.origin import SOURCES, Source
from tests.media.provenance.certificates import write_chain
from tests.provenance import accepted

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "responsible-use.md").read_text(encoding="utf-8")


def test_its_program_runs(tmp_path, monkeypatch, signing):
    monkeypatch.chdir(tmp_path)
    programs = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(programs) == 1
    exec(programs[0], {})
    assert accepted((tmp_path / "seed78.png").read_bytes(), "trainedAlgorithmicMedia").seed == 78


def test_its_commands_run(tmp_path, monkeypatch, signed, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["generate", "--seed", "78", "-o", "picture.png"]) == 0
    write_chain(tmp_path).root.rename("authorities.pem")
    (commands,) = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
    for command in commands.splitlines():
        name, *words = shlex.split(command, comments=True)
        assert name == "draglab" and main(words) == 0, command
    assert "Nothing was changed" in capsys.readouterr().out


def test_its_names_are_those_of_the_code():
    named = set(re.findall(r"`(DRAGLAB_[A-Z_]+)", TEXT))
    assert named == {switches.SIGN, switches.CERTIFICATE, switches.KEY, switches.MARK}
    assert SOURCES.removeprefix("http:") in TEXT
    for term in Source.__args__:
        assert f"`{term}`" in TEXT
    for code in set(EXIT_CODES.values()) - {0}:
        assert f"; {code}, " in TEXT
