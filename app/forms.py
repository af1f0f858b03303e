"""A multipart form with one file in it, read strictly: what is there twice, or has no place in it, is named.

Knows HTTP. Which fields there are, and what they may say, is told by whoever reads the form.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from app.errors_http import FieldError
from model.errors import MediaTooLarge, RequestError
from model.media import clean_name

T = TypeVar("T")

# One more than there may be, so that what the other one is called can be told.
_MAX_FILES = 2


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("multipart/form-data")


def valid(read: Callable[[], T]) -> T:
    """What is read; a `ValidationError` of it becomes the error that is raised for a body that FastAPI reads."""
    try:
        return read()
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error


def check_address(request: Request) -> None:
    """Raises `FieldError` for what stands in the address: it would not be looked at."""
    for name in request.query_params:
        raise FieldError(name, "stands in the address, where nothing is read: send it in the body")


async def read_form(
    request: Request, file_field: str, texts: Collection[str], path: Path, max_bytes: int, *, several: Collection[str]
) -> tuple[str, dict[str, list[str]]]:
    """Write the form's file to `path`; what it is called, and what the other fields say, each as often as it is there.

    `texts` are the names of the other fields, `several` those of them that may come more than once. Raises
    `RequestError` and `MediaTooLarge`.
    """
    try:
        async with request.form(max_files=_MAX_FILES) as form:
            _check(form, file_field, texts, several)
            name = await _copied(form[file_field], path, max_bytes)
            return name, {field: [str(text) for text in form.getlist(field)] for field in form if field != file_field}
    except HTTPException as error:  # which the form's reader raises
        raise RequestError(f"This form cannot be read. Send one file, as “{file_field}”.") from error


def _check(form: FormData, file_field: str, texts: Collection[str], several: Collection[str]) -> None:
    """Raises `FieldError` for the first field that is missing, unknown, of the wrong kind, or there twice."""
    unknown = [name for name in form if name not in texts and name != file_field]
    not_known = f"; “{unknown[0]}” is not known here" if unknown else ""
    if not isinstance(form.get(file_field), UploadFile):
        problem = "has to be a file" if file_field in form else f"is missing: send a file of that name{not_known}"
        raise FieldError(file_field, problem)
    if unknown:
        raise FieldError(unknown[0], "is not known here")
    for name in form:
        if len(form.getlist(name)) > 1 and name not in several:
            raise FieldError(name, "is there more than once")
        if name != file_field and any(isinstance(value, UploadFile) for value in form.getlist(name)):
            raise FieldError(name, "has to be a text")


async def _copied(file: UploadFile | str, path: Path, max_bytes: int) -> str:
    assert isinstance(file, UploadFile)
    if (file.size or 0) > max_bytes:
        raise MediaTooLarge(f"This file has more than the {max_bytes // 2**20:,} MiB allowed.")
    with path.open("wb") as copy:
        await run_in_threadpool(shutil.copyfileobj, file.file, copy)
    return clean_name(file.filename or path.name)
