"""POST /v1/ground: a picture and what to find in it, answered as the object of `python -m model.parsing`.

Knows HTTP and JSON. What is asked and how it is read is `grounding`'s. The picture comes inside the request as a data
URL; an address or a path is refused, and nothing is ever fetched.
"""

from __future__ import annotations

import threading
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from starlette.concurrency import run_in_threadpool

from app.answering import notice_of
from app.disconnect import stopped_with
from app.engine_manager import require
from app.errors_http import FieldError
from app.grounding import Ask, Found, ground, not_learned
from app.openai_api import usage_of
from app.studio import Studio
from model.catalog import CONVENTIONS
from model.engines.base import Engine
from model.media import Limits, image_from_data_url
from model.parsing import answer_to_json
from model.prompts import Task
from model.types import BlockKind, FinishReason, Image

_XY = Field(description="x and y in pixels of the picture as given", min_length=2, max_length=2)
_XYXY = Field(description="left, top, right and bottom in pixels of the picture as given", min_length=4, max_length=4)


class GroundRequest(BaseModel):
    """What to find, and where to look."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(description="the picture as a data URL: data:image/png;base64,...")
    task: Task = Field("detect", description="what to do; `free` asks the query as it stands")
    query: str = Field(
        "",
        description="categories separated by commas (detect; empty finds everything), a phrase (find, point, count) or "
        "a goal (act); not used to read",
    )
    convention: str | None = Field(
        None,
        description=f"how to read the model's coordinates, if not as its family writes them: {', '.join(CONVENTIONS)}",
    )
    box: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = Field(
        None, description="the area that is asked about: left, top, right, bottom in pixels of the picture"
    )


class GroundThing(BaseModel):
    label: str
    attributes: dict[str, Any] = Field({}, description="whatever else the model said of it")


class GroundBox(GroundThing):
    xyxy: list[float] = _XYXY
    text: str | None = Field(None, description="what is written there")


class GroundPoint(GroundThing):
    xy: list[float] = _XY


class GroundPolygon(GroundThing):
    xy: list[list[float]]
    text: str | None = None


class GroundBox3D(GroundThing):
    bbox_3d: list[float] = Field(description="x, y, z, x_size, y_size, z_size in metres and three angles, as written")


class GroundEvent(GroundThing):
    start_s: float
    end_s: float
    xyxy: list[float] | None = None


class GroundAction(BaseModel):
    name: str
    arguments: dict[str, Any]
    xy: list[float] | None = Field(None, description="where, in pixels of the picture; absent without a place")
    to_xy: list[float] | None = Field(None, description="where a drag ends")


class GroundBlock(BaseModel):
    kind: BlockKind
    text: str
    markdown: str
    xyxy: list[float] | None = None
    level: int = Field(0, description="of a heading, 1 to 6")
    table: dict[str, Any] | None = Field(None, description="rows of cells with `text` and, if more than 1, their spans")


class GroundDocument(BaseModel):
    blocks: list[GroundBlock]


class GroundUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class GroundResponse(BaseModel):
    """What was found, in pixels of the picture as given (upright, after its EXIF turn)."""

    text: str = Field(description="what the model said beside places and values")
    boxes: list[GroundBox]
    points: list[GroundPoint]
    polygons: list[GroundPolygon]
    boxes_3d: list[GroundBox3D]
    events: list[GroundEvent]
    fields: dict[str, Any]
    actions: list[GroundAction]
    document: GroundDocument | None = Field(description="the page, if the model wrote one out as HTML or Markdown")
    problems: list[str] = Field(description="what was mended or left out, in plain sentences")
    raw: str = Field(description="the model's own text")
    finish_reason: FinishReason = Field(description="why the answer ended: all but `stop` may have left something out")
    usage: GroundUsage


def router(studio: Studio) -> APIRouter:
    """The route below /v1."""
    routes = APIRouter(prefix="/v1", tags=["Ground"])
    limits = Limits(max_bytes=studio.settings.max_upload_bytes)

    @routes.post("/ground", response_model=GroundResponse, response_model_exclude_unset=True)
    async def ground_picture(body: GroundRequest, request: Request) -> dict[str, Any]:
        """Find things in a picture. A client that leaves stops the answer."""
        cancel = threading.Event()
        async with stopped_with(request, cancel):
            engine = require(studio.engines)
            image = await run_in_threadpool(image_from_data_url, body.image, limits)
            found = await run_in_threadpool(_last, engine, image, _ask(body, image), cancel)
        return _response(found)

    return routes


def _response(found: Found) -> dict[str, Any]:
    answer, last = answer_to_json(found.answer), found.snapshot
    notices = filter(None, (not_learned(found.info, found.ask.task), notice_of(last)))
    return answer | {
        "problems": [*notices, *answer["problems"]],
        "raw": found.raw,
        "finish_reason": last.last.finish_reason,
        "usage": usage_of(last),
    }


def _ask(body: GroundRequest, image: Image) -> Ask:
    if body.convention is not None and body.convention not in CONVENTIONS:
        raise FieldError("convention", f"has to be one of {', '.join(CONVENTIONS)}")
    convention = CONVENTIONS[body.convention] if body.convention else None
    width, height = image.size_wh
    if body.box and not (0 <= body.box[0] < body.box[2] <= width and 0 <= body.box[1] < body.box[3] <= height):
        raise FieldError("box", f"has to be an area of the picture, which has {width} x {height} pixels")
    return Ask(body.task, body.query, body.box, convention=convention)


def _last(engine: Engine, image: Image, ask: Ask, cancel: threading.Event) -> Found:
    """The complete answer: not streaming is a loop over streaming."""
    *_, last = ground(engine, image, ask, cancel)
    return last
