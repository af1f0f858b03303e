"""Who may talk to the program, and how much they may send: the outermost layer around every route.

Refuses foreign hosts (DNS rebinding) and foreign pages (cross-site requests) with 403, bodies that are too long with
413 and bodies that do not come with 408, and tells the browser to load nothing from elsewhere. Knows headers; knows
neither routes nor pictures.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors_http import error_object
from app.people import COOKIE, LOCAL_PERSON, new_person, person_of
from app.settings import Settings

UPLOADS_PER_REQUEST = 3
"""A request may be this many times as long as the largest picture: several pictures at once, base64 and JSON."""
_FILES_PER_UPLOAD = 100
_UPLOAD_PATH = "/gradio_api/upload"
"""The page's files go there, many in one request. Each is written to the disk as it comes, and measured there."""

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_BODY_PATIENCE_S = 60.0
_SLOWEST_BYTES_PER_S = 16 * 1024
_LINGER_S, _LINGER_BYTES = 2.0, 8 * 2**20
_COOKIE_AGE_S = 365 * 24 * 3600

# The page's framework compiles templates in the browser, so scripts need eval; nothing may come from another host.
_CONTENT_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "frame-ancestors 'self'; form-action 'self'; object-src 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class AllowedHosts:
    """The names under which the program may be addressed. Thread-safe: names are only ever added.

    On a loopback address these are the loopback names. Listening for other machines adds this machine's own names and
    every plain IP address: a rebound name is what the check is for, and an address cannot be rebound.
    """

    def __init__(self, settings: Settings) -> None:
        self._names = {*_LOOPBACK_NAMES, settings.host.lower()}
        self._takes_addresses = settings.is_exposed
        if settings.is_exposed:
            own = socket.gethostname().lower()
            self._names |= {own, f"{own}.local", socket.getfqdn().lower()}

    def add(self, name: str) -> None:
        """Also answer to this name, for example that of a public tunnel."""
        self._names |= {name.lower()}

    def __contains__(self, host_header: str) -> bool:
        name = _host_name(host_header)
        return name in self._names or (self._takes_addresses and _is_address(name))


class Gate:
    """The ASGI layer. Everything that it refuses gets one plain sentence in the form of an API error."""

    def __init__(self, app: ASGIApp, settings: Settings, hosts: AllowedHosts) -> None:
        self._app = app
        self._settings = settings
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        files = _FILES_PER_UPLOAD if scope["path"] == _UPLOAD_PATH else UPLOADS_PER_REQUEST
        max_bytes = files * self._settings.max_upload_bytes
        refusal = self._refusal(Headers(scope=scope), max_bytes)
        if refusal is not None:
            await _send_refusal(refusal, scope, receive, send)
            return
        answer = _Answer(send, self._cookie(scope))
        try:
            await self._app(scope, self._bounded(receive, answer, max_bytes), answer)
        except Exception as error:
            # Starlette would answer and then raise on, which breaks the connection before the answer is read.
            if answer.started:
                raise
            if answer.refusal is None:
                status, body = error_object(error)
                await JSONResponse(body, status)(scope, receive, answer)
        if answer.refusal is not None and not answer.started:
            await _send_refusal(answer.refusal, scope, receive, send)

    def _refusal(self, headers: Headers, max_bytes: int) -> JSONResponse | None:
        host = headers.get("host", "")
        if host not in self._hosts:
            return _refuse(403, "This address is not one of this program's. Use http://127.0.0.1 and its port.")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return _refuse(403, "Requests from other web pages are refused.")
        is_embedded = headers.get("sec-fetch-mode", "navigate") != "navigate"
        if headers.get("sec-fetch-site") == "cross-site" and is_embedded:
            return _refuse(403, "Requests from other web pages are refused.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > max_bytes:
            return self._too_long()
        return None

    def _too_long(self) -> JSONResponse:
        return _refuse(
            413,
            f"This is more than can be sent at once. A file may have up to {self._settings.max_upload_mb} MB; "
            "--max-upload-mb changes that.",
        )

    def _bounded(self, receive: Receive, answer: _Answer, max_bytes: int) -> Receive:
        """`receive`, with an end to patience and to the number of bytes.

        A body may pause for as long as the patience lasts, and be that late in all; drop by drop it would never end.
        """
        seen = 0
        complete = False
        start_s = time.monotonic()

        async def bounded() -> Message:
            nonlocal seen, complete
            if complete:
                return await receive()
            late_s = time.monotonic() - start_s - seen / _SLOWEST_BYTES_PER_S
            try:
                message = await asyncio.wait_for(receive(), _BODY_PATIENCE_S - max(0, late_s))
            except TimeoutError:
                answer.refusal = _refuse(408, "The request did not arrive in time.")
                raise _BodyRefused from None
            seen += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if seen > max_bytes:
                answer.refusal = self._too_long()
                raise _BodyRefused
            return message

        return bounded

    def _cookie(self, scope: Scope) -> str:
        """The Set-Cookie header for a browser that comes for the first time, else empty."""
        if not self._settings.is_exposed or scope["type"] != "http" or scope["path"] != "/":
            return ""
        cookies = HTTPConnection(scope).cookies
        if person_of(cookies, is_exposed=True) == cookies.get(COOKIE, LOCAL_PERSON):
            return ""
        return f"{COOKIE}={new_person()}; Path=/; Max-Age={_COOKIE_AGE_S}; HttpOnly; SameSite=Lax"


class _BodyRefused(Exception):
    """Raised into the application while it reads a body that is too long or too slow."""


class _Answer:
    """`send`, with the headers that every answer has; once there is a `refusal`, nothing else is sent."""

    def __init__(self, send: Send, cookie: str) -> None:
        self._send = send
        self._cookie = cookie
        self.started = False
        self.refusal: JSONResponse | None = None

    async def __call__(self, message: Message) -> None:
        if self.refusal is not None and not self.started:
            return
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            if self._cookie:
                headers.append("Set-Cookie", self._cookie)
        await self._send(message)


def _refuse(status: int, sentence: str) -> JSONResponse:
    error = {"message": sentence, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status, headers={"Connection": "close"})


async def _send_refusal(refusal: JSONResponse, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and take in for a moment what still comes: who writes on a closed line never reads the answer."""

    async def send_unfinished(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    if scope["type"] != "http":
        await refusal(scope, receive, send)
        return
    await refusal(scope, receive, send_unfinished)
    taken, goes_on = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            while goes_on and taken < _LINGER_BYTES:
                message = await receive()
                taken += len(message.get("body", b""))
                goes_on = message.get("more_body", False)
    await send({"type": "http.response.body", "body": b""})


def _host_name(host_header: str) -> str:
    """The name of a Host header without port and brackets; empty when it is not one."""
    try:
        return urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
