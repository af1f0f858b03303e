"""Stopping an answer when the client that asked for it goes away. Knows HTTP connections and cancel events."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

_POLL_S = 0.2


@asynccontextmanager
async def stopped_with(request: Request, cancel: threading.Event) -> AsyncIterator[None]:
    """Set `cancel` when the client goes away, or when the block is left by an error."""

    async def watch() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(_POLL_S)
        cancel.set()

    watching = asyncio.create_task(watch())
    try:
        yield
    except BaseException:
        cancel.set()
        raise
    finally:
        watching.cancel()
