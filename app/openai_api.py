"""The OpenAI-compatible HTTP API: chat completions, streaming and not, and the list of models.

Knows OpenAI's JSON and turns it into messages and back. Does not know how a model answers or how the page looks.
Pictures come inside the request as data URLs; an address or a path is refused, and nothing is ever fetched.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from app.answering import Answering, Snapshot, notice_of
from app.disconnect import stopped_with
from app.engine_manager import require
from app.errors_http import FieldError, error_object
from app.studio import Studio
from app.watching import not_learned
from app.watching import sampling_of as frames_of
from model.catalog import presets_of, sampling_of
from model.engines.base import Engine
from model.errors import ModelNotFound, RequestError
from model.media import Limits, image_from_data_url
from model.types import GenerationOptions, Message, Part, Prompt, Role, Text
from model.video import Sampling, video_from_data_url

_MAX_STOPS = 4
# Below it, dividing by the temperature leaves nothing but the likeliest token, if it can be computed at all.
_LEAST_TEMPERATURE = 0.01
# A stopped or repeating answer is not complete, and "length" is OpenAI's word for that.
_FINISH = {"stop": "stop", "length": "length", "repetition": "length", "cancelled": "length"}

# Pictures as large as which preset has them; "auto" is the program's own budget.
_DETAIL = {"low": "Low memory", "high": "Quality"}

# Fields of OpenAI's requests that change no answer, whatever they say.
_WITHOUT_EFFECT = frozenset(
    (
        "metadata",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        # of a message that came as an answer and goes back as a part of the conversation
        "annotations",
        "reasoning_content",
        # of `stream_options`
        "include_obfuscation",
    )
)
# Fields that would change it, with the values that ask for what is done anyway.
_WITHOUT_EFFECT_AS: Mapping[str, tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "tool_choice": ("none", "auto"),
    "top_logprobs": (0,),
    "verbosity": ("medium",),
}


# Python's JSON knows NaN and Infinity; texts and booleans that look like numbers are slips of the caller.
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_Whole = Annotated[int, Field(strict=True)]


class _Open(BaseModel):
    """An object that may have more fields than are known; `_check_fields` looks at those."""

    model_config = ConfigDict(extra="allow")


class ImageUrl(_Open):
    url: str = Field(description="a data URL: data:image/png;base64,...")
    detail: Literal["auto", "low", "high"] | None = Field(
        None, description="how large the model sees the pictures; the same for all of a request"
    )


class VideoUrl(_Open):
    url: str = Field(description="a data URL: data:video/mp4;base64,...; one to four frames a second are looked at")


class ContentPart(_Open):
    type: str
    text: str | None = None
    image_url: ImageUrl | None = None
    video_url: VideoUrl | None = None


class ChatMessage(_Open):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[ContentPart] | None = None


class StreamOptions(_Open):
    include_usage: bool = False


class ChatRequest(_Open):
    """What is understood of OpenAI's request. What would change the answer and is not offered is refused."""

    model: str = Field("", description="the name of the loaded model, or empty")
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: _Whole | None = Field(None, ge=1)
    max_completion_tokens: _Whole | None = Field(None, ge=1)
    temperature: _Number | None = Field(None, ge=0, le=2)
    top_p: _Number | None = Field(None, gt=0, le=1)
    top_k: _Whole | None = Field(None, ge=0, description="not OpenAI's: picks among this many tokens")
    repetition_penalty: _Number | None = Field(None, ge=0.5, le=2, description="not OpenAI's")
    seed: _Whole | None = Field(None, ge=0, lt=2**63)
    stop: str | list[str] | None = Field(None, description=f"up to {_MAX_STOPS} texts, before which the answer ends")


def router(studio: Studio) -> APIRouter:
    """The routes below /v1."""
    routes = APIRouter(prefix="/v1", tags=["OpenAI-compatible"])
    limits = Limits(max_bytes=studio.settings.max_upload_bytes)

    @routes.get("/models")
    def models() -> dict[str, Any]:
        """The model that is loaded."""
        engine = studio.engines.current()
        return {"object": "list", "data": [_model_row(engine)] if engine else []}

    @routes.get("/models/{name:path}")
    def model(name: str) -> dict[str, Any]:
        """The model of this name, if it is loaded."""
        engine = require(studio.engines)
        _check_name(name, engine)
        return _model_row(engine)

    @routes.post("/chat/completions", response_model=None)
    async def chat_completions(body: ChatRequest, request: Request) -> Response:
        """Answer a conversation; with `stream` as server-sent events. A client that leaves stops the answer."""
        cancel = threading.Event()
        async with stopped_with(request, cancel):
            completion = await run_in_threadpool(_completion, body, require(studio.engines), limits, cancel)
            snapshots = completion.snapshots()
            first = await anext(snapshots)
            while first.is_silent:  # a refusal can still have a status of its own
                first = await anext(snapshots)
            if not body.stream:
                all_of_it = [first, *[snapshot async for snapshot in snapshots]]
                return JSONResponse(completion.whole(all_of_it[-1]))
        return StreamingResponse(_events(completion, first, snapshots, request), media_type="text/event-stream")

    return routes


@dataclass(frozen=True)
class _Completion:
    """One request on its way. `cancel` ends it."""

    engine: Engine
    prompt: Prompt
    options: GenerationOptions
    stops: tuple[str, ...]
    includes_usage: bool
    cancel: threading.Event
    id: str
    created: int

    def snapshots(self) -> AsyncIterator[Snapshot]:
        """The answer so far, whenever it grew; the last is complete."""
        answering = Answering(self.engine, self.prompt, self.options, self.cancel)
        return iterate_in_threadpool(_until(answering.snapshots(interval_s=0), self.stops))

    def whole(self, last: Snapshot) -> dict[str, Any]:
        """The `chat.completion` object."""
        message = {"role": "assistant", "content": last.text}
        if last.thinking:
            message["reasoning_content"] = last.thinking
        choice = {"index": 0, "message": message, "logprobs": None, **_ending(last)}
        return {**self._frame("chat.completion"), "choices": [choice], "usage": usage_of(last)}

    def piece(self, delta: dict[str, str], last: Snapshot | None = None) -> dict[str, Any]:
        """A `chat.completion.chunk` object; the last one says why the answer ended."""
        ending = _ending(last) if last else {"finish_reason": None}
        choice = {"index": 0, "delta": delta, "logprobs": None, **ending}
        usage = {"usage": None} if self.includes_usage else {}
        return {**self._frame("chat.completion.chunk"), "choices": [choice], **usage}

    def usage_piece(self, last: Snapshot) -> dict[str, Any]:
        return {**self._frame("chat.completion.chunk"), "choices": [], "usage": usage_of(last)}

    def _frame(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.engine.info.name}


async def _events(
    completion: _Completion, first: Snapshot, rest: AsyncIterator[Snapshot], request: Request
) -> AsyncIterator[str]:
    """The answer as server-sent events; who waits is told so in comments, which clients skip."""
    shown = Snapshot()
    yield _event(completion.piece({"role": "assistant", "content": ""}))
    try:
        async with stopped_with(request, completion.cancel):
            async for snapshot in _chained(first, rest):
                if snapshot.waiting:
                    yield f": {snapshot.waiting} before this one\n\n"
                for name, text, before in (
                    ("reasoning_content", snapshot.thinking, shown.thinking),
                    ("content", snapshot.text, shown.text),
                ):
                    if len(text) > len(before):
                        yield _event(completion.piece({name: text[len(before) :]}))
                shown = snapshot
    except Exception as error:
        yield _event(error_object(error)[1])
        return
    yield _event(completion.piece({}, shown))
    if completion.includes_usage:
        yield _event(completion.usage_piece(shown))
    yield "data: [DONE]\n\n"


async def _chained(first: Snapshot, rest: AsyncIterator[Snapshot]) -> AsyncIterator[Snapshot]:
    yield first
    async for snapshot in rest:
        yield snapshot


def _until(snapshots: Iterator[Snapshot], stops: Sequence[str]) -> Iterator[Snapshot]:
    """Cut before the first of `stops`; meanwhile hold back what may be its beginning."""
    held = max((len(stop) for stop in stops), default=1) - 1
    for snapshot in snapshots:
        places = [place for stop in stops if (place := snapshot.text.find(stop)) >= 0]
        if places:
            last = replace(snapshot.last, finish_reason="stop")
            yield replace(snapshot, text=snapshot.text[: min(places)], last=last)
            return
        end = len(snapshot.text) if snapshot.last.finish_reason else max(0, len(snapshot.text) - held)
        yield replace(snapshot, text=snapshot.text[:end])


def _completion(body: ChatRequest, engine: Engine, limits: Limits, cancel: threading.Event) -> _Completion:
    """Check and translate a request; raises `StudioError` with what is wrong with it."""
    _check(body, engine)
    has_video = any(part.video_url for part in _parts(body))
    if has_video and (sentence := not_learned(engine.info, "free")):
        raise RequestError(sentence)
    preset = _preset(body)
    opening = _Opening(limits, frames_of(engine.info, preset), cancel)
    messages = [_message(message, f"messages[{index}]", opening) for index, message in enumerate(body.messages)]
    stops = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    if len(stops) > _MAX_STOPS or not all(stops):
        raise FieldError("stop", f"has to be at most {_MAX_STOPS} texts, none of them empty")
    return _Completion(
        engine=engine,
        prompt=engine.prepare(messages, presets_of(engine.info)[preset].budget if preset else None),
        options=_options(body, engine),
        stops=stops,
        includes_usage=bool(body.stream_options and body.stream_options.include_usage),
        cancel=cancel,
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
    )


def _check(body: ChatRequest, engine: Engine) -> None:
    if body.model:
        _check_name(body.model, engine)
    _check_fields(body)
    _check_fields(body.stream_options, "stream_options.")


def _check_name(name: str, engine: Engine) -> None:
    if name.lower() != engine.info.name.lower():
        raise ModelNotFound(f"The model “{name}” is not loaded here; “{engine.info.name}” is.")


def _check_fields(given: BaseModel | None, place: str = "") -> None:
    """Raise `FieldError` for a field that would change the answer if anything came of it; nothing is passed over."""
    for name, value in (given.model_extra or {} if given else {}).items():
        asks_nothing = value in (None, "", [], {}) or value in _WITHOUT_EFFECT_AS.get(name, ())
        if name not in _WITHOUT_EFFECT and not asks_nothing:
            raise FieldError(f"{place}{name}", "is not offered here; leave it out")


def _preset(body: ChatRequest) -> str:
    """The preset that `detail` asks for, if any; the same for all pictures, as those of one prompt share a budget."""
    details = {part.image_url.detail or "auto" for part in _parts(body) if part.image_url}
    if len(details) > 1:
        raise FieldError("detail", "has to be the same for all pictures of a request")
    return _DETAIL.get("".join(details), "")


def _parts(body: ChatRequest) -> Iterator[ContentPart]:
    return (part for message in body.messages if isinstance(message.content, list) for part in message.content)


def _options(body: ChatRequest, engine: Engine) -> GenerationOptions:
    """The request's sampling options over the model's own; a temperature near 0 is greedy."""
    is_greedy = body.temperature is not None and body.temperature < _LEAST_TEMPERATURE
    given = {
        "temperature": None if is_greedy else body.temperature,
        "top_p": body.top_p,
        "top_k": body.top_k,
        "repetition_penalty": body.repetition_penalty,
        "seed": body.seed,
        "max_new_tokens": min(filter(None, (body.max_completion_tokens, body.max_tokens)), default=None),
        "greedy": None if body.temperature is None else is_greedy,
    }
    own = sampling_of(engine.info)
    return replace(own, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Opening:
    """How media of a request are opened; setting `cancel` ends it."""

    limits: Limits
    sampling: Sampling
    cancel: threading.Event


def _message(message: ChatMessage, place: str, opening: _Opening) -> Message:
    _check_fields(message, f"{place}.")
    role: Role = "system" if message.role == "developer" else message.role
    content = message.content or ""
    if isinstance(content, str):
        return Message(role, (Text(content),))
    parts = (_part(part, role, f"{place}.content[{index}]", opening) for index, part in enumerate(content))
    return Message(role, tuple(parts))


def _part(part: ContentPart, role: Role, place: str, opening: _Opening) -> Part:
    _check_fields(part, f"{place}.")
    if part.type == "text" and part.text is not None:
        return Text(part.text)
    if part.type == "image_url" and part.image_url is not None and role == "user":
        _check_fields(part.image_url, f"{place}.image_url.")
        return image_from_data_url(part.image_url.url, opening.limits)
    if part.type == "video_url" and part.video_url is not None and role == "user":
        _check_fields(part.video_url, f"{place}.video_url.")
        return video_from_data_url(part.video_url.url, opening.limits.max_bytes, opening.sampling, opening.cancel)
    raise FieldError(place, "has to be a text, or in a message of the user an image_url or video_url with a data URL")


def _ending(last: Snapshot) -> dict[str, str]:
    """Why the answer ended, and in `notice`, which is not OpenAI's, what a person should know about it."""
    notice = {"notice": sentence} if (sentence := notice_of(last)) else {}
    return {"finish_reason": _FINISH[last.last.finish_reason or "cancelled"], **notice}


def usage_of(last: Snapshot) -> dict[str, int]:
    """OpenAI's `usage` object."""
    prompt, generated = last.last.prompt_tokens, last.last.generated_tokens
    return {"prompt_tokens": prompt, "completion_tokens": generated, "total_tokens": prompt + generated}


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _model_row(engine: Engine) -> dict[str, Any]:
    info = engine.info
    return {
        "id": info.name,
        "object": "model",
        "created": 0,
        "owned_by": "qwen-vl-studio",
        "family": info.family,
        "context_length": info.context_tokens,
    }
