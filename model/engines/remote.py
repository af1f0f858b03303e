"""The engine that asks a server with OpenAI's API: vLLM, SGLang, or this program on another machine.

Knows that API through the `openai` package, which also waits and tries again where a server is busy, fails at times or
cannot be reached. Pictures go out in the size in which the model is to see them, so that coordinates mean the same as
with a model in this process. Does not know how the server runs its model, what an answer means, or who asks. Imports
torch by way of the inputs' sizes, so nothing that the page needs at start may import it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import tempfile
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import ChoiceDelta
from PIL import Image as Pillow

from model import media
from model.catalog import FAMILIES, FRAMES_PER_TOKEN, POCKET_NAME, default_budget, of_each_frame
from model.encoding import from_pictures
from model.engines.base import Events, check_messages, check_options
from model.engines.local_inputs import input_size_wh
from model.engines.token_text import Piece, ThinkingSplitter
from model.errors import (
    ContextOverflow,
    EngineBusy,
    EngineError,
    ModelError,
    ModelNotFound,
    RequestError,
    StudioError,
    UnsupportedModel,
)
from model.types import (
    Chunk,
    EngineInfo,
    FinishReason,
    GenerationOptions,
    Image,
    MediumInput,
    Message,
    Part,
    PixelBudget,
    Prompt,
    Text,
    Video,
)

KEY_VARIABLE = "OPENAI_API_KEY"
"""The environment variable with the server's key, if it wants one; OpenAI's own name for it."""

_RETRIES = 6  # waiting 0.5, 1, 2, 4, 8 and 8 s, or as long as the server says
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_RETRIES_AT_START = 1
_POLL_S = 0.05
_CONTEXT_TOKENS = 32_768  # where the server does not say; what is longer it refuses itself
_CHARS_PER_TOKEN = 4  # about, in English
_MAX_SAID_CHARS = 200
_TRIED_BY_PACKAGE = (openai.APIStatusError, openai.APIConnectionError)
# OpenAI's types of errors, for those that come in a stream without a status of their own.
_STATUS_OF_TYPE = {"invalid_request_error": 400, "rate_limit_error": 429}
_NO_API = "There is no API like OpenAI's at this address, which usually ends in /v1."
_UNREACHABLE = "The server cannot be reached. Start it, or check its address."


def connect(base_url: str, model: str, family: str = "", *, retries: int = _RETRIES) -> RemoteEngine:
    """The engine for a model that a server offers. `base_url` is that of its API, usually ending in /v1.

    `family` is a key of `FAMILIES`, needed where the server's names do not tell it. The server's key comes from the
    environment. Raises `ModelError` when the server or the model cannot be had.
    """
    rows = _listed(base_url)
    row = {} if rows is None else _row_of(model, rows)
    return RemoteEngine(base_url, _info(model, row, family or _family(model, row)), retries=retries)


class RemoteEngine:
    """Answers through a server; as many answers are on their way at once as are asked for."""

    def __init__(self, base_url: str, info: EngineInfo, *, retries: int = _RETRIES) -> None:
        self._info = info
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key=_key(), max_retries=retries)
        self._waits_s = [min(_FIRST_WAIT_S * 2**count, _LONGEST_WAIT_S) for count in range(retries)]
        self._closing = threading.Event()
        # One loop for all answers: waiting for a server, or for the next try, ends at once when it is called off.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="remote", daemon=True)
        self._thread.start()

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def default_budget(self) -> PixelBudget:
        return default_budget(self._info.family, is_pocket=self._info.is_pocket)

    def prepare(
        self, messages: Sequence[Message], budget: PixelBudget | None = None, *, add_vision_id: bool = False
    ) -> Prompt:
        """See `Engine.prepare`. Tokens of words are an estimate: the tokenizer is the server's."""
        check_messages(messages)
        wanted = budget or self.default_budget
        sizes = tuple(self._medium(part, wanted) for message in messages for part in message.media)
        words = sum(len(message.text) for message in messages) // _CHARS_PER_TOKEN
        tokens = words + sum(size.tokens for size in sizes)
        if sum(size.tokens for size in sizes) >= self._info.context_tokens:
            raise ContextOverflow(f"The pictures have {tokens:,} tokens, more than fit. Use smaller or fewer ones.")
        return Prompt(tuple(messages), sizes, tokens, _payload(messages, sizes, add_vision_id))

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
        """See `Engine.stream`. Raises `ModelError` when the server or its model cannot be had any more."""
        check_options(options)
        arrived: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()
        answer = asyncio.run_coroutine_threadsafe(self._answer(prompt, options, arrived.put), self._loop)
        answer.add_done_callback(lambda _: arrived.put(None))
        last = Chunk("", prompt_tokens=prompt.tokens)
        try:
            while not (cancel.is_set() or self._closing.is_set()):
                try:
                    chunk = arrived.get(timeout=_POLL_S)
                except queue.Empty:
                    continue
                if chunk is None:
                    answer.result()
                    return
                last = chunk
                yield chunk
            yield replace(last, text="", kind="text", finish_reason="cancelled")
        finally:
            answer.cancel()

    def close(self) -> None:
        self._closing.set()
        asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _answer(self, prompt: Prompt, options: GenerationOptions, tell: Callable[[Chunk], None]) -> None:
        """Ask until an answer begins. The package tries again itself, but not where a stream begins with an error."""
        for wait_s in (*self._waits_s, None):
            answer = _Answer(prompt.tokens)
            try:
                await self._ask(prompt, options, answer, tell)
                return
            except Exception as error:
                plain, is_tried = _plain_error(error), isinstance(error, _TRIED_BY_PACKAGE)
                if wait_s is None or is_tried or answer.has_begun or not isinstance(plain, EngineError):
                    raise plain from error
            await asyncio.sleep(wait_s)

    async def _ask(
        self, prompt: Prompt, options: GenerationOptions, answer: _Answer, tell: Callable[[Chunk], None]
    ) -> None:
        request: dict[str, Any] = {
            "model": self._info.name,
            "messages": prompt.payload,
            "stream": True,
            "stream_options": {"include_usage": True},
            **_sampling(options),
        }
        stream: openai.AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(**request)
        async with stream:
            async for piece in stream:
                for chunk in answer.take(piece):
                    tell(chunk)
        for chunk in answer.finish():
            tell(chunk)

    def _medium(self, medium: Image | Video, budget: PixelBudget) -> MediumInput:
        """What the server will make of a medium, as every family's own processor does."""
        factor, pairs = FAMILIES[self._info.family].patch_factor, 1
        if isinstance(medium, Video):
            pairs = -(-len(medium.frames) // FRAMES_PER_TOKEN)
            budget = of_each_frame(len(medium.frames), budget, self._info.family, self._info.context_tokens)
        width, height = input_size_wh(medium.size_wh, budget, factor)
        return MediumInput(medium.size_wh, (width, height), pairs * width * height // factor**2)


class _Answer:
    """An answer that arrives in pieces: what they say, and their counts."""

    def __init__(self, prompt_tokens: int) -> None:
        self._prompt_tokens, self._generated_tokens = prompt_tokens, 0
        self._start_s = time.perf_counter()
        self._first_s: float | None = None
        self._reason: FinishReason | None = None
        self._splitter = ThinkingSplitter()

    @property
    def has_begun(self) -> bool:
        return self._first_s is not None

    def take(self, piece: ChatCompletionChunk) -> Iterator[Chunk]:
        for choice in piece.choices:
            said = list(self._said(choice.delta))
            if said:
                self._generated_tokens += 1  # until the server has counted them
                self._first_s = self._first_s or time.perf_counter() - self._start_s
            yield from (self._chunk(text, kind) for kind, text in said)
            if choice.finish_reason:
                self._reason = "length" if choice.finish_reason == "length" else "stop"
        if piece.usage:
            self._prompt_tokens, self._generated_tokens = piece.usage.prompt_tokens, piece.usage.completion_tokens

    def finish(self) -> Iterator[Chunk]:
        """What was held back, and the end; `EngineError` when the server did not tell one."""
        if self._reason is None:
            raise EngineError("The server broke off the answer.")
        yield from (self._chunk(text, kind) for kind, text in self._splitter.finish())
        yield replace(self._chunk("", "text"), finish_reason=self._reason)

    def _said(self, delta: ChoiceDelta) -> Iterator[Piece]:
        """Thinking comes in a field that servers name differently, or in tags."""
        for name in ("reasoning_content", "reasoning"):
            if thought := getattr(delta, name, None):
                yield "thinking", thought
        if delta.content:
            yield from self._splitter.feed(delta.content)

    def _chunk(self, text: str, kind: Any) -> Chunk:
        rate = self._generated_tokens / max(time.perf_counter() - self._start_s, 1e-9)
        return Chunk(text, kind, self._prompt_tokens, self._generated_tokens, self._first_s, rate)


def _key() -> str:
    return os.environ.get(KEY_VARIABLE) or "none"  # the package wants one, servers without a lock pass over it


def _listed(base_url: str) -> list[dict[str, Any]] | None:
    """What the server offers; None where it fails at telling, as transformers' own does, which can be asked yet."""
    try:
        with openai.OpenAI(base_url=base_url, api_key=_key(), max_retries=_RETRIES_AT_START) as client:
            return [row.to_dict() for row in client.models.list().data]
    except openai.InternalServerError:
        return None
    except openai.OpenAIError as error:
        raise _as_model_error(error) from error
    except Exception as error:  # the package takes for granted that the answer is what it asked for
        raise ModelNotFound(_NO_API) from error


def _row_of(model: str, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the server says of the model. Raises `ModelNotFound`."""
    for row in rows:
        if str(row.get("id")) == model:
            return row
    names = ", ".join(f"“{row.get('id')}”" for row in rows) or "none"
    raise ModelNotFound(f"The server does not have the model “{model}”. It has: {names}.")


def _family(model: str, row: Mapping[str, Any]) -> str:
    """By what the server says, or by a name: its own, or that of the checkpoint behind it (vLLM's `root`)."""
    if row.get("family") in FAMILIES:
        return str(row["family"])
    names = f"{model} {row.get('root', '')}".lower()
    for key in FAMILIES:
        if key.lower() in names:
            return key
    raise UnsupportedModel(f"The family of “{model}” cannot be told from its name. Name it: {', '.join(FAMILIES)}.")


def _info(model: str, row: Mapping[str, Any], family: str) -> EngineInfo:
    said = (row.get(name) for name in ("max_model_len", "context_length"))
    return EngineInfo(
        name=model,
        family=family,
        device="server",
        dtype="",
        quantization="none",
        memory_bytes=0,
        context_tokens=next((count for count in said if isinstance(count, int)), _CONTEXT_TOKENS),
        is_pocket=model == POCKET_NAME,
    )


def _sampling(options: GenerationOptions) -> dict[str, Any]:
    """Options as OpenAI's API has them; what it does not have, as vLLM, SGLang and this program do."""
    own: dict[str, Any] = {}
    if options.repetition_penalty != 1:
        own["repetition_penalty"] = options.repetition_penalty
    shared = {"max_tokens": options.max_new_tokens, **({} if options.seed is None else {"seed": options.seed})}
    if options.greedy:
        return {**shared, "temperature": 0, "extra_body": own}
    if options.top_k:
        own["top_k"] = options.top_k
    return {**shared, "temperature": options.temperature, "top_p": options.top_p, "extra_body": own}


def _payload(messages: Sequence[Message], sizes: Sequence[MediumInput], add_vision_id: bool) -> list[dict[str, Any]]:
    """Messages as OpenAI's API has them, with media inside; `add_vision_id` numbers them as chat templates do."""
    sizes_left, counts = iter(sizes), Counter[str]()

    def content(part: Part) -> Iterator[dict[str, Any]]:
        if isinstance(part, Text):
            yield {"type": "text", "text": part.text}
            return
        name = "Picture" if isinstance(part, Image) else "Video"
        counts[name] += 1
        if add_vision_id:
            yield {"type": "text", "text": f"{name} {counts[name]}: "}
        kind = "image_url" if isinstance(part, Image) else "video_url"
        yield {"type": kind, kind: {"url": _url_of(part, next(sizes_left).input_size_wh)}}

    return [
        {"role": message.role, "content": [piece for part in message.parts for piece in content(part)]}
        if message.role == "user"
        else {"role": message.role, "content": message.text}
        for message in messages
    ]


def _url_of(medium: Image | Video, size_wh: tuple[int, int]) -> str:
    if isinstance(medium, Video):
        return _video_url(medium)
    resized = media.pixels(medium).resize(size_wh, Pillow.Resampling.BICUBIC)
    return media.data_url(media.image_of(resized, medium.name))


def _video_url(video: Video) -> str:
    """The frames as an MP4 in which each stands as long as it stood in the video; the server picks among them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(index) for index in range(len(video.frames))]
        for path, frame in zip(paths, video.frames, strict=True):
            path.write_bytes(frame.data)
        out = Path(folder) / "frames.mp4"
        from_pictures([str(path) for path in paths], str(out), 1 / video.step_s)
        return f"data:video/mp4;base64,{b64encode(out.read_bytes()).decode('ascii')}"


def _as_model_error(error: Exception) -> ModelError:
    """Why a server that is asked for its models does not tell them."""
    if isinstance(error, openai.NotFoundError):
        return ModelNotFound(_NO_API)
    plain = _plain_error(error)
    return plain if isinstance(plain, ModelError) else ModelError(f"The server does not tell its models. {plain}")


def _plain_error(error: Exception) -> StudioError:
    """A failure of the server in a sentence: of the server itself (`ModelError`), or of one answer."""
    if isinstance(error, StudioError):
        return error
    if isinstance(error, openai.APITimeoutError):
        return EngineError("The server took too long to answer.")
    if isinstance(error, openai.APIConnectionError):
        return ModelError(_UNREACHABLE)
    if isinstance(error, openai.APIError):
        return _of_status(error, _status_of(error))
    return EngineError("The server broke off the answer.")


def _status_of(error: openai.APIError) -> int:
    """The HTTP status; of an error in a stream the one that it names, as vLLM does, or that its type stands for."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code
    code: object = error.code
    return code if isinstance(code, int) else _STATUS_OF_TYPE.get(error.type or "", 500)


def _of_status(error: openai.APIError, status: int) -> StudioError:
    if status in (401, 403):
        return ModelError(f"The server does not accept the key. Set {KEY_VARIABLE} to the one that it wants.")
    if error.code == "insufficient_quota":
        return ModelError("What the key may use on this server is used up.")
    if status == 404:
        return ModelNotFound("The server does not have the model any more.")
    if status == 429:
        return EngineBusy("The server has too much to do. Try again later.")
    return _refusal(error, status) if status < 500 else EngineError(f"The server failed (HTTP {status}).")


def _refusal(error: openai.APIError, status: int) -> RequestError:
    """The server's own words on what is wrong with the question, without more of them than a person reads."""
    body: Any = error.body
    message = body.get("message") if isinstance(body, dict) else None
    said = " ".join(str(message).split())[:_MAX_SAID_CHARS] if message else f"HTTP {status}"
    is_too_long = error.code == "context_length_exceeded" or "context length" in said
    return (ContextOverflow if is_too_long else RequestError)(f"The server refused the question: {said}")
