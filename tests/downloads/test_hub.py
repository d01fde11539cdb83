"""Models by their names on the Hugging Face Hub, from a server that speaks as much of its API as is used."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import draglab
from draglab.checkpoints import save_generator
from draglab.cli.main import main
from draglab.downloads import Stopped, pull
from draglab.downloads.checking import WrongFile
from draglab.downloads.transfer import Rules
from draglab.errors import DraglabError
from draglab.public_models.hub import HubName, find_downloaded, parse_hub_name
from tests.checkpoints.writers import write
from tests.downloads.hub_server import COMMIT, Hub, serve_hub
from tests.tiny import tiny_generator

constants = pytest.importorskip("huggingface_hub.constants", reason="huggingface_hub is not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("hub") / "tiny.safetensors"
    save_generator(tiny_generator(), path)
    return path.read_bytes()


@pytest.fixture
def hub(model: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with serve_hub() as running:
        running.files = {"tiny.safetensors": model, "README.md": b"# a model"}
        running.card = {"license": "apache-2.0"}
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        template = f"{running.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("DRAGLAB_MODELS", str(tmp_path / "models"))
        yield running


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hf:owner/repo", HubName("owner/repo")),
        ("hf:o.w-n_er/re.po@v1.0", HubName("o.w-n_er/re.po", "v1.0")),
        ("hf:owner/repo/a/b.pkl", HubName("owner/repo", None, "a/b.pkl")),
        ("hf:owner/repo@main/b.safetensors", HubName("owner/repo", "main", "b.safetensors")),
    ],
)
def test_names(text, name):
    assert parse_hub_name(text) == name
    assert str(name) == text


@pytest.mark.parametrize(
    "text",
    ["hf:", "hf:owner", "hf:/repo", "hf:owner/repo/", "hf:owner/repo/../x", "hf:../../etc/passwd", "hf:owner/repo//x",
     "hf:owner/repo@", "hf:owner/repo@../x", "hf:owner/repo/a\\..\\b", "hf:owner/repo/a\x1bb", "hf:owner/..",
     "hf:a/" + "b" * 600],
)  # fmt: skip
def test_names_that_are_none(text):
    with pytest.raises(DraglabError, match="is no name of the Hub"):
        parse_hub_name(text)


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["a.safetensors", "a.pkl", "b.pkl"], "a.safetensors"),
        (["a.safetensors", "model.safetensors"], "model.safetensors"),
        (["sub/G_ema.pkl", "README.md"], "sub/G_ema.pkl"),
        (["a.pt", "b.pkl"], None),
        (["a.safetensors", "b.safetensors"], None),
        (["README.md"], None),
        ([], None),
    ],
)
def test_safetensors_come_first_and_nothing_is_guessed(files, chosen):
    name = HubName("owner/repo")
    if chosen is not None:
        assert name.choose(files) == chosen
    else:
        with pytest.raises(DraglabError, match=r"hf:owner/repo has"):
            name.choose(files)


def test_pull_then_load(hub: Hub):
    seen: list[tuple[int, int | None]] = []
    with pytest.raises(DraglabError, match="draglab models pull hf:owner/repo"):
        draglab.load_generator("hf:owner/repo")
    assert hub.requests == []  # loading asks nobody
    path = pull("hf:owner/repo", progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == hub.files["tiny.safetensors"]
    assert seen[-1] == (len(hub.files["tiny.safetensors"]),) * 2
    generator = draglab.load_generator("hf:owner/repo")
    assert generator.name == "hf:owner/repo"
    assert generator.sha256 == tiny_generator().sha256
    for name in ("hf:owner/repo/tiny.safetensors", "hf:owner/repo@main", f"hf:owner/repo@{COMMIT}"):
        assert draglab.load_generator(name).name == name
    asked = len(hub.requests)
    assert pull("hf:owner/repo") == path
    assert len(hub.requests) == asked  # it is here already


def test_a_pickle_goes_through_draglabs_reader(hub: Hub, tmp_path: Path):
    hub.files = {"G.pkl": write(tmp_path / "G.pkl", tiny_generator()).read_bytes()}
    pull("hf:owner/repo")
    assert draglab.load_generator("hf:owner/repo").sha256 == tiny_generator().sha256


def test_a_pickle_that_would_run_something_is_refused(hub: Hub, capsys):
    hub.files = {"evil.pkl": b"cos\nsystem\n(S'touch run'\ntR."}
    assert main(["models", "pull", "hf:owner/repo"]) == 2
    assert "hf:owner/repo was downloaded, but cannot be used" in capsys.readouterr().err
    with pytest.raises(DraglabError):
        draglab.load_generator("hf:owner/repo")
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({}, "states no licence"),
        ({"license": "other", "license_name": "nvidia-nc", "license_link": "https://example.org/l"}, "nvidia-nc"),
        ({"license": "cc-by-nc-4.0"}, "cc-by-nc-4.0"),
        ({"license": "a\x1b[31mb" + "c" * 5000}, r"a\x1b"),
    ],
)
def test_a_licence_that_restricts_is_accepted_first(hub: Hub, card, said, capsys, monkeypatch, tmp_path):
    hub.card = card
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(DraglabError, match="has a licence to accept first") as error:
        pull("hf:owner/repo")
    assert said in str(error.value)
    assert "\x1b" not in str(error.value)
    assert len(str(error.value)) < 1000
    assert main(["models", "pull", "hf:owner/repo"]) == 2  # nobody is there to ask
    assert find_downloaded(HubName("owner/repo")) is None
    assert not [request for request in hub.requests if "resolve" in request]
    capsys.readouterr()
    assert main(["models", "pull", "hf:owner/repo", "--accept-licence"]) == 0
    told = capsys.readouterr()
    assert said in told.err
    assert Path(told.out.strip()).is_file()
    assert len(list((tmp_path / "models").glob("licence-*.txt"))) == 1


def test_a_free_licence_is_shown_and_needs_no_consent(hub: Hub, capsys):
    assert main(["models", "pull", "hf:owner/repo"]) == 0
    assert "apache-2.0" in capsys.readouterr().err


def test_another_file_than_listed_is_deleted(hub: Hub):
    hub.sha256 = {"tiny.safetensors": "ab" * 32}
    with pytest.raises(WrongFile, match="is not the file that the Hub lists"):
        pull("hf:owner/repo")
    assert find_downloaded(HubName("owner/repo")) is None


def test_a_broken_connection_is_continued(hub: Hub):
    hub.cut = 1000
    assert pull("hf:owner/repo").read_bytes() == hub.files["tiny.safetensors"]


def test_a_file_too_large_is_not_downloaded(hub: Hub):
    hub.sizes = {"tiny.safetensors": 1 << 40}
    with pytest.raises(DraglabError, match="no model that draglab opens is of that size"):
        pull("hf:owner/repo", rules=Rules(limit=1 << 30))
    assert not [request for request in hub.requests if "resolve" in request]


def test_a_file_larger_than_listed_ends_the_download(hub: Hub):
    hub.sizes = {"tiny.safetensors": 1000}
    with pytest.raises(WrongFile, match="more than the 1000 bytes"):
        pull("hf:owner/repo")
    assert find_downloaded(HubName("owner/repo")) is None


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("hf:owner/repo", (403, "GatedRepo"), "is given to those who ask"),
        ("hf:owner/repo", (404, "RepoNotFound"), "there is no model hf:owner/repo, or it is private"),
        ("hf:owner/other", None, "there is no model hf:owner/other, or it is private"),
        ("hf:owner/repo@v9", None, "owner/repo has no revision 'v9'"),
        ("hf:owner/repo/none.pkl", None, "has no file 'none.pkl'; there is README.md, tiny.safetensors"),
        ("hf:owner/repo", (418, ""), "the Hub answered for hf:owner/repo"),
    ],
)
def test_what_the_hub_refuses(hub: Hub, name, error, message):
    hub.error = error
    with pytest.raises(DraglabError, match=message) as raised:
        pull(name)
    assert "\n" not in str(raised.value)


def test_no_connection(hub: Hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DraglabError, match=r"no connection to http://127\.0\.0\.1:9"):
        pull("hf:owner/repo")


def test_it_can_be_stopped(hub: Hub):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        pull("hf:owner/repo", stop=stop)
    assert find_downloaded(HubName("owner/repo")) is None


def test_without_huggingface_hub(hub: Hub, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for use in (pull, draglab.load_generator):
        with pytest.raises(DraglabError, match=r"pip install 'draglab\[hub\]'"):
            use("hf:owner/repo")


def test_as_a_user_sets_it_up(hub: Hub, tmp_path: Path):
    """The environment variables of huggingface_hub, and none of the patches above."""
    own = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "DRAGLAB_MODELS": str(tmp_path / "m"),
        "no_proxy": "*",
    }
    call = [sys.executable, "-m", "draglab"]
    pulled = subprocess.run(
        [*call, "models", "pull", "hf:owner/repo"], env=os.environ | own, capture_output=True, text=True
    )
    assert pulled.returncode == 0, pulled.stderr
    assert str(tmp_path / "home") in pulled.stdout
    command = [*call, "generate", "--seed", "1", "--model", "hf:owner/repo", "-o", str(tmp_path / "one.png"), "--json"]
    made = subprocess.run(command, env=os.environ | own | {"HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "one.png").stat().st_size > 0
