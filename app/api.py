"""The web application: the OpenAI-compatible HTTP API, health, stored pictures, and Gradio's page mounted at /.

Knows HTTP and JSON. Does not know how the page looks or how a model answers.
"""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from app.page import build_page
from app.studio import Studio
from model.errors import MediaError

_FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}


def create_app(studio: Studio) -> FastAPI:
    """Everything that is served on the one port."""
    app = FastAPI(title="Qwen-VL Studio", docs_url=None, redoc_url=None)
    _add_health(app, studio)
    _add_media(app, studio)
    page = build_page(studio)
    return gr.mount_gradio_app(app, page.blocks, path="/", **page.mount_options)


def _add_health(app: FastAPI, studio: Studio) -> None:
    @app.get("/health")
    def health() -> dict[str, object]:
        status = studio.engines.status()
        return {"status": "ok", "model": {"state": status.state, "name": status.info.name if status.info else None}}


def _add_media(app: FastAPI, studio: Studio) -> None:
    @app.get("/media/{sha256}", include_in_schema=False)
    def picture(sha256: str) -> Response:
        data, media_type = studio.media.browser_copy(sha256)
        return Response(data, media_type=media_type, headers=_FOREVER)

    @app.get("/media/{sha256}/small", include_in_schema=False)
    def small_picture(sha256: str) -> Response:
        return Response(studio.media.thumbnail(sha256), media_type="image/jpeg", headers=_FOREVER)

    @app.exception_handler(MediaError)
    def missing(_request: object, error: MediaError) -> JSONResponse:
        return JSONResponse({"error": {"message": str(error), "type": "not_found"}}, status_code=404)
