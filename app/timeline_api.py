"""POST /v1/timeline: a video and what to find in it, answered as events in seconds.

Knows HTTP and JSON. What is asked and how it is read is `watching`'s. The video comes inside the request, as a file of
a form or as a data URL; an address or a path is refused, and nothing is ever fetched or kept.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool

from app.disconnect import stopped_with
from app.engine_manager import require
from app.errors_http import FieldError
from app.forms import check_address, is_form, read_form, valid
from app.openai_api import usage_of
from app.studio import Studio
from app.tracks import Track, tracks_of
from app.watching import VideoAsk, Watched, look, sampling_of, watch
from model.engines.base import Engine
from model.media import bytes_from_data_url
from model.prompts import VIDEO_TASKS, VideoTask, video_prompt
from model.types import FinishReason, TimeEvent, Video
from model.video import VideoFile, VideoLimits, open_video

_RANGE = TypeAdapter(tuple[FiniteFloat, FiniteFloat])


class TimelineRequest(BaseModel):
    """What to find, and when to look."""

    model_config = ConfigDict(extra="forbid")

    video: str = Field(description="the video as a data URL: data:video/mp4;base64,...")
    query: str = Field(
        "",
        description="a question, or what happens (when), a thing (track) or the whole question (free); not used to "
        "describe, to make chapters and to read",
    )
    task: VideoTask = Field("when", description="what to do; `free` asks the query as it stands")
    range: tuple[FiniteFloat, FiniteFloat] | None = Field(
        None, description="the part that is looked at: start and end in seconds of the video"
    )


class TimelineBox(BaseModel):
    time_s: float
    xyxy: list[float] = Field(
        description="left, top, right and bottom in pixels of the video", min_length=4, max_length=4
    )


class TimelineEvent(BaseModel):
    label: str
    start_s: float
    end_s: float = Field(description="the same as start_s for a moment")
    boxes: list[TimelineBox] | None = Field(None, description="where it is at which times, if the model says so")


class TimelineUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class TimelineResponse(BaseModel):
    """What happens when, in seconds from the first picture of the whole video, in the order of time."""

    text: str = Field(description="what the model said beside lists of events; sentences that tell times are in both")
    events: list[TimelineEvent]
    frames_s: list[float] = Field(description="the times of the frames that the model has seen")
    problems: list[str] = Field(description="what was mended or left out, in plain sentences")
    raw: str = Field(description="the model's own text")
    finish_reason: FinishReason = Field(description="why the answer ended: all but `stop` may have left something out")
    usage: TimelineUsage


_FORM = {
    "type": "object",
    "additionalProperties": False,
    "required": ["video"],
    "properties": {
        "video": {"type": "string", "format": "binary", "description": "the video"},
        "query": {"type": "string", "description": TimelineRequest.model_fields["query"].description},
        "task": {"type": "string", "enum": list(VIDEO_TASKS), "default": "when"},
        "range": {"type": "string", "description": "start and end in seconds of the video, as in `3, 7.5`"},
    },
}
_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": _FORM},
        "application/json": {"schema": TimelineRequest.model_json_schema()},
    },
}


def router(studio: Studio) -> APIRouter:
    """The route below /v1."""
    routes = APIRouter(prefix="/v1", tags=["Timeline"])
    limits = VideoLimits(max_bytes=studio.settings.max_upload_bytes)

    @routes.post(
        "/timeline",
        response_model=TimelineResponse,
        response_model_exclude_unset=True,
        openapi_extra={"requestBody": _BODY},
    )
    async def find_in_video(request: Request) -> dict[str, Any]:
        """Find what happens when in a video. A client that leaves stops the answer, and the decoding before it."""
        cancel = threading.Event()
        with tempfile.TemporaryDirectory() as folder:
            check_address(request)
            path = Path(folder) / "video"
            body = await _received(request, path, limits.max_bytes)
            async with stopped_with(request, cancel):
                return await run_in_threadpool(_answer, require(studio.engines), path, body, limits, cancel)

    return routes


async def _received(request: Request, path: Path, max_bytes: int) -> TimelineRequest:
    """The request, with its video written to `path`."""
    if is_form(request):
        texts = TimelineRequest.model_fields.keys() - {"video"}
        _, given = await read_form(request, "video", texts, path, max_bytes, several=())
        fields: dict[str, Any] = {name: text for name, (text,) in given.items()}
        if "range" in fields:
            fields["range"] = _range(fields["range"])
        return valid(lambda: TimelineRequest.model_validate(fields | {"video": ""}))
    data = await request.body()
    body = valid(lambda: TimelineRequest.model_validate_json(data))
    await run_in_threadpool(lambda: path.write_bytes(bytes_from_data_url(body.video, max_bytes)))
    return body


def _range(text: str) -> tuple[float, float]:
    """A form's range: two numbers with a comma between them, in brackets or not."""
    try:
        return _RANGE.validate_python([part.strip() for part in text.strip().strip("[]").split(",")])
    except ValidationError as error:
        raise FieldError("range", "has to be two numbers of seconds, as in 3, 7.5") from error


def _answer(
    engine: Engine, path: Path, body: TimelineRequest, limits: VideoLimits, cancel: threading.Event
) -> dict[str, Any]:
    ask = VideoAsk(body.task, body.query, body.range)
    video_prompt(engine.info.family, ask.task, ask.query)  # a question that is missing need not wait for the decoder
    file = open_video(path, "video", limits, cancel)
    _check_range(file, ask)
    video = look(file, sampling_of(engine.info, ask.preset, ask.range_s), cancel)
    *_, last = watch(engine, video, ask, cancel)
    return _response(last, video)


def _check_range(file: VideoFile, ask: VideoAsk) -> None:
    if ask.range_s and not 0 <= ask.range_s[0] < min(ask.range_s[1], file.duration_s):
        raise FieldError("range", f"has to be a part of the video, which has {file.duration_s:.1f} seconds")


def _response(watched: Watched, video: Video) -> dict[str, Any]:
    last = watched.snapshot
    return {
        "text": watched.answer.text,
        "events": _events(watched.answer.events),
        "frames_s": [round(time_s, 3) for time_s in video.times_s],
        "problems": [*watched.notices, *watched.answer.problems, *_without_time(watched)],
        "raw": watched.raw,
        "finish_reason": last.last.finish_reason,
        "usage": usage_of(last),
    }


def _events(events: Sequence[TimeEvent]) -> list[dict[str, Any]]:
    """Boxes in time put together to the things that they follow, the other events as they are."""
    things: list[Track | TimeEvent] = [*tracks_of(events), *(event for event in events if event.xyxy is None)]
    return [_event(thing) for thing in sorted(things, key=lambda thing: (thing.start_s, thing.end_s))]


def _event(thing: Track | TimeEvent) -> dict[str, Any]:
    event: dict[str, Any] = {
        "label": thing.label,
        "start_s": round(thing.start_s, 3),
        "end_s": round(thing.end_s, 3),
    }
    if isinstance(thing, Track):
        event["boxes"] = [
            {"time_s": round(time_s, 3), "xyxy": [round(number, 2) for number in xyxy]} for time_s, xyxy in thing.boxes
        ]
    return event


def _without_time(watched: Watched) -> list[str]:
    count = len(watched.answer.regions)
    if not count:
        return []
    return [f"{count} places without a time were left out." if count > 1 else "One place without a time was left out."]
