"""POST /v1/read: a document and how to read it, answered page by page as JSON.

Knows HTTP and JSON. How pages are read is `document_work`'s. The document comes inside the request, as a file of a form
or as a data URL; an address or a path is refused, and nothing is ever fetched. The file itself is not kept, what was
read of it is: the same file is not read twice.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from app.disconnect import stopped_with
from app.document_reading import Reading, ReadingAsk, check_reads
from app.document_shelf import OpenDocument
from app.document_store import Corrections
from app.document_work import DocumentReader, PageOf, Run, exportable
from app.engine_manager import require
from app.exports.documents.page_json import pages_to_json
from app.page_ranges import read_ranges
from app.studio import Studio
from model.engines.base import Engine
from model.errors import EngineError, MediaTooLarge, RequestError
from model.media import bytes_from_data_url, clean_name

ReadMode = Literal["text", "markdown", "layout", "tables", "fields"]


class ReadRequest(BaseModel):
    """A document and how to read it."""

    model_config = ConfigDict(extra="forbid")

    file: str = Field(description="the document as a data URL: data:application/pdf;base64,...")
    mode: ReadMode = Field("markdown", description="what to read")
    fields: list[str] = Field([], description="the names of the fields to read; only for the mode `fields`")
    pages: str = Field("", description="which pages, as in `1-3, 7`; empty for all")
    password: str | None = Field(None, description="of an encrypted document")


class ReadCell(BaseModel):
    text: str
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False


class ReadTable(BaseModel):
    rows: list[list[ReadCell]] = Field(description="cells as in HTML: what a spanning cell covers is not there again")


class ReadBlock(BaseModel):
    kind: Literal["heading", "text", "list", "table", "formula", "figure", "caption", "code"]
    text: str = Field(description="plain words; a formula's LaTeX, a figure's description")
    markdown: str = ""
    xyxy: list[float] | None = Field(
        None, description="left, top, right and bottom in pixels of the page", min_length=4, max_length=4
    )
    page: int | None = None
    level: int | None = Field(None, description="1 to 6 for headings")
    table: ReadTable | None = None


class ReadPageResponse(BaseModel):
    page: int
    size_wh: list[int] = Field(
        description="width and height of the page's picture in pixels", min_length=2, max_length=2
    )
    text: str
    markdown: str
    blocks: list[ReadBlock]


class ReadResponse(BaseModel):
    """What was read, page by page."""

    pages: list[ReadPageResponse]
    fields: dict[str, Any] | list[dict[str, Any]] = Field(
        description="by name; of several pages a list with one object for each of `pages`"
    )
    problems: list[str] = Field(description="what was mended, left out or could not be read, in plain sentences")
    model: str


_FORM = {
    "type": "object",
    "additionalProperties": False,
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "the document: a PDF or a picture"},
        "mode": {"type": "string", "enum": ["text", "markdown", "layout", "tables", "fields"], "default": "markdown"},
        "fields": {"type": "string", "description": "names separated by commas, or several such fields"},
        "pages": {"type": "string", "description": "which pages, as in `1-3, 7`; empty for all"},
        "password": {"type": "string", "description": "of an encrypted document"},
    },
}
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": _FORM},
        "application/json": {"schema": ReadRequest.model_json_schema()},
    },
}


def router(studio: Studio) -> APIRouter:
    """The route below /v1."""
    routes = APIRouter(prefix="/v1", tags=["Read"])
    max_bytes = studio.settings.max_upload_bytes

    @routes.post(
        "/read", response_model=ReadResponse, response_model_exclude_unset=True, openapi_extra={"requestBody": _BODY}
    )
    async def read_document(request: Request) -> dict[str, Any]:
        """Read a document. A client that leaves stops the reading; pages that were read until then are kept."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "document"
            body, name = await _received(request, path, max_bytes)
            run = Run()
            async with stopped_with(request, run):
                return await run_in_threadpool(_read, studio, require(studio.engines), path, name, body, run)

    return routes


async def _received(request: Request, path: Path, max_bytes: int) -> tuple[ReadRequest, str]:
    """The request, with its document written to `path`, and the document's name."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        try:
            return await _received_form(request, path, max_bytes)
        except HTTPException as error:  # which the form's reader raises
            raise RequestError("This form cannot be read. Send one document, as the file of the form.") from error
    data = await request.body()
    body = _valid(lambda: ReadRequest.model_validate_json(data))
    await run_in_threadpool(lambda: path.write_bytes(bytes_from_data_url(body.file, max_bytes)))
    return body, "document"


def _valid(read: Callable[[], ReadRequest]) -> ReadRequest:
    try:
        return read()
    except ValidationError as error:
        # As if FastAPI had read the body, which knows only one kind of them.
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error


async def _received_form(request: Request, path: Path, max_bytes: int) -> tuple[ReadRequest, str]:
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise RequestError("file: send the document as a file of the form.")
        if (file.size or 0) > max_bytes:
            raise MediaTooLarge(f"This document has more than the {max_bytes // 2**20:,} MiB allowed.")
        given: dict[str, Any] = {key: value for key, value in form.items() if isinstance(value, str)}
        names = [name.strip() for value in form.getlist("fields") for name in str(value).split(",")]
        body = _valid(lambda: ReadRequest.model_validate(given | {"file": "", "fields": names}))
        with path.open("wb") as copy:
            await run_in_threadpool(shutil.copyfileobj, file.file, copy)
        return body, clean_name(file.filename or "document")


def _read(studio: Studio, engine: Engine, path: Path, name: str, body: ReadRequest, run: Run) -> dict[str, Any]:
    """Read the pages that are asked for. Raises `StudioError` when not one of them could be read."""
    check_reads(engine.info)
    document = studio.shelf.open(path, name, body.password)
    pages = read_ranges(body.pages, document.file.page_count)
    fields = tuple(dict.fromkeys(filter(None, map(str.strip, body.fields)))) if body.mode == "fields" else ()
    ask = ReadingAsk(body.mode, fields)
    if body.mode == "fields" and not ask.fields:
        raise RequestError("fields: name at least one field to read.")
    readings, failures = _readings(DocumentReader(studio.shelf, studio.documents), engine, document, pages, ask, run)
    if not readings:
        raise EngineError(failures[0] if failures else "The reading was stopped.")
    answer = pages_to_json([exportable(studio.shelf, document, reading, Corrections()) for reading in readings])
    problems = [*document.file.notices, *failures, *answer["problems"]]
    return answer | {"problems": problems, "model": engine.info.name}


def _readings(
    reader: DocumentReader, engine: Engine, document: OpenDocument, pages: tuple[int, ...], ask: ReadingAsk, run: Run
) -> tuple[list[Reading], list[str]]:
    """What was read, and why some of it was not."""
    readings, failures = [], []
    for step in reader.read(engine, [PageOf(document, page) for page in pages], ask, run):
        if step.is_over and step.error:
            failures.append(f"Page {pages[step.place]}: {step.error}" if len(pages) > 1 else step.error)
        elif step.is_over and step.reading is not None:
            readings.append(step.reading)
    return readings, failures
