"""The engine that runs a Qwen-VL model in this process, through transformers.

Knows tensors, chat templates and threads: one worker thread and one streamer for each answer, one answer at a time.
Does not know where a model comes from (`model.loading` builds this), what an answer means, or who asks. Imports torch
and transformers at the top, so nothing that the page needs at start may import it.
"""

from __future__ import annotations

import contextlib
import gc
import io
import queue
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL import Image as Pillow
from transformers import BatchFeature, GenerationConfig, PreTrainedModel, ProcessorMixin, StoppingCriteria
from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.generation.streamers import BaseStreamer

from model import media
from model.catalog import default_budget, within
from model.engines.base import Events, FairQueue, check_messages, check_options
from model.engines.local_inputs import PIXELS, InputMaker
from model.engines.memory import reading_bytes
from model.engines.token_text import THINK_OPEN, Piece, RepetitionDetector, ThinkingSplitter, TokenBytes, TokenDecoder
from model.errors import ContextOverflow, EngineError, OutOfMemory, StudioError
from model.types import (
    Chunk,
    EngineInfo,
    FinishReason,
    GenerationOptions,
    Message,
    PixelBudget,
    Prompt,
    Queued,
    Resized,
    StreamEvent,
    Text,
)

# No tokenizer packs more characters than this into a token on average; a longer text is refused before it is cut up.
_MAX_CHARS_PER_TOKEN = 64

# Ends of a turn in every Qwen chat template, for checkpoints whose generation_config.json does not list them.
_END_TOKENS = ("<|im_end|>", "<|endoftext|>")

_CHANGED = "The model was changed in the meantime. Send the message again."


@dataclass(frozen=True, slots=True)
class _Payload:
    """What `stream` needs of a prompt. `engine` is the one whose vocabulary the ids belong to."""

    engine: LocalEngine
    inputs: BatchFeature
    opens_thinking: bool
    add_vision_id: bool


class LocalEngine:
    """Answers with a loaded model. `max_waiting` answers may wait for the one that is being generated."""

    def __init__(
        self, model: PreTrainedModel, processor: ProcessorMixin, info: EngineInfo, *, max_waiting: int = 8
    ) -> None:
        self._model: PreTrainedModel | None = model
        self._inputs = InputMaker(processor, info.family, info.context_tokens)
        self._info = info
        self._queue = FairQueue(max_waiting)
        self._closing = threading.Event()
        self._end_ids = _end_ids(model, processor)
        self._token_bytes = _token_bytes(processor)
        pad = processor.tokenizer.pad_token_id
        if pad is None:
            pad = min(self._end_ids)
        self._dropped_ids = frozenset(self._end_ids | {pad})
        # Values that a request leaves out are filled in from here, so nothing of the checkpoint's may remain.
        model.generation_config = GenerationConfig(eos_token_id=sorted(self._end_ids), pad_token_id=pad)

    @property
    def info(self) -> EngineInfo:
        return self._info

    @property
    def default_budget(self) -> PixelBudget:
        """The program's cap for the model, within the checkpoint's own bounds."""
        wanted = default_budget(self._info.family, is_pocket=self._info.is_pocket)
        return within(self._inputs.native_budget, wanted)

    def prepare(
        self, messages: Sequence[Message], budget: PixelBudget | None = None, *, add_vision_id: bool = False
    ) -> Prompt:
        """See `Engine.prepare`. Control tokens that a person typed become ordinary text.

        The budget holds as far as the checkpoint's own bounds (its preprocessor_config.json) allow it: beyond them a
        model was never trained.
        """
        check_messages(messages)
        self._check_open()
        self._check_characters(messages)
        bounded = within(self._inputs.native_budget, budget) if budget else self.default_budget
        inputs, last_words = self._encode(messages, bounded, add_vision_id)
        tokens = inputs["input_ids"].shape[1]
        if tokens >= self._info.context_tokens:
            raise self._overflow(f"{tokens:,}")
        payload = _Payload(self, inputs, last_words.rstrip().endswith(THINK_OPEN), add_vision_id)
        return Prompt(
            tuple(messages), self._inputs.media(messages, inputs), tokens, payload, self._memory_bytes(inputs)
        )

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
        """See `Engine.stream`. A consumer that is slow, or gone, holds up neither its own worker nor anyone else."""
        check_options(options)
        payload = prompt.payload
        if not isinstance(payload, _Payload) or payload.engine is not self:
            raise EngineError(_CHANGED)
        decoder = TokenDecoder(self._token_bytes, self._dropped_ids)
        answer = _Answer(prompt, payload, options, (cancel, self._closing), self._end_ids, decoder)
        ticket = self._queue.enter()
        threading.Thread(target=self._work, args=(answer, ticket), name="generate", daemon=True).start()
        try:
            yield from answer.events()
        finally:
            answer.abandon()

    def close(self) -> None:
        self._closing.set()
        self._queue.drain()
        self._model = None
        _free_memory()

    def self_test(self) -> None:
        """Raise `EngineError` unless the model answers a small picture with finite numbers.

        Half precision that overflows, or damaged weights, would otherwise be met as an answer without sense.
        """
        buffer = io.BytesIO()
        Pillow.new("RGB", (64, 64), "gray").save(buffer, "PNG")
        message = Message("user", (media.read_image(buffer.getvalue()), Text("Hello")))
        model = self._loaded()
        inputs, _ = self._encode([message], self.default_budget, add_vision_id=False)
        with torch.no_grad():
            logits = model(**_moved(inputs, model.device)).logits[:, -1]
        if not torch.isfinite(logits).all():
            raise EngineError("This model gives no numbers in this precision. Choose another one.")

    def _work(self, answer: _Answer, ticket: object) -> None:
        """The worker thread: whatever happens, the turn is passed on and the consumer hears of the end."""
        failure: StudioError | None = None
        try:
            for queued in self._queue.wait(ticket, answer.should_stop):
                answer.tell(queued)
            self._check_open()
            answer.start()
            while not (answer.should_stop() or self._generated(answer)):
                self._shrink(answer)
        except Exception as error:
            failure = _plain_error(error)
        if isinstance(failure, OutOfMemory):
            _free_memory()
        self._queue.leave(ticket)
        answer.finish(failure)

    def _generated(self, answer: _Answer) -> bool:
        """Whether there was memory for the answer's first token; an error after it is raised."""
        try:
            self._generate(answer)
        except Exception as error:
            if answer.has_begun or not _is_out_of_memory(error):
                raise
            return False
        return True

    def _shrink(self, answer: _Answer) -> None:
        """Make the pictures of an answer half as large; `OutOfMemory` when there are none or they cannot be smaller.

        Called when the error is gone, because its traceback holds the very tensors that are to be freed.
        """
        _free_memory()
        areas = [medium.input_size_wh[0] * medium.input_size_wh[1] for medium in answer.media]
        if not areas:
            raise _out_of_memory()
        native, half = self._inputs.native_budget, max(areas) // 2
        budget = within(native, PixelBudget(min(native.min_pixels, half), half))
        inputs, _ = self._encode(answer.messages, budget, answer.add_vision_id)
        media = self._inputs.media(answer.messages, inputs)
        if media == answer.media:
            raise _out_of_memory()
        answer.shrink(inputs, Resized(media, inputs["input_ids"].shape[1]))

    def _generate(self, answer: _Answer) -> None:
        model = self._loaded()
        with _seeded(answer.options, model.device):
            model.generate(
                **_moved(answer.inputs, model.device),
                generation_config=_generation_config(answer.options, self._room(answer)),
                streamer=answer,
                stopping_criteria=[_StopWhen(answer)],
            )

    def _room(self, answer: _Answer) -> int:
        """How many tokens may follow: what was asked for, as far as the context goes."""
        return max(1, min(answer.options.max_new_tokens, self._info.context_tokens - answer.prompt_tokens))

    def _encode(
        self, messages: Sequence[Message], budget: PixelBudget, add_vision_id: bool
    ) -> tuple[BatchFeature, str]:
        """The model's inputs, on the CPU, and the text of the prompt's last tokens."""
        inputs = self._inputs.make(messages, budget, add_vision_id=add_vision_id)
        for name in PIXELS:
            if name in inputs:
                inputs[name] = inputs[name].to(self._loaded().dtype)
        return inputs, self._inputs.decode(inputs["input_ids"][0, -8:])

    def _memory_bytes(self, inputs: BatchFeature) -> int:
        model = self._loaded()
        patches = sum(inputs[name].shape[0] for name in PIXELS if name in inputs)
        tokens = inputs["input_ids"].shape[1]
        return reading_bytes(model.config, tokens=tokens, patches=patches, value_bytes=model.dtype.itemsize)

    def _loaded(self) -> PreTrainedModel:
        if self._model is None:
            raise EngineError(_CHANGED)
        return self._model

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise EngineError(_CHANGED)

    def _check_characters(self, messages: Sequence[Message]) -> None:
        characters = sum(len(message.text) for message in messages)
        if characters > self._info.context_tokens * _MAX_CHARS_PER_TOKEN:
            raise self._overflow(f"at least {characters // _MAX_CHARS_PER_TOKEN:,}")

    def _overflow(self, tokens: str) -> ContextOverflow:
        return ContextOverflow(
            f"This conversation has {tokens} tokens, and the model takes {self._info.context_tokens:,}. "
            "Start a new conversation, or use fewer or smaller pictures."
        )


class _Answer(BaseStreamer):  # type: ignore[misc]  # transformers is untyped here
    """One answer in the making: the streamer that the worker feeds, and the queue that the consumer reads."""

    def __init__(
        self,
        prompt: Prompt,
        payload: _Payload,
        options: GenerationOptions,
        stop_flags: tuple[threading.Event, ...],
        end_ids: frozenset[int],
        decoder: TokenDecoder,
    ) -> None:
        self.messages, self.media, self.prompt_tokens = prompt.messages, prompt.media, prompt.tokens
        self.inputs = payload.inputs
        self.add_vision_id = payload.add_vision_id
        self.options = options
        self._abandoned = threading.Event()
        self._stop_flags = (*stop_flags, self._abandoned)
        self._end_ids = end_ids
        self._decoder = decoder
        self._splitter = ThinkingSplitter(payload.opens_thinking)
        self._loops = RepetitionDetector()
        self._events: queue.SimpleQueue[StreamEvent | StudioError] = queue.SimpleQueue()
        self._is_prompt = True
        self._reason: FinishReason | None = None
        self._count = 0
        self._start_s = self._first_s = self._now_s = time.perf_counter()

    def events(self) -> Iterator[StreamEvent]:
        """The consumer's side: events as they come, up to the chunk with a reason, or the worker's error."""
        while True:
            event = self._events.get()
            if isinstance(event, StudioError):
                raise event
            yield event
            if isinstance(event, Chunk) and event.finish_reason is not None:
                return

    def abandon(self) -> None:
        """The consumer's last word: it reads no more."""
        self._abandoned.set()

    def tell(self, queued: Queued) -> None:
        self._events.put(queued)

    def start(self) -> None:
        """Called when the turn has come; the time to the first token is counted from here."""
        self._start_s = time.perf_counter()

    @property
    def has_begun(self) -> bool:
        """Whether there is a first token."""
        return self._count > 0

    def shrink(self, inputs: BatchFeature, resized: Resized) -> None:
        """Begin anew with smaller pictures, and tell the consumer."""
        self.inputs, self.media, self.prompt_tokens = inputs, resized.media, resized.prompt_tokens
        self._is_prompt = True
        self._events.put(resized)

    def put(self, value: torch.Tensor) -> None:
        """Called by `generate` with the prompt's ids first, then with each new token."""
        if self._is_prompt:
            self._is_prompt = False
            return
        if self._reason is not None:
            return  # one more token comes after the streamer has asked for the end
        self._take(int(value[0]))

    def end(self) -> None:
        """Called by `generate` when it ends well; `finish` tells the consumer, because it can tell errors too."""

    def should_stop(self) -> bool:
        return self._reason is not None or any(flag.is_set() for flag in self._stop_flags)

    def finish(self, failure: StudioError | None) -> None:
        """The worker's last word: what was held back, then the error or the last chunk."""
        self._emit(self._splitter.feed(self._decoder.finish()) + self._splitter.finish())
        reason = self._reason or ("cancelled" if self.should_stop() else "length")
        self._events.put(failure or self._chunk("text", "", reason))

    def _take(self, token: int) -> None:
        self._now_s = time.perf_counter()
        self._count += 1
        if self._count == 1:
            self._first_s = self._now_s
        if token in self._end_ids:
            self._reason = "stop"
            return
        self._emit(self._splitter.feed(self._decoder.feed(token)))
        if self._loops.feed(token):
            self._reason = "repetition"

    def _emit(self, pieces: list[Piece]) -> None:
        for kind, text in pieces:
            self._events.put(self._chunk(kind, text, None))

    def _chunk(self, kind: str, text: str, reason: FinishReason | None) -> Chunk:
        """Speed is counted from the first token on, so that a long prompt does not make a model look slow."""
        decoding_s = self._now_s - self._first_s
        return Chunk(
            text,
            "thinking" if kind == "thinking" else "text",
            self.prompt_tokens,
            self._count,
            self._first_s - self._start_s if self._count else None,
            (self._count - 1) / decoding_s if decoding_s > 0 else 0.0,
            reason,
        )


class _StopWhen(StoppingCriteria):  # type: ignore[misc]  # transformers is untyped here
    """Ends `generate` after the token in which somebody asked for it."""

    def __init__(self, answer: _Answer) -> None:
        self._answer = answer

    def __call__(self, input_ids: torch.Tensor, scores: object, **kwargs: object) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._answer.should_stop(), device=input_ids.device, dtype=torch.bool)


def _end_ids(model: PreTrainedModel, processor: ProcessorMixin) -> frozenset[int]:
    """Every token that ends an answer: those the checkpoint lists and those of the family's chat format."""
    listed = model.generation_config.eos_token_id
    ids = set(listed if isinstance(listed, list) else [listed])
    vocabulary = processor.tokenizer.get_vocab()
    ids |= {vocabulary.get(token) for token in _END_TOKENS} | {processor.tokenizer.eos_token_id}
    return frozenset(token for token in ids if token is not None)


def _token_bytes(processor: ProcessorMixin) -> TokenBytes:
    tokenizer = processor.tokenizer
    added = {token: entry.content for token, entry in tokenizer.added_tokens_decoder.items()}
    byte_of = {char: byte for byte, char in bytes_to_unicode().items()}
    return TokenBytes(tokenizer.convert_ids_to_tokens, byte_of, added)


def _moved(inputs: BatchFeature, device: torch.device) -> dict[str, torch.Tensor]:
    """Copies on the device; `BatchFeature.to` would leave them there for as long as the prompt is kept."""
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def _generation_config(options: GenerationOptions, max_new_tokens: int) -> GenerationConfig:
    shared = {"max_new_tokens": max_new_tokens, "repetition_penalty": options.repetition_penalty}
    if _is_greedy(options):
        return GenerationConfig(do_sample=False, **shared)
    return GenerationConfig(
        do_sample=True, temperature=options.temperature, top_p=options.top_p, top_k=options.top_k, **shared
    )


def _is_greedy(options: GenerationOptions) -> bool:
    """Temperature 0 means greedy too, as in every API."""
    return options.greedy or options.temperature <= 0


@contextlib.contextmanager
def _seeded(options: GenerationOptions, device: torch.device) -> Iterator[None]:
    """Seed the global generators (`generate` knows no others) for one answer, and put them back as they were."""
    if _is_greedy(options):
        yield
        return
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(options.seed if options.seed is not None else secrets.randbits(63))
        yield


def _plain_error(error: Exception) -> StudioError:
    """What the consumer gets. A full memory keeps no cause: its traceback would hold the very tensors to be freed."""
    if isinstance(error, StudioError):
        return error
    if _is_out_of_memory(error):
        return _out_of_memory()
    failure = EngineError("The model failed while answering. Send the message again.")
    failure.__cause__ = error
    return failure


def _out_of_memory() -> OutOfMemory:
    return OutOfMemory("The memory is full. Use smaller or fewer pictures, or the preset for low memory.")


def _is_out_of_memory(error: Exception) -> bool:
    """MPS and the CPU allocator raise a plain RuntimeError."""
    text = str(error)
    named = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return named or "out of memory" in text.lower() or "can't allocate memory" in text


def _free_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
