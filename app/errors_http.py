"""Errors as HTTP: which status each has, in the form that OpenAI's clients read. The sentences come from elsewhere."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.faults import sentence_of
from model.errors import (
    ContextOverflow,
    EngineBusy,
    EngineError,
    MediaError,
    MediaTooLarge,
    ModelNotFound,
    OutOfMemory,
    RequestError,
    StudioError,
)

# The first class that fits decides: from the particular to the general.
_STATUS: tuple[tuple[type[StudioError], int, str, str | None], ...] = (
    (ContextOverflow, 400, "invalid_request_error", "context_length_exceeded"),
    (MediaTooLarge, 413, "invalid_request_error", "image_too_large"),
    (MediaError, 400, "invalid_request_error", "invalid_image"),
    (RequestError, 400, "invalid_request_error", None),
    (ModelNotFound, 404, "invalid_request_error", "model_not_found"),
    (EngineBusy, 429, "rate_limit_error", "server_busy"),
    (OutOfMemory, 503, "server_error", "out_of_memory"),
    (EngineError, 503, "server_error", None),
)


def error_object(error: Exception) -> tuple[int, dict[str, object]]:
    """Status and body for any exception; what is not meant for a person goes to the log instead."""
    for kind, status, type_, code in _STATUS:
        if isinstance(error, kind):
            return status, _body(str(error), type_, code)
    return 500, _body(sentence_of(error, "a request failed"), "server_error", None)


def add_error_handlers(app: FastAPI) -> None:
    """Make every error that a route means to raise an error object; the gate answers for the others."""

    async def answer(_request: Request, error: Exception) -> JSONResponse:
        status, body = error_object(error)
        return JSONResponse(body, status)

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return JSONResponse(_body(_first_problem(error), "invalid_request_error", None), 400)

    async def http(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return JSONResponse(_body(str(error.detail), "invalid_request_error", None), error.status_code)

    app.add_exception_handler(StudioError, answer)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _first_problem(error: RequestValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    return f"{place or 'The request'}: {first['msg']}."


def _body(message: str, type_: str, code: str | None) -> dict[str, object]:
    return {"error": {"message": message, "type": type_, "param": None, "code": code}}
