"""The web application: every route on the one port, the gate in front of them, and Gradio's page mounted at /.

Knows how the pieces are put together. What each does is its own module's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import gradio as gr
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.routing import Match

from app import ground_api, openai_api, read_api, timeline_api
from app.errors_http import add_error_handlers
from app.page import TITLE, build_page
from app.security import AllowedHosts, Gate
from app.studio import Studio
from model.errors import MediaError
from model.media import browser_copy

T = TypeVar("T")
_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}


def create_app(studio: Studio, hosts: AllowedHosts | None = None) -> FastAPI:
    """Everything that is served. `hosts` may be given to add names to it later."""
    # Its page at /docs brings its own scripts; FastAPI's would fetch them from another host.
    app = FastAPIOffline(title=TITLE, redoc_url=None)
    app.add_middleware(Gate, settings=studio.settings, hosts=hosts or AllowedHosts(studio.settings))
    add_error_handlers(app)
    answering = tuple(api.router(studio) for api in (openai_api, ground_api, read_api, timeline_api))
    for routes in (
        _health_routes(studio),
        _media_routes(studio),
        _document_routes(studio),
        *answering,
        _unknown_routes(),
    ):
        app.include_router(routes)
    page = build_page(studio)
    gr.mount_gradio_app(app, page.blocks, path="/", **page.mount_options)
    return app


def _health_routes(studio: Studio) -> APIRouter:
    routes = APIRouter(tags=["Health"])

    @routes.head("/health", include_in_schema=False)
    @routes.get("/health")
    def health() -> dict[str, object]:
        """Whether the program is up, and how far the model is: idle, loading, ready or failed."""
        status = studio.engines.status()
        name = status.info.name if status.info else None
        return {"status": "ok", "model": {"state": status.state, "name": name, "note": status.note}}

    return routes


def _media_routes(studio: Studio) -> APIRouter:
    """Stored pictures and videos for the page, by their hash; who does not know the hash cannot guess it."""
    routes = APIRouter(prefix="/media", include_in_schema=False)

    @routes.get("/{sha256}")
    def medium(sha256: str) -> Response:
        if studio.media.has_video(sha256):
            video = _found(lambda: studio.media.video(sha256))
            return FileResponse(video.path, media_type=video.media_type, headers=_FOREVER)
        data, media_type = _found(lambda: studio.media.browser_copy(sha256))
        return Response(data, media_type=media_type, headers=_FOREVER)

    @routes.get("/{sha256}/preview")
    def preview(sha256: str) -> Response:
        path = _found(lambda: studio.media.preview(sha256))
        if path is None:
            raise HTTPException(404, "This video has no preview.")
        return FileResponse(path, media_type="video/mp4", headers=_FOREVER)

    @routes.get("/{sha256}/small")
    def small_picture(sha256: str) -> Response:
        return Response(_found(lambda: studio.media.thumbnail(sha256)), media_type="image/jpeg", headers=_FOREVER)

    return routes


def _document_routes(studio: Studio) -> APIRouter:
    """Pages of open documents for the page; who does not know the token cannot guess it."""
    routes = APIRouter(prefix="/documents", include_in_schema=False)

    @routes.get("/{token}/{page}")
    def page_picture(token: str, page: int) -> Response:
        data, media_type = _found(lambda: browser_copy(studio.shelf.page(studio.shelf.find(token), page)))
        return Response(data, media_type=media_type, headers=_FOREVER)

    @routes.get("/{token}/{page}/small")
    def small_page_picture(token: str, page: int) -> Response:
        data = _found(lambda: studio.shelf.thumbnail(studio.shelf.find(token), page))
        return Response(data, media_type="image/jpeg", headers=_FOREVER)

    return routes


def _found(read: Callable[[], T]) -> T:
    try:
        return read()
    except MediaError as error:
        raise HTTPException(404, str(error)) from error


def _unknown_routes() -> APIRouter:
    """Below /v1 nothing may fall through to the page."""
    routes = APIRouter(prefix="/v1", include_in_schema=False)

    @routes.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unknown(path: str, request: Request) -> None:
        if any(route.matches(request.scope)[0] is Match.PARTIAL for route in request.app.routes):
            raise HTTPException(405)
        raise HTTPException(404, f"There is no /v1/{path} here.")

    return routes
