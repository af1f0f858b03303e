"""POST /v1/read: a document and how to read it, answered page by page as JSON.

Knows HTTP and JSON. How pages are read is `document_work`'s. The document comes inside the request, as a file of a form
or as a data URL; an address or a path is refused, and nothing is ever fetched. The file itself is not kept, what was
read of it is: the same file is not read twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from app.disconnect import stopped_with
from app.document_reading import Reading, ReadingAsk, check_reads, fields_named
from app.document_shelf import OpenDocument
from app.document_store import Corrections
from app.document_work import DocumentReader, PageOf, Run, exportable
from app.engine_manager import require
from app.errors_http import FieldError
from app.exports.documents.page_json import pages_to_json
from app.forms import check_address, is_form, read_form, valid
from app.page_ranges import read_ranges
from app.studio import Studio
from model.engines.base import Engine
from model.errors import EngineError, PasswordNeeded
from model.media import bytes_from_data_url
from model.prompts import FIELD_PRESETS

ReadMode = Literal["text", "markdown", "layout", "tables", "fields"]

_KINDS = ", ".join(FIELD_PRESETS)
_FIELDS = TypeAdapter(list[str])


class ReadRequest(BaseModel):
    """A document and how to read it."""

    model_config = ConfigDict(extra="forbid")

    file: str = Field(description="the document as a data URL: data:application/pdf;base64,...")
    mode: ReadMode = Field("markdown", description="what to read")
    fields: list[str] | str = Field(
        [],
        description="the names of the fields to read, as a list or separated by commas, or a kind of document "
        f"({_KINDS}) for its fields; only for the mode `fields`",
    )
    pages: str | int | list[int] = Field(
        "", description="which pages, as in `1-3, 7`, or a number or a list of numbers; empty for all"
    )
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
    page: int
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
        "fields": {
            "type": "string",
            "description": "names separated by commas, a list of names in JSON, or a kind of document "
            f"({_KINDS}) for its fields; may come several times; only for the mode `fields`",
        },
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
            check_address(request)
            path = Path(folder) / "document"
            body, name = await _received(request, path, max_bytes)
            run = Run()
            async with stopped_with(request, run):
                return await run_in_threadpool(_read, studio, require(studio.engines), path, name, body, run)

    return routes


async def _received(request: Request, path: Path, max_bytes: int) -> tuple[ReadRequest, str]:
    """The request, with its document written to `path`, and the document's name."""
    if is_form(request):
        texts = ReadRequest.model_fields.keys() - {"file"}
        name, given = await read_form(request, "file", texts, path, max_bytes, several=["fields"])
        names = [name for text in given.pop("fields", []) for name in _names(text)]
        once = {field: text for field, (text,) in given.items()}
        return valid(lambda: ReadRequest.model_validate(once | {"file": "", "fields": names})), name
    data = await request.body()
    body = valid(lambda: ReadRequest.model_validate_json(data))
    await run_in_threadpool(lambda: path.write_bytes(bytes_from_data_url(body.file, max_bytes)))
    return body, "document"


def _read(studio: Studio, engine: Engine, path: Path, name: str, body: ReadRequest, run: Run) -> dict[str, Any]:
    """Read the pages that are asked for. Raises `StudioError` when not one of them could be read."""
    check_reads(engine.info, body.mode)
    ask = ReadingAsk(body.mode, _asked_fields(body))
    document = _opened(studio, path, name, body.password)
    pages = read_ranges(_asked_pages(body), document.file.page_count)
    readings, failures = _readings(DocumentReader(studio.shelf, studio.documents), engine, document, pages, ask, run)
    if not readings:
        raise EngineError(failures[0] if failures else "The reading was stopped.")
    answer = pages_to_json([exportable(studio.shelf, document, reading, Corrections()) for reading in readings])
    problems = [*document.file.notices, *failures, *answer["problems"]]
    return answer | {"problems": problems, "model": engine.info.name}


def _asked_fields(body: ReadRequest) -> tuple[str, ...]:
    fields = fields_named(_names(body.fields) if isinstance(body.fields, str) else body.fields)
    if fields and body.mode != "fields":
        raise FieldError("fields", "is only for the mode fields")
    if body.mode == "fields" and not fields:
        raise FieldError("fields", "has to name at least one field to read")
    return fields


def _asked_pages(body: ReadRequest) -> str:
    """The pages as people write them."""
    pages = body.pages if isinstance(body.pages, list) else [body.pages]
    if any(isinstance(page, int) and page < 1 for page in pages):
        raise FieldError("pages", "has to have numbers from 1")
    return ",".join(map(str, pages))


def _names(text: str) -> Sequence[str]:
    """Names as a text has them: separated by commas, or as a list in JSON."""
    if not text.lstrip().startswith("["):
        return text.split(",")
    try:
        return _FIELDS.validate_json(text)
    except ValidationError as error:
        raise FieldError("fields", "has to be names separated by commas, or a list of names in JSON") from error


def _opened(studio: Studio, path: Path, name: str, password: str | None) -> OpenDocument:
    try:
        return studio.shelf.open(path, name, password)
    except PasswordNeeded as error:
        problem = "is missing: this document is encrypted" if password is None else "does not open this document"
        raise FieldError("password", problem) from error


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
