"""The proxy configuration of docs/server.md, with a real nginx."""

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.server.drag_requests import ENDLESS, TOKEN
from tests.server.running_server import wait_for

DOCS = Path(__file__).parents[2] / "docs" / "server.md"
NAME = "draglab.example.org"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""

pytestmark = pytest.mark.skipif(
    NGINX is None or shutil.which("openssl") is None, reason="nginx and openssl are needed for this"
)


@pytest.fixture
def proxied(start, tmp_path):
    """The port of an nginx before a server, and a trust in its certificate."""
    server = start(token=TOKEN, names=(NAME,))
    (site,) = re.findall(r"```nginx\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    command += ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"/etc/ssl/{NAME}.pem", str(certificate)),
        (f"/etc/ssl/{NAME}.key", str(key)),
        ("http://127.0.0.1:8765", f"http://127.0.0.1:{server.port}"),
    ):
        assert site.count(old) == 1
        site = site.replace(old, new)
    (tmp_path / "nginx.conf").write_text(MAIN.format(folder=tmp_path, site=site))
    assert NGINX is not None
    process = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
    try:
        wait_for(lambda: answers(port))
        yield port, ssl.create_default_context(cafile=str(certificate)), server
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        time.sleep(0.02)
        return False
    return True


def asking(port: int, trust: ssl.SSLContext) -> Callable[..., http.client.HTTPResponse]:
    def ask(method: str, path: str, body: str | None = None, **headers: str) -> http.client.HTTPResponse:
        secure = trust.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=NAME)
        connection = http.client.HTTPConnection(NAME, timeout=60)
        connection.sock = secure
        named = {"Host": NAME, "Authorization": f"Bearer {TOKEN}", **headers}
        connection.request(method, path, body, named)
        return connection.getresponse()

    return ask


def test_the_documented_proxy_passes_the_page_the_api_events_and_the_websocket(proxied):
    port, trust, server = proxied
    ask = asking(port, trust)
    page = ask("GET", f"/?token={TOKEN}")
    cookies = page.headers.get_all("set-cookie") or []
    assert page.status == 303 and len(cookies) == 2 and all("secure" in cookie.lower() for cookie in cookies)
    assert re.fullmatch("[0-9a-f]{32}", page.headers["x-request-id"]), "the proxy's own id"
    assert ask("GET", "/healthz").status == 200
    assert ask("GET", "/metrics").status == 404
    # Other names, and pages of other origins, stay outside.
    assert ask("GET", "/api/v1/models", Host="evil.example").status == 403
    assert ask("GET", "/api/v1/models", Origin="https://evil.example").status == 403
    assert ask("GET", "/api/v1/models", Origin=f"https://{NAME}").status == 200
    drag = json.loads(ask("POST", "/api/v1/drags", json.dumps(ENDLESS)).read())
    events = ask("GET", f"/api/v1/drags/{drag['id']}/events")
    lines = iter(events.readline, b"")
    began = time.monotonic()
    seen = [json.loads(line[6:]) for _, line in zip(range(40), lines, strict=False) if line.startswith(b"data: ")]
    # As they come, not when the stream ends.
    assert len({status["step"] for status in seen}) > 3 and time.monotonic() - began < 30
    assert json.loads(ask("DELETE", f"/api/v1/drags/{drag['id']}").read())["state"] == "cancelled"
    uri = f"wss://{NAME}/ws"
    plain = socket.create_connection(("127.0.0.1", port))
    with connect(uri, sock=plain, ssl=trust, origin=f"https://{NAME}", proxy=None) as connection:  # type: ignore[arg-type]
        connection.send(json.dumps({"type": "hello", "protocol": 1, "token": TOKEN, "height": 32}))
        assert json.loads(connection.recv(timeout=60))["type"] == "welcome"
    assert server.editor.worker.alive
