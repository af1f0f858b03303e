"""Who is refused at the gate, and with which words."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import security
from app.people import COOKIE, LOCAL_PERSON, person_of
from app.security import AllowedHosts, Gate
from app.settings import Settings
from tests.serving import Exchangeable, served


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} bytes")(scope, receive, send)


def gate(app: ASGIApp = echo, **settings: Any) -> Gate:
    chosen = Settings(data_dir=Path("unused"), max_upload_mb=1, **settings)
    return Gate(app, chosen, AllowedHosts(chosen))


def ask(gate: Gate, method: str = "GET", path: str = "/", **options: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://127.0.0.1:7860") as client:
            return await client.request(method, path, **options)

    return asyncio.run(go())


def test_the_own_page_gets_in_and_is_told_to_load_nothing_from_elsewhere() -> None:
    answer = ask(gate(), headers={"Origin": "http://127.0.0.1:7860"})
    assert answer.text == "0 bytes"
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert "http" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.168.1.5:7860"},
        {"Host": "["},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    ],
    ids=lambda headers: str(headers),
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_foreign_hosts_and_pages_get_403_and_a_sentence(method: str, headers: dict[str, str]) -> None:
    answer = ask(gate(), method, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"].endswith(".")


def test_a_link_from_another_page_may_be_followed() -> None:
    assert ask(gate(), headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST"])
def test_every_name_of_this_machine_is_its_own(host: str) -> None:
    assert ask(gate(), headers={"Host": host}).status_code == 200


def test_listening_for_others_lets_addresses_and_the_machines_name_in_but_no_other_name() -> None:
    open_gate = gate(host="0.0.0.0")
    for host in ("192.168.1.5:7860", "[fe80::1]:7860", socket.gethostname()):
        assert ask(open_gate, headers={"Host": host}).status_code == 200
    assert ask(open_gate, headers={"Host": "rebound.evil.example"}).status_code == 403


def test_the_tunnels_name_gets_in_once_it_is_known() -> None:
    settings = Settings(data_dir=Path("unused"), share=True)
    hosts = AllowedHosts(settings)
    shared = Gate(echo, settings, hosts)
    assert ask(shared, headers={"Host": "abc.gradio.live"}).status_code == 403
    hosts.add("abc.gradio.live")
    assert ask(shared, headers={"Host": "abc.gradio.live", "Origin": "https://abc.gradio.live"}).status_code == 200


def test_a_body_may_be_as_long_as_agreed_and_not_longer() -> None:
    most = security.UPLOADS_PER_REQUEST * 2**20
    assert ask(gate(), "POST", content=b"x" * most).text == f"{most} bytes"
    refused = ask(gate(), "POST", content=b"x" * (most + 1))
    assert refused.status_code == 413
    assert "1 MB" in refused.json()["error"]["message"]


def test_a_body_without_a_stated_length_is_counted() -> None:
    seen = 0

    async def endless() -> Any:
        nonlocal seen
        while True:
            seen += 2**18
            yield b"x" * 2**18

    assert ask(gate(), "POST", content=endless()).status_code == 413
    assert seen <= security.UPLOADS_PER_REQUEST * 2**20 + 9 * 2**20


def test_an_application_that_hides_the_refusal_does_not_hide_it() -> None:
    """As form parsers do, which make a 400 of whatever they meet."""

    async def hiding(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await echo(scope, receive, send)
        except Exception:
            await PlainTextResponse("could not parse", 400)(scope, receive, send)

    async def endless() -> Any:
        while True:
            yield b"x" * 2**18

    assert ask(gate(hiding), "POST", content=endless()).status_code == 413


def test_a_fault_of_the_program_is_answered_without_its_details() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError("/secret/path")

    answer = ask(gate(broken))
    assert answer.status_code == 500
    assert "log file" in answer.json()["error"]["message"]
    assert "secret" not in answer.text


@pytest.mark.parametrize("length", ["-1", "many", ""])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    assert ask(gate(), "POST", headers={"Content-Length": length}).status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "_BODY_PATIENCE_S", 0.05)
    sent: list[Message] = []

    async def never() -> Message:
        await asyncio.sleep(60)
        raise AssertionError("nobody waits this long")

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [(b"host", b"localhost")]}
    asyncio.run(gate()(scope, never, send))
    assert sent[0]["status"] == 408


def test_alone_on_this_machine_everybody_is_one_person_and_gets_no_cookie() -> None:
    assert "set-cookie" not in ask(gate()).headers
    assert person_of({COOKIE: "0" * 32}, is_exposed=False) == LOCAL_PERSON


def test_once_others_can_come_each_browser_is_a_person_of_its_own() -> None:
    first = ask(gate(host="0.0.0.0"))
    cookie = first.cookies[COOKIE]
    assert "httponly" in first.headers["set-cookie"].lower()
    assert "samesite=lax" in first.headers["set-cookie"].lower()
    assert person_of({COOKIE: cookie}, is_exposed=True) == cookie
    again = ask(gate(host="0.0.0.0"), headers={"Cookie": f"{COOKIE}={cookie}"})
    assert "set-cookie" not in again.headers
    assert ask(gate(host="0.0.0.0")).cookies[COOKIE] != cookie


@pytest.mark.parametrize("cookie", ["", "local", "../../x", "0" * 31])
def test_a_made_up_cookie_is_nobody(cookie: str) -> None:
    person = person_of({COOKIE: cookie}, is_exposed=True)
    assert person not in (cookie, LOCAL_PERSON)
    assert ask(gate(share=True), headers={"Cookie": f"{COOKIE}={cookie}"}).cookies[COOKIE] not in ("", cookie)


# --- the whole program, over a real connection ------------------------------------------------------------------------

_FORM = "multipart/form-data; boundary=edge"
_FORM_START = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
_ROUTES = {
    "/v1/chat/completions": ("application/json", b'{"messages": "'),
    "/v1/ground": ("application/json", b'{"image": "'),
    "/gradio_api/upload": (_FORM, _FORM_START),
}
_TOO_MANY_BYTES = (security.UPLOADS_PER_REQUEST + 1) * 2**20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchangeable]:
    with served(Exchangeable(tmp_path_factory.mktemp("gate"), max_upload_mb=1)) as running:
        yield running


def post(server: Exchangeable, route: str, pieces: Iterator[bytes], length: int | None = None) -> tuple[int, str]:
    """Send the start of a body and then the pieces until there is an answer; gives its status and its text.

    Without a `length` the body is sent in chunks, and none of them says that it is the last.
    """
    media_type, start = _ROUTES[route]
    host, port = server.url.removeprefix("http://").split(":")
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    head = f"POST {route} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\n{framing}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head.encode())
        with contextlib.suppress(ConnectionError):  # it is answered and closed while a piece is on its way
            for data in itertools.chain((start,), pieces):
                if select.select([connection], [], [], 0)[0]:
                    break
                connection.sendall(data if length else b"%x\r\n%s\r\n" % (len(data), data))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read().decode()


def test_after_a_fault_of_the_program_the_connection_goes_on(
    server: Exchangeable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("/secret/path")

    host, port = server.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    with monkeypatch.context() as patched, contextlib.closing(connection):
        patched.setattr(server.studio.engines, "status", broken)
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert answer.status == 500
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "log file" in json.load(answer)["error"]["message"]
        line = connection.sock
        patched.undo()
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        assert connection.sock is line


def drops() -> Iterator[bytes]:
    while True:
        time.sleep(0.05)
        yield b"x"


@pytest.mark.parametrize("route", _ROUTES)
@pytest.mark.parametrize("length", [None, _TOO_MANY_BYTES], ids=["in chunks", "with its length"])
def test_too_long_a_body_is_refused_with_413_everywhere(server: Exchangeable, route: str, length: int | None) -> None:
    status, text = post(server, route, itertools.repeat(b"x" * 2**16, 2 * _TOO_MANY_BYTES // 2**16), length)
    assert status == 413
    # Gradio refuses a long file by itself when it does not know the length beforehand.
    assert "more than can be sent at once" in text or (route == "/gradio_api/upload" and "maximum" in text)
    assert httpx.get(f"{server.url}/health").status_code == 200


@pytest.mark.parametrize("route", _ROUTES)
@pytest.mark.parametrize("pieces", [lambda: iter(()), drops], ids=["stops", "comes drop by drop"])
def test_a_body_without_an_end_is_refused_with_408_everywhere(
    server: Exchangeable, route: str, pieces: Callable[[], Iterator[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "_BODY_PATIENCE_S", 0.5)
    status, text = post(server, route, pieces())
    assert (status, json.loads(text)["error"]["message"]) == (408, "The request did not arrive in time.")
    assert httpx.get(f"{server.url}/health").status_code == 200
