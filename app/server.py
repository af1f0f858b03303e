"""The socket and the server on it: the next free port, what to do once it listens, a public tunnel.

Knows addresses and uvicorn; what is served is given.
"""

from __future__ import annotations

import errno
import secrets
import socket
import sys
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from model.errors import StudioError

_PORTS_TRIED = 100
_CLOSING_PATIENCE_S = 2


def listen(host: str, port: int) -> socket.socket:
    """A listening socket at `port`, or at the next free one above; port 0 takes any. Raises `StudioError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, min(port + _PORTS_TRIED, 65536)):
        listener = socket.socket(family, socket.SOCK_STREAM)
        if sys.platform != "win32":  # there the option would let two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(socket.SOMAXCONN)
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise StudioError(f"Cannot listen on {host}: it is no address of this machine.") from error
        else:
            return listener
    raise StudioError(f"No free port from {port} on. Choose another one with --port.")


def address(listener: socket.socket) -> str:
    """The address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def open_tunnel(listener: socket.socket) -> str:
    """A public address for the page, through Gradio's tunnel. Raises `StudioError` when there is none to be had."""
    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel("127.0.0.1", listener.getsockname()[1], secrets.token_urlsafe(32), None, None)
    except Exception as error:  # no network, no binary for this machine, a full service
        raise StudioError("No public address could be made: Gradio's tunnel cannot be reached from here.") from error


class Server(uvicorn.Server):
    """Serves `app`; `run(sockets=[...])` ends with Ctrl+C or once `should_exit` is set.

    `when_up` is called once, as soon as requests are answered. `when_ending` is called before open connections are
    waited for, and must not take long itself; `when_ended` after them, and before a signal that ends the server ends
    the process too.
    """

    def __init__(
        self,
        app: FastAPI,
        when_up: Callable[[], None],
        when_ending: Callable[[], None] = lambda: None,
        when_ended: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_CLOSING_PATIENCE_S,
            )
        )
        self._when_up = when_up
        self._when_ending = when_ending
        self._when_ended = when_ended

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._when_ending()
        await super().shutdown(sockets)
        self._when_ended()
