import json
import re
from pathlib import Path

import pytest

from draglab.cli.main import main
from draglab.errors import DraglabError
from draglab.server.limits import Limits
from draglab.server.tokens import FILE_BYTES, TokenFile, hash_of
from tests.server.drag_requests import ENDLESS, ROUND, refused

ENTRY = '[tokens.{name}]\nsha256 = "{hash}"\n{more}\n'


def entry(name: str, more: str = "") -> str:
    return ENTRY.format(name=name, hash=hash_of(f"{name}-token"), more=more)


@pytest.fixture
def named(start, tmp_path):
    file = tmp_path / "tokens.toml"
    more = "limits = { drags_waiting_per_person = 1, drags_per_person = 1, points = 1, drag_steps = 20 }"
    file.write_text(entry("farm", more) + entry("studio") + entry("watch", 'may = ["metrics"]'))
    return start(tokens=file)


def ask(server, name: str, method: str, path: str, content=None):
    body = None if content is None else json.dumps(content).encode()
    return server.request(method, path, body, authorization=f"Bearer {name}-token", cookie="draglab_person=x")


def test_a_named_token_has_its_own_drags_and_limits(named):
    drag = {**ENDLESS, "settings": {**ENDLESS["settings"], "max_steps": 20}}
    answers = [ask(named, "farm", "POST", "/api/v1/drags", drag) for _ in range(6)]
    assert answers[0].status == answers[1].status == 201
    late = next(answer for answer in answers if answer.status == 429)
    refused(late, "drags_waiting_per_person")
    name = answers[0].json()["id"]
    assert ask(named, "farm", "GET", f"/api/v1/drags/{name}").status == 200
    # Neither another token nor the page's owns it.
    assert ask(named, "studio", "GET", f"/api/v1/drags/{name}").status == 404
    assert named.api("GET", f"/drags/{name}").status == 404
    assert [ask(named, "studio", "POST", "/api/v1/drags", ENDLESS).status for _ in range(6)] == [201] * 6
    for answer in answers:
        if answer.status == 201:
            ask(named, "farm", "DELETE", f"/api/v1/drags/{answer.json()['id']}")
    for changes, limit in (
        ({"points": [*ROUND["points"], {"handle": [20, 9], "target": [22, 9]}]}, "points"),
        ({"settings": {"max_steps": 21}}, "drag_steps"),
    ):
        content = {**drag, **changes}
        assert f"'{limit}'" in ask(named, "farm", "POST", "/api/v1/drags", content).json()["error"]
        assert ask(named, "studio", "POST", "/api/v1/drags", content).status == 201


def test_a_named_token_opens_nothing_but_what_it_is_for(named):
    for path in ("/api/v1/models", "/api/v1/drags"):
        assert ask(named, "watch", "GET", path).status == 403
        assert ask(named, "nobody", "GET", path).status == 401
        assert ask(named, "farm", "GET", path).status == 200
    assert [ask(named, name, "GET", "/metrics").status for name in ("watch", "farm", "nobody")] == [200, 403, 401]
    assert ask(named, "farm", "POST", "/upload/edit", {}).status == 401
    assert named.request("GET", "/?token=farm-token").status == 403
    assert named.request("GET", "/").status == 403, "with tokens of programs, the page is not open to everybody"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[tokens", "not TOML"),
        ("\xff", "not TOML"),
        ("", "tokens"),
        ('[tokens.a]\nsha256 = "abc"', "sha256"),
        (entry("a b".replace(" ", '" b"')), "TOML"),
        ('[tokens."a b"]\nsha256 = "' + "0" * 64 + '"', "tokens"),
        (entry("a", 'may = ["everything"]'), "may"),
        (entry("a", "limits = { clients = 3 }"), "there is no limit 'clients'"),
        (entry("a", "limits = { points = -1 }"), "above 0"),
        (entry("a", "limits = { points = true }"), "limits"),
        (entry("a", "surprise = 1"), "surprise"),
        (entry("a") + entry("a").replace(".a]", ".b]"), "the same"),
        ("#" * (FILE_BYTES + 1), "larger"),
        (None, "there is no file of tokens"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path, text, word):
    file = tmp_path / "tokens.toml"
    if text is not None:
        file.write_bytes(text.encode("latin-1"))
    with pytest.raises(DraglabError, match=re.escape(word)) as caught:
        TokenFile(file, Limits())
    assert "\n" not in str(caught.value)


def test_the_command_makes_a_token_and_its_entry(tmp_path, capsys):
    assert main(["token", "farm"]) == 0
    text = capsys.readouterr().out
    token = re.search(r"once: (\S+)", text)
    assert token is not None
    file = tmp_path / "tokens.toml"
    assert main(["token", "watch", "--metrics"]) == 0
    file.write_text(text + capsys.readouterr().out)
    found = TokenFile(file, Limits(points=7))
    made = found.find(token.group(1))
    assert made is not None and (made.name, made.may, made.limits.points) == ("farm", {"drags"}, 7)
    watch = found.named("watch")
    assert watch is not None and watch.may == {"metrics"}
    assert token.group(1) not in [line for line in text.splitlines() if not line.startswith("#")][1]
    assert main(["token", "a b"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_file_of_the_documentation_is_read(tmp_path):
    page = Path(__file__).resolve().parents[2] / "docs" / "server.md"
    (shown,) = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "tokens.toml"
    file.write_text(shown)
    known = TokenFile(file, Limits())
    farm, monitoring = known.named("render-farm"), known.named("monitoring")
    assert farm is not None and farm.limits.drags_waiting_per_person == 200
    assert monitoring is not None and monitoring.may == {"metrics"}
