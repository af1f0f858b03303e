"""Errors as HTTP: which status each has, in the form that OpenAI's clients read. The sentences come from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from app.faults import sentence_of
from app.validation import place_of, what_is_wrong
from model.errors import (
    ContextOverflow,
    EngineBusy,
    EngineError,
    MediaError,
    MediaTooLarge,
    ModelNotFound,
    OutOfMemory,
    PasswordNeeded,
    RequestError,
    StudioError,
)

# The first class that fits decides: from the particular to the general.
_STATUS: tuple[tuple[type[StudioError], int, str, str | None], ...] = (
    (ContextOverflow, 400, "invalid_request_error", "context_length_exceeded"),
    (MediaTooLarge, 413, "invalid_request_error", "media_too_large"),
    (PasswordNeeded, 400, "invalid_request_error", "password_needed"),
    (MediaError, 400, "invalid_request_error", "invalid_media"),
    (RequestError, 400, "invalid_request_error", None),
    (ModelNotFound, 404, "invalid_request_error", "model_not_found"),
    (EngineBusy, 429, "rate_limit_error", "server_busy"),
    (OutOfMemory, 503, "server_error", "out_of_memory"),
    (EngineError, 503, "server_error", None),
)


class FieldError(RequestError):
    """A field of a request that cannot be used: its place, and what is wrong with it, as in "is missing"."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"“{place}” {problem}.")
        self.place = place


def error_object(error: Exception) -> tuple[int, dict[str, object]]:
    """Status and body for any exception; what is not meant for a person goes to the log instead."""
    for kind, status, type_, code in _STATUS:
        if isinstance(error, kind):
            return status, _body(str(error), type_, code, error.place if isinstance(error, FieldError) else None)
    return 500, _body(sentence_of(error, "a request failed"), "server_error", None)


def add_error_handlers(app: FastAPI) -> None:
    """Make every error that a route means to raise an error object; the gate answers for the others."""

    async def answer(_request: Request, error: Exception) -> JSONResponse:
        status, body = error_object(error)
        return JSONResponse(body, status)

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        status, body = error_object(_first_problem(error.errors()))
        return JSONResponse(body, status)

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        sentence = {
            400: "The request is not valid JSON.",  # the only one that FastAPI raises by itself
            405: f"This does not take {request.method} requests.",
        }.get(error.status_code, str(error.detail))
        return JSONResponse(_body(sentence, "invalid_request_error", None), error.status_code, error.headers)

    app.add_exception_handler(StudioError, answer)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _first_problem(errors: Sequence[ErrorDetails]) -> RequestError:
    """The first field with a problem; of one that may be several things, how far the nearest of them was read."""
    if any(error["type"] == "json_invalid" for error in errors):
        return RequestError("The request is not valid JSON.")
    errors = [{**error, "loc": error["loc"][1:]} for error in errors]  # all begin with "body"
    if not errors[0]["loc"]:
        return RequestError("The request has to be an object in JSON, sent as application/json.")
    of_field = [error for error in errors if error["loc"][0] == errors[0]["loc"][0]]
    place = max(map(place_of, of_field), key=len)
    problem = what_is_wrong([error for error in of_field if place_of(error) == place])
    if errors[0]["type"] == "missing":  # what is not known may be what is missing, under another name
        unknown = (place_of(error) for error in errors if error["type"] == "extra_forbidden")
        problem = "; ".join([problem, *(f"“{name}” is not known here" for name in islice(unknown, 3))])
    return FieldError(place, problem)


def _body(message: str, type_: str, code: str | None, param: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}
