import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.server.drag_requests import ENDLESS, SHORT, TOKEN
from tests.server.running_server import Running, wait_for


def metrics(server: Running, token: str = "") -> dict[str, float]:
    answer = server.request("GET", "/metrics", authorization=f"Bearer {token}")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.body.decode())
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_tell_of_drags_steps_sessions_memory_and_errors(start, monkeypatch):
    server = start()
    before = metrics(server)
    name = server.api("POST", "/drags", SHORT).json()["id"]
    wait_for(lambda: server.api("GET", f"/drags/{name}").json()["state"] == "finished")
    running = [server.api("POST", "/drags", ENDLESS).json()["id"] for _ in range(3)]
    with server.client() as client:
        client.begin(model="tiny", seed=1)
        wait_for(lambda: metrics(server)["draglab_step_seconds_count"] > before["draglab_step_seconds_count"] + 5)
        now = metrics(server)
    assert now["draglab_drags_total finished"] == 1 and before["draglab_drags_total finished"] == 0
    assert (now["draglab_drags_running"], now["draglab_drags_waiting"]) == (2, 1)
    assert now["draglab_step_seconds_sum"] > before["draglab_step_seconds_sum"]
    assert (now["draglab_sessions"], now["draglab_pages"]) == (1, 1) and now["draglab_models"] >= 1
    assert now["process_resident_memory_bytes"] > 10 * 2**20
    assert now["draglab_requests_total POST /api/v1/drags 201"] == 4
    server.api("GET", "/nothing/at/all")
    server.request("GET", "/wp-login.php")
    server.request("BREW", "/coffee")
    monkeypatch.setattr(server.editor.library, "models", lambda: 1 / 0)
    assert server.api("GET", "/models").status == 500
    for each in running:
        server.api("DELETE", f"/drags/{each}")
    last = metrics(server)
    assert last["draglab_errors_total"] == now["draglab_errors_total"] + 1
    assert last["draglab_drags_total cancelled"] == 3 and last["draglab_drags_running"] == 0
    text = server.request("GET", "/metrics").body.decode()
    for private in (name, "wp-login", "BREW", "tiny", "nothing"):
        assert private not in text


def test_who_may_read_the_metrics(start):
    assert start().request("GET", "/metrics").status == 200
    shared = start(token=TOKEN)
    assert shared.request("GET", "/metrics").status == 401
    assert metrics(shared, TOKEN)
    other = shared.request("GET", "/metrics", authorization=f"Bearer {TOKEN}", host="evil.example")
    assert other.status == 403


def test_a_server_lives_before_it_is_ready(start, monkeypatch):
    server = start()
    assert server.request("GET", "/healthz").json() == {"status": "ok"}
    assert server.request("GET", "/readyz").json() == {"status": "ok"}
    server.editor.ready.clear()
    assert server.request("GET", "/readyz").status == 503 and server.request("GET", "/healthz").status == 200
    server.editor.worker.close(10)
    assert server.request("GET", "/healthz").status == 503


def test_metrics_are_those_of_the_documentation(start):
    text = (Path(__file__).parents[2] / "docs" / "server.md").read_text(encoding="utf-8")
    server = start()
    server.request("GET", "/healthz")
    families = re.findall(r"^# TYPE (draglab_\w+) ", server.request("GET", "/metrics").body.decode(), re.MULTILINE)
    # When they began to count is told of each by the library.
    made = {name for name in families if not name.endswith("_created")}
    assert set(re.findall(r"^\| `(draglab_\w+)` \|", text, re.MULTILINE)) == made
