import re
import socket
import time
from urllib.parse import quote

import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus

from draglab.errors import DraglabError
from draglab.server.limits import Limits
from draglab.server.security import HEADER_BYTES, Access, Guard, is_loopback, read_cookies
from tests.server.running_server import Running

TOKEN = "a-token-of-a-person"
REQUESTS = [
    ("GET", "/"),
    ("GET", "/static/favicon.svg"),
    ("GET", "/exports/abc"),
    ("GET", "/api/v1/models"),
    ("POST", "/api/v1/drags"),
    ("DELETE", "/api/v1/drags/abc"),
    ("POST", "/upload/edit"),
]
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "192.168.1.5",
]
OUR_HOSTS = ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:{port}", "localhost:9000"]
FOREIGN_ORIGINS = [
    "null",
    "http://evil.example",
    "https://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost:{port}",
    "",
]


@pytest.fixture(scope="module")
def shared(models, tmp_path_factory):
    from draglab.server.app import Options
    from tests.server.running_server import running

    with running(Options(models=models, data=tmp_path_factory.mktemp("data"), token=TOKEN)) as one:
        yield one


@pytest.mark.parametrize("host", [*FOREIGN_HOSTS, "", "127.0.0.1:x", "127.0.0.1:80:80"])
@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_another_host_is_refused(server, method, path, host):
    answer = server.request(method, path, host=host.format(port=server.port), authorization=f"Bearer {server.token}")
    assert answer.status == 403
    assert server.token not in answer.body.decode()


@pytest.mark.parametrize("host", OUR_HOSTS)
def test_our_names_are_taken(server, host):
    assert server.request("GET", "/", host=host.format(port=server.port)).status == 200


def test_a_name_of_a_proxy_is_taken_and_others_are_not(start):
    proxied = start(token="a-token-of-a-person", names=("draglab.Example.org",))
    statuses = {
        host: proxied.request("GET", "/healthz", host=host).status
        for host in (
            "draglab.example.org",
            "draglab.example.org:443",
            "localhost",
            "example.org",
            "x.draglab.example.org",
        )
    }
    assert [*statuses.values()] == [200, 200, 200, 403, 403]
    origin = {"host": "draglab.example.org", "origin": "https://draglab.example.org"}
    assert proxied.request("GET", "/healthz", **origin).status == 200
    assert proxied.request("GET", "/healthz", **{**origin, "origin": "https://example.org"}).status == 403


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_another_origin_is_refused(server, method, path, origin):
    headers = {"origin": origin.format(port=server.port), "authorization": f"Bearer {server.token}"}
    assert server.request(method, path, **headers).status == 403


def test_our_own_origin_is_taken(server):
    headers = {"origin": f"http://127.0.0.1:{server.port}", "authorization": f"Bearer {server.token}"}
    assert server.request("GET", "/api/v1/models", **headers).status == 200


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_websocket_of_another_origin_is_refused(server, origin):
    with pytest.raises(InvalidStatus) as caught, server.websocket({"Origin": origin.format(port=server.port)}):
        pass
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_websocket_of_another_host_is_refused(server, host):
    with pytest.raises(InvalidStatus) as caught, server.websocket({}, called=host.format(port=server.port)):
        pass
    assert caught.value.response.status_code == 403


def test_a_websocket_of_our_page_is_taken(server):
    headers = {"Origin": f"http://127.0.0.1:{server.port}"}
    with server.websocket(headers):
        pass


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Basic {token}", "{token}", "Bearer {token}x"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/models"),
        ("GET", "/api/v1/openapi.json"),
        ("POST", "/api/v1/generate"),
        ("POST", "/api/v1/drags"),
        ("GET", "/api/v1/drags/abc"),
        ("DELETE", "/api/v1/drags/abc"),
        ("GET", "/api/v1/drags/abc/image"),
        ("GET", "/api/v1/drags/abc/edit"),
        ("GET", "/api/v1/drags/abc/events"),
        ("GET", "/api/v1/drags"),
        ("POST", "/api/v1/edits"),
        ("POST", "/upload/edit"),
        ("GET", "/exports/abc"),
        ("GET", "/thumbnails/abc/1"),
    ],
)
def test_without_the_token_nothing_is_done(server, method, path, authorization):
    answer = server.request(method, path, b"{}", authorization=authorization.format(token=server.token))
    assert answer.status == 401
    assert "error" in answer.json()


@pytest.mark.parametrize("token", ["", "x", "null"])
def test_a_websocket_without_the_token_is_closed(server, token):
    with server.client(hello=False) as client:
        client.send("hello", protocol=1, token=token, height=32)
        message = client.next()
        assert message["type"] == "error" and message["fatal"]
        assert "token" in message["message"]


def test_the_page_holds_the_token_and_is_kept_to_itself(server):
    page = server.request("GET", "/")
    assert page.body.decode().count(server.token) == 1
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert "access-control-allow-origin" not in page.headers
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and server.token not in cookie


def test_the_page_has_nothing_inline_that_its_policy_forbids(server):
    page = server.request("GET", "/").body.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=|javascript:", page)


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static//etc/passwd", "/static/..%5capp.py", "/static/"]
)
def test_static_files_are_those_of_the_folder(server, path):
    assert server.request("GET", path).status in (404, 405)


def test_static_files_are_asked_for_again(server):
    answer = server.request("GET", "/static/favicon.svg")
    assert answer.status == 200 and answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("image/svg+xml")
    again = server.request("GET", "/static/favicon.svg", if_none_match=answer.headers["etag"])
    assert again.status == 304


def test_a_shared_page_needs_the_token_once(shared: Running):
    for path in ("/", "/?token=", "/?token=another-token-of-a-person"):
        answer = shared.request("GET", path)
        assert answer.status == 403 and TOKEN not in answer.body.decode()
    entry = shared.request("GET", f"/?token={TOKEN}")
    assert entry.status == 303 and entry.headers["location"] == "/"
    assert TOKEN not in str(entry.headers)
    cookie = f"draglab_pass_{shared.port}={shared.editor.access.pass_cookie()}"
    assert TOKEN in shared.request("GET", "/", cookie=cookie).body.decode()
    assert shared.request("GET", "/", cookie=cookie + "0").status == 403


def test_a_code_lets_one_browser_in_once(shared: Running, monkeypatch):
    access = shared.editor.access
    code = access.new_code()
    assert TOKEN not in code and len(code) >= 32
    assert shared.request("HEAD", f"/?code={code}").status == 403
    for wrong in ("", "x", code[:-1], "ä"):
        assert shared.request("GET", f"/?code={quote(wrong)}").status == 403
    entry = shared.request("GET", f"/?code={code}", cookie="draglab_person=anna")
    assert entry.status == 303 and access.pass_cookie() in entry.headers["set-cookie"]
    assert shared.request("GET", f"/?code={code}").status == 403
    first, second = access.new_code(), access.new_code()
    assert not access.use_code(first) and access.use_code(second), "only the last one is good"
    monkeypatch.setattr("draglab.server.security.CODE_SECONDS", -1.0)
    assert not access.use_code(access.new_code()), "it is too late"


def test_without_a_code_none_is_good():
    assert not any(Access(TOKEN).use_code(given) for given in (None, "", "x"))


def test_people_who_share_a_server_do_not_see_each_other(shared: Running):
    anna, bert = "draglab_person=anna", "draglab_person=bert"
    with shared.client(cookie=anna) as client:
        name = client.begin(model="tiny", seed=1)
    with shared.client(cookie=bert) as client:
        assert client.received[-1]["sessions"] == []
        for request in ("open_session", "forget_session"):
            client.send(request, session=name, id=5)
            error = client.next()
            assert (error["type"], error["id"]) == ("error", 5), request
    with shared.client(cookie=anna) as client:
        assert [one["id"] for one in client.received[-1]["sessions"]] == [name]


def test_browsers_of_one_machine_are_one_person(server):
    with server.client(cookie="draglab_person=anna") as client:
        name = client.begin(model="tiny", seed=1)
    with server.client(cookie="draglab_person=bert") as client:
        assert name in [one["id"] for one in client.received[-1]["sessions"]]


@pytest.mark.parametrize("token", ["", "short", "with space in the middle", "with&sign-in-the-middle", "ä" * 20])
def test_a_token_must_be_long_and_plain(token):
    with pytest.raises(DraglabError, match="--token"):
        Access(token)


def test_each_launch_has_a_token_of_its_own():
    assert Access().token != Access().token
    assert len(Access().token) >= 32


def test_loopback():
    assert all(is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "127.1.2.3"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.2", "example.org", ""))


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("192.168.1.5:8765", True),
        ("[fe80::1]:8765", True),
        ("box.lan", True),
        ("localhost", True),
        ("evil.example", False),
    ],
)
def test_a_server_for_others_is_called_by_number_or_by_its_name(host, taken):
    guard = Guard(lambda *arguments: None, "box.lan")  # pyright: ignore[reportArgumentType]
    assert (guard._problem([(b"host", host.encode())]) is None) == taken


def test_another_address_of_this_machine_is_called_by_its_number():
    guard = Guard(lambda *arguments: None, "127.0.0.2")  # pyright: ignore[reportArgumentType]
    for host, taken in (("127.0.0.2:8765", True), ("localhost", True), ("127.0.0.3", False), ("192.168.1.5", False)):
        assert (guard._problem([(b"host", host.encode())]) is None) == taken


def test_limits_by_name():
    assert Limits().changed(["points=5", "frame_rate=2.5"]) == Limits(points=5, frame_rate=2.5)
    for text in (
        "points",
        "points=",
        "points=0",
        "points=-1",
        "points=1.5",
        "points=nan",
        "colour=5",
        "frame_rate=inf",
    ):
        with pytest.raises(DraglabError):
            Limits().changed([text])


def test_cookies_are_read_as_they_stand():
    headers = Headers({"cookie": 'a=1; b="x=y"; draglab_person=abc;c; ; =d; a=2'})
    assert read_cookies(headers) == {"a": "1", "b": '"x=y"', "draglab_person": "abc", "": "d"}
    assert read_cookies(Headers({})) == {}


def test_quoted_cookies_take_no_time():
    """http.cookies takes six seconds for these."""
    before = time.process_time()
    read_cookies(Headers({"cookie": 'a="' + "\\\\" * 29_000 + '"'}))
    assert time.process_time() - before < 0.5


@pytest.mark.parametrize("headers", [{"cookie": "a" * HEADER_BYTES}, {f"x_{n}": "a" * 300 for n in range(60)}])
def test_large_headers_are_refused(server, headers):
    assert server.request("GET", "/", **headers).status in (400, 431)
    with pytest.raises(InvalidStatus) as caught, server.websocket({k.title(): v for k, v in headers.items()}):
        pass
    assert caught.value.response.status_code in (400, 431)


def test_headers_without_an_end_are_not_collected(server):
    with socket.create_connection((server.address, server.port), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: " + b"a" * (2 * HEADER_BYTES))
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
