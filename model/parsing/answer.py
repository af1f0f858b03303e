"""The one way to read an answer: text in, a cumulative `Answer` out, while it streams or at once.

Knows how the parts of this package work together. Each of them knows its own form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Any, Generic, TypeVar

from model.parsing.findings import Findings
from model.parsing.lines import PLAIN_START
from model.parsing.markup import Form, MarkupReader
from model.parsing.problems import Defect
from model.parsing.prose import LAST_LINES, Prose
from model.parsing.reader import TextReader
from model.parsing.tools import read_thoughts
from model.types import Action, Answer, Block, Convention, Document, MediumInput, Region, TimeEvent

Source = TypeVar("Source", bound=Sized)
Result = TypeVar("Result")

MIN_EQUAL_LINES = LAST_LINES - 1
"""So many equal lines at the end of the text are a loop."""


class AnswerParser:
    """Reads one answer. `feed` as text arrives, then `finish`; neither raises, whatever the text is.

    `convention` says how boxes and points are written, `action_convention` (None: the same) the places of tool calls;
    `media` are the pictures in the order of the prompt, `image_index` is the one that is meant until the text names
    another. Events come in the order of time and are bounded by `duration_s`, the length of the video, which also says
    that a clock in a sentence is the video's; `offset_s` is added to times that count from a part's first frame, and
    `range_s` is the part (start, end) of the video that was shown, outside of which there are no events.
    Regions come in the order in which they were complete; their spans are places in the whole text fed. A page that is
    written out in the answer is the first picture; its blocks get the number `page`, and `form` says how to read a text
    that does not tell by itself that it is a page ("auto": not at all).
    """

    def __init__(
        self,
        convention: Convention,
        media: Sequence[MediumInput] = (),
        *,
        action_convention: Convention | None = None,
        image_index: int = 0,
        duration_s: float | None = None,
        offset_s: float = 0.0,
        range_s: tuple[float, float] | None = None,
        form: Form = "auto",
        page: int = 1,
    ) -> None:
        self._findings = Findings(convention, media, action_convention, duration_s, offset_s, range_s)
        self._prose = Prose()
        markup = MarkupReader(convention, media, form=form, page=page)
        self._reader = TextReader(self._findings, self._prose, markup, image_index)
        self._is_finished = False
        self._regions = _Frozen[list[Region], tuple[Region, ...]](tuple, [])
        self._events = _Frozen[list[TimeEvent], tuple[TimeEvent, ...]](_by_time, [])
        self._actions = _Frozen[list[Action], tuple[Action, ...]](tuple, [])
        self._fields = _Frozen[dict[str, Any], dict[str, Any]](dict, {})
        self._blocks = _Frozen[list[Block], tuple[Block, ...]](tuple, [])

    def feed(self, text: str) -> Answer:
        """Read on; the answer so far. After `finish` nothing more is read."""
        if not self._is_finished:
            self._reader.feed(text)
        return self._snapshot()

    def finish(self) -> Answer:
        """End of the text: read what was held back and tell what was left unfinished."""
        if not self._is_finished:
            self._is_finished = True
            self._end()
        return self._snapshot()

    def _end(self) -> None:
        self._reader.finish()
        if self._findings.problems.was_cut or self._reader.last_was_line:
            self._findings.fold_loop()
        if self._findings.actions:
            self._findings.add_fields(read_thoughts(self._prose.text))
        problems, markup = self._findings.problems, self._reader.markup
        if _ends_in_a_loop(self._prose.last_lines):
            (markup.problems if markup.is_page else problems).note_once(Defect.REPEATED_LINE)
        if markup.problems.was_cut:
            problems.forget_cut()

    def _document(self) -> Document | None:
        markup = self._reader.markup
        if not markup.is_page:
            return None
        return Document(self._blocks.of(markup.blocks), problems=markup.problems.sentences())

    def _snapshot(self) -> Answer:
        found, document = self._findings, self._document()
        return Answer(
            text=self._prose.text_without_line if PLAIN_START.match(self._prose.line) else self._prose.text,
            regions=self._regions.of(found.regions),
            events=self._events.of(found.events),
            fields=self._fields.of(found.fields),
            actions=self._actions.of(found.actions),
            problems=found.problems.sentences() + (document.problems if document else ()),
            document=document,
        )


class _Frozen(Generic[Source, Result]):
    """Copies of something that grows: the last one while it has not grown, so that a token costs the same however much
    was found before it.
    """

    def __init__(self, copy: Callable[[Source], Result], empty: Source) -> None:
        self._copy = copy
        self._source = empty
        self._result = copy(empty)
        self._length = 0

    def of(self, source: Source) -> Result:
        if source is not self._source or len(source) != self._length:
            self._source, self._result, self._length = source, self._copy(source), len(source)
        return self._result


def parse_answer(
    text: str,
    convention: Convention,
    media: Sequence[MediumInput] = (),
    *,
    action_convention: Convention | None = None,
    image_index: int = 0,
    duration_s: float | None = None,
    offset_s: float = 0.0,
    range_s: tuple[float, float] | None = None,
    form: Form = "auto",
    page: int = 1,
) -> Answer:
    """A whole answer, read in the same way as a streamed one."""
    parser = AnswerParser(
        convention,
        media,
        action_convention=action_convention,
        image_index=image_index,
        duration_s=duration_s,
        offset_s=offset_s,
        range_s=range_s,
        form=form,
        page=page,
    )
    parser.feed(text)
    return parser.finish()


def _by_time(events: Iterable[TimeEvent]) -> tuple[TimeEvent, ...]:
    return tuple(sorted(events, key=lambda event: (event.start_s, event.end_s)))


def _ends_in_a_loop(last_lines: Iterable[str]) -> bool:
    """Whether the last whole lines are all the same; the very last may have been cut."""
    lines = list(last_lines)[:-1]
    return len(lines) == MIN_EQUAL_LINES and len(set(lines)) == 1
