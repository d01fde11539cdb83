"""Every command and every piece of code in the README and on the site, run as printed in an empty folder.

What another test runs says which; of what is not run, the reason is beside it, and commands and imports are checked.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from draglab.checkpoints import save_generator
from draglab.cli.main import app, main
from tests.checkpoints.writers import write
from tests.site.blocks import DOCS, Block, blocks
from tests.tiny import tiny_generator

REPOSITORY = DOCS.parent
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
GIVEN: dict[str, Callable[[Path], object]] = {
    "network-snapshot.pkl": lambda path: write(path, tiny_generator()),
    "mine.safetensors": lambda path: save_generator(tiny_generator(), path),
}
"""Files that pages take for granted -> what makes them."""
PORT = "8765"
RUN = {"bash", "python", "json"}


def elsewhere(block: Block) -> bool:
    """Whether the test of the whole page skips a block: another test runs it, or it says why nobody does."""
    return bool(block.not_run or block.run_by or block.quoted_from)


RUNNING = [page for page in PAGES if not all(map(elsewhere, blocks(page)))]


@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_runs_as_printed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    for folder in ("DATA", "MODELS", "STATISTICS"):
        monkeypatch.setenv(f"DRAGLAB_{folder}", str(tmp_path / folder.lower()))
    port = free_port()
    names: dict[str, object] = {"__name__": "__main__"}
    with running_servers() as start:
        for block in blocks(page):
            if elsewhere(block):
                continue
            where = f"{page.name}:{block.line}"
            code = block.code.replace(PORT, port)
            if block.given:
                GIVEN[block.given](tmp_path / block.given)
            if block.language == "bash":
                for command in block.commands:
                    run_command(command.replace(PORT, port), where, start)
            elif block.title and "--8<--" in code:
                for included in re.findall(r'--8<-- "([^"]+)"', code):
                    assert (REPOSITORY / included).is_file(), f"{where}: there is no {included}"
            elif block.title:
                Path(block.title).write_text(code)
            elif block.language == "json":
                for text in code.splitlines() if code.startswith('{"') else [code]:
                    json.loads(text)
            elif block.language == "python":
                exec(compile("\n" * block.line + code, page.name, "exec"), names)


def run_command(command: str, where: str, start: Callable[[list[str], dict[str, str]], None]) -> None:
    """Run a line of a shell: draglab in this process, everything else in one of its own."""
    words = shlex.split(command, comments=True)
    variables = {}
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if words[:2] == ["draglab", "edit"]:
        start(words[1:], variables)
    elif words[0] == "draglab":
        assert main(words[1:]) == 0, f"{where}: {command}"
    elif words[0] == "python":
        ran = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0, f"{where}: {command}: {ran.stderr}"
    elif words[0] == "curl":
        if shutil.which("curl"):
            ran = subprocess.run([*words, "--fail"], capture_output=True, timeout=60)
            assert ran.returncode == 0, f"{where}: {command}: {ran.stderr!r}"
    else:
        raise AssertionError(f"{where}: nobody runs {words[0]}: mark the block <!-- not run: why -->")


@contextmanager
def running_servers() -> Iterator[Callable[[list[str], dict[str, str]], None]]:
    """Yield what starts `draglab edit`; the block's end ends it."""
    processes: list[subprocess.Popen[str]] = []

    def start(arguments: list[str], variables: dict[str, str]) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "draglab", *arguments], env=os.environ | variables, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        port = arguments[arguments.index("--port") + 1]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"draglab {' '.join(arguments)} did not start")

    try:
        yield start
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


ALL = [(page, block) for page in PAGES for block in blocks(page)]


def test_every_block_is_run_or_says_why_not() -> None:
    for page, block in ALL:
        where = f"{page.name}:{block.line}"
        if block.not_run:
            assert len(block.not_run.split()) >= 2, where
        elif block.run_by:
            # The test reads this very page.
            assert page.name in (REPOSITORY / block.run_by).read_text(encoding="utf-8"), where
        elif block.quoted_from:
            source = (REPOSITORY / block.quoted_from).read_text(encoding="utf-8")
            lines = [line.split("#")[0].strip() for line in block.code.splitlines()]
            assert all(line in source for line in lines), where
        else:
            assert block.language in RUN, f"{where}: nobody runs {block.language or 'a block without a language'}"


def test_most_is_run() -> None:
    tutorials = [block for page, block in ALL if page.parent.name == "tutorials"]
    assert sum(not block.not_run for block in tutorials) >= 0.85 * len(tutorials)


NOT_RUN = [(page, block) for page, block in ALL if block.not_run]


@pytest.mark.parametrize(("page", "block"), NOT_RUN, ids=[f"{page.name}:{block.line}" for page, block in NOT_RUN])
def test_what_is_not_run_is_right_as_far_as_can_be_seen(page: Path, block: Block) -> None:
    if block.language == "bash":
        for command in block.commands:
            words = shlex.split(command, comments=True)
            if words[0] == "draglab":
                parse_command(words[1:])
            elif words[:2] == ["python", "-m"] and words[2].split(".")[0] in ("benchmarks", "release", "tests"):
                assert importlib.util.find_spec(words[2]) is not None, command
            elif words[0] == "make":
                assert re.search(rf"^{words[1]}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE), command
    elif block.language == "python":
        for node in ast.walk(ast.parse(block.code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("draglab"):
                module = importlib.import_module(node.module or "")
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def parse_command(words: list[str]) -> None:
    """Parse what follows `draglab` as its command line does, and run nothing; unknown names and options raise."""
    command: Any = get_command(app)
    name = "draglab"
    while words and (commands := getattr(command, "commands", None)) and not words[0].startswith("-"):
        name, *words = words
        command = commands[name]
    if not hasattr(command, "commands"):
        command.make_context(name, words)
        return
    # A group's own options act when they are parsed: --install-completion changes files.
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(words) <= known, f"draglab has no {set(words) - known}"


@pytest.mark.parametrize(
    "wrong", [["nothing"], ["models", "nothing"], ["drag", "--nothing"], ["--nothing"], ["batch", "a.jsonl"]]
)
def test_a_wrong_command_is_found(wrong: list[str]) -> None:
    with pytest.raises(Exception, match=r"nothing|[Mm]issing"):
        parse_command(wrong)


def test_blocks_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "a\n```bash\ndraglab a \\\n  b\n# no\n```\n"
        '<!-- not run: it is dark -->\n```python title="x.py"\n1\n```\n```\nplain\n```\n'
    )
    assert blocks(page) == [
        Block(2, "bash", "draglab a \\\n  b\n# no\n", "", "", "", "", ""),
        Block(8, "python", "1\n", "x.py", "it is dark", "", "", ""),
        Block(11, "", "plain\n", "", "", "", "", ""),
    ]
    assert blocks(page)[0].commands == ["draglab a    b"]
