"""What a model writes about pages: how one page is asked for, what has been read while the answer streams, questions.

Knows modes, engines and parsing; the Document tab, the HTTP API and the batch command share it. Knows no files, no
storage, no widgets and no HTTP.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from app.answering import Answering, Snapshot
from app.grounding import preset_of
from model.catalog import FAMILIES, budget_of_tokens
from model.engines.base import Engine
from model.errors import RequestError
from model.parsing import DocumentParser, read_document
from model.prompts import FIELD_PRESETS, ask_prompt, document_prompt
from model.types import Document, EngineInfo, FinishReason, Image, MediumInput, Message, Part, Prompt, ReadingMode, Text

# The same page read again gives the same text, so that corrections made by hand still fit.
_SEED = 0
# A dense page of layout has several thousand tokens, whatever the preset says of answers in words.
_MIN_NEW_TOKENS = 8192
# Pages that get fewer visual tokens than this cannot be read by anybody.
_MIN_TOKENS_PER_PAGE = 48
# Of a model's context, what pages of a question may fill; the rest is for the words and the answer.
_SHARE_FOR_PAGES = 0.75
# How much finer than the model sees it a page of a question is, so that scaling it twice costs nothing to be seen.
_SPARE_PIXELS = 2

_BROKE_OFF = "The page was not read to its end, so something is missing."
_NOT_WHOLE: Mapping[FinishReason | None, str] = {
    None: _BROKE_OFF,
    "cancelled": _BROKE_OFF,
    "length": "The answer reached the limit of its length, so something of the page may be missing.",
    "repetition": "The answer repeated itself and was stopped, so something of the page may be missing.",
}

DocumentUse = ReadingMode | Literal["ask"]
"""What can be done with documents: read them in a mode, or ask a question about them."""

POCKET_LEARNED: frozenset[DocumentUse] = frozenset()
"""What the pocket model was trained for."""
_DOING: Mapping[DocumentUse, str] = {
    "text": "read documents",
    "lines": "read lines",
    "markdown": "write Markdown of documents",
    "layout": "find the layout of documents",
    "tables": "read tables",
    "fields": "read fields",
    "ask": "answer questions about documents",
}
_LARGER = "start with a larger model for that, for example with --model Qwen/Qwen3-VL-4B-Instruct."


@dataclass(frozen=True, slots=True)
class ReadingAsk:
    """What to read of a page. `fields` are the names asked for in the mode "fields"; `preset` is the model's first one
    when empty."""

    mode: ReadingMode = "markdown"
    fields: tuple[str, ...] = ()
    preset: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model has written about one page so far, and what that says.

    `raw` is the model's own text, which the spans of the blocks point into. `finish_reason` is None as long as more is
    to come. `medium` has the sizes that its coordinates are read with. `waiting` and `thinking` are as in `Snapshot`.
    """

    page: int
    ask: ReadingAsk
    model: str
    family: str
    medium: MediumInput
    raw: str = ""
    document: Document = field(default_factory=Document)
    finish_reason: FinishReason | None = None
    waiting: int = 0
    is_thinking: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether reading the page again would come no further: all but what broke off or was stopped by a person."""
        return self.finish_reason not in (None, "cancelled")

    @property
    def is_whole(self) -> bool:
        """Whether the model came to an end of its own, neither broken off nor at a limit."""
        return self.finish_reason == "stop"

    @property
    def problems(self) -> tuple[str, ...]:
        """What has to be known about a reading that is over: why it is not whole, and what its text says."""
        return (*(() if self.is_whole else (_NOT_WHOLE[self.finish_reason],)), *self.document.problems)

    def parsed(self) -> Reading:
        """The same with the document read from the text anew."""
        convention = FAMILIES[self.family].convention
        mode, fields = self.ask.mode, self.ask.fields
        document = read_document(self.raw, mode, convention, self.medium, page=self.page, fields=fields)
        return replace(self, document=document)


def fields_named(names: Sequence[str]) -> tuple[str, ...]:
    """Names of fields as somebody typed them, each once; a kind of document, named alone, stands for its fields."""
    fields = tuple(dict.fromkeys(filter(None, map(str.strip, names))))
    preset = FIELD_PRESETS.get("_".join(fields[0].lower().split())) if len(fields) == 1 else None
    return preset.fields if preset else fields


def not_learned(info: EngineInfo, use: DocumentUse) -> str:
    """Says that the model was not trained for such a use and what to do about it; empty where it was."""
    if not info.is_pocket or use in POCKET_LEARNED:
        return ""
    return f"The pocket model has not learned to {_DOING[use]}; {_LARGER}"


def advice(info: EngineInfo, use: DocumentUse) -> str:
    """What to know before documents are put to such a use with the model; mostly nothing."""
    if not info.is_pocket:
        return ""
    return not_learned(info, use) or f"The pocket model reads short texts in large, clear type, with errors; {_LARGER}"


def check_reads(info: EngineInfo, use: DocumentUse) -> None:
    """Raises `RequestError` for a model that has not learned it: what it wrote would be kept as if it were so."""
    if sentence := not_learned(info, use):
        raise RequestError(sentence)


def read_page(engine: Engine, image: Image, ask: ReadingAsk, page: int, cancel: threading.Event) -> Iterator[Reading]:
    """Read the picture of a page, and give what is read again and again while the answer streams; the last is complete.

    Raises `StudioError`, after the last of what was read, when the answer breaks off.
    """
    info = engine.info
    prompt = _prompt(engine, (image,), document_prompt(info.family, ask.mode, ask.fields), ask.preset)
    convention = FAMILIES[info.family].convention
    parser = DocumentParser(ask.mode, convention, prompt.media[0], page=page, fields=ask.fields)
    reading = Reading(page, ask, info.name, info.family, prompt.media[0])
    for snapshot in _snapshots(engine, prompt, ask.preset, cancel):
        if snapshot.media[0] != reading.medium:  # made smaller for want of memory, before the first word
            reading = replace(reading, medium=snapshot.media[0])
            parser = DocumentParser(ask.mode, convention, reading.medium, page=page, fields=ask.fields)
        document = parser.feed(snapshot.text[len(reading.raw) :])
        if snapshot.last.finish_reason:
            document = parser.finish()
        reading = replace(
            reading,
            raw=snapshot.text,
            document=document,
            finish_reason=snapshot.last.finish_reason,
            waiting=snapshot.waiting,
            is_thinking=bool(snapshot.thinking and not snapshot.text),
        )
        yield reading


def ask_about(
    engine: Engine, images: Sequence[tuple[int, Image]], page_count: int, question: str, cancel: threading.Event
) -> Iterator[Snapshot]:
    """Ask about pages, given with their numbers, and give the answer so far again and again.

    Raises `RequestError` when there is no question, or when there are more pages than the model can look at at once.
    """
    if not question.strip():
        raise RequestError("Write what you want to know first.")
    text = ask_prompt(question.strip(), [page for page, _ in images], page_count)
    pictures = tuple(image for _, image in images)
    prompt = _prompt(engine, pictures, text, "", _tokens_per_page(engine.info, len(images)))
    yield from _snapshots(engine, prompt, "", cancel)


def most_pages(info: EngineInfo) -> int:
    """How many pages the model can look at in one question."""
    return max(1, int(info.context_tokens * _SHARE_FOR_PAGES) // _MIN_TOKENS_PER_PAGE)


def pixels_per_page(info: EngineInfo, count: int) -> int:
    """How many pixels of each page a question about so many has use for: more of them the model would throw away.

    Raises `RequestError` when there are more pages than the model can look at at once.
    """
    budget = preset_of(info, "").page_budget
    most = budget_of_tokens(info.family, _tokens_per_page(info, count)).max_pixels
    return _SPARE_PIXELS * min(most, budget.max_pixels)


def _tokens_per_page(info: EngineInfo, count: int) -> int:
    """The share of the context that each page gets."""
    if count > most_pages(info):
        raise RequestError(
            f"{count:,} pages are more than this model can look at in one question. Choose up to {most_pages(info):,}."
        )
    return int(info.context_tokens * _SHARE_FOR_PAGES) // count


def _prompt(engine: Engine, images: Sequence[Image], text: str, preset: str, max_tokens: int | None = None) -> Prompt:
    """Pictures and then words; `max_tokens` bounds the visual tokens of each picture, beside the preset."""
    budget = preset_of(engine.info, preset).page_budget
    if max_tokens is not None:
        most = budget_of_tokens(engine.info.family, max_tokens).max_pixels
        budget = replace(budget, max_pixels=max(budget.min_pixels, min(budget.max_pixels, most)))
    parts: tuple[Part, ...] = (*images, Text(text))
    return engine.prepare([Message("user", parts)], budget)


def _snapshots(engine: Engine, prompt: Prompt, preset: str, cancel: threading.Event) -> Generator[Snapshot, None, None]:
    options = preset_of(engine.info, preset).options
    options = replace(options, seed=_SEED, max_new_tokens=max(options.max_new_tokens, _MIN_NEW_TOKENS))
    return Answering(engine, prompt, options, cancel).snapshots()
