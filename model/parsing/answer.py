"""The one way to read an answer: text in, a cumulative `Answer` out, while it streams or at once.

Knows how the parts of this package work together. Each of them knows its own form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model.parsing.findings import Findings
from model.parsing.lines import PLAIN_START
from model.parsing.problems import Defect
from model.parsing.prose import Prose
from model.parsing.reader import TextReader
from model.parsing.tools import read_thoughts
from model.types import Answer, Convention, MediumInput

MIN_EQUAL_LINES = 4
"""So many equal lines at the end of the prose are a loop."""


class AnswerParser:
    """Reads one answer. `feed` as text arrives, then `finish`; neither raises, whatever the text is.

    `convention` says how boxes and points are written, `action_convention` (None: the same) the places of tool calls;
    `media` are the pictures in the order of the prompt. Events are bounded by `duration_s`, the length of the video.
    Regions come in the order in which they were complete; their spans are places in the whole text fed.
    """

    def __init__(
        self,
        convention: Convention,
        media: Sequence[MediumInput] = (),
        *,
        action_convention: Convention | None = None,
        duration_s: float | None = None,
    ) -> None:
        self._findings = Findings(convention, media, action_convention, duration_s)
        self._prose = Prose()
        self._reader = TextReader(self._findings, self._prose)
        self._answer = Answer()

    def feed(self, text: str) -> Answer:
        """Read on; the answer so far."""
        self._reader.feed(text)
        return self._snapshot()

    def finish(self) -> Answer:
        """End of the text: read what was held back and tell what was left unfinished."""
        self._reader.finish()
        if self._findings.problems.was_cut or self._reader.last_was_line:
            self._findings.fold_loop()
        if self._findings.actions:
            self._findings.add_fields(read_thoughts(self._prose.text))
        if _ends_in_a_loop(self._prose.text):
            self._findings.problems.note_once(Defect.REPEATED_LINE)
        return self._snapshot()

    def _snapshot(self) -> Answer:
        found, last = self._findings, self._answer
        self._answer = Answer(
            text=self._prose.text_without_line if PLAIN_START.match(self._prose.line) else self._prose.text,
            regions=_frozen(found.regions, last.regions),
            events=_frozen(found.events, last.events),
            fields=last.fields if last.fields == found.fields else dict(found.fields),
            actions=_frozen(found.actions, last.actions),
            problems=found.problems.sentences(),
        )
        return self._answer


def parse_answer(
    text: str,
    convention: Convention,
    media: Sequence[MediumInput] = (),
    *,
    action_convention: Convention | None = None,
    duration_s: float | None = None,
) -> Answer:
    """A whole answer, read in the same way as a streamed one."""
    parser = AnswerParser(convention, media, action_convention=action_convention, duration_s=duration_s)
    parser.feed(text)
    return parser.finish()


def _frozen(found: list[Any], last: tuple[Any, ...]) -> tuple[Any, ...]:
    """`found` as a tuple: the last one if nothing was added, so that a token costs the same however much was found."""
    return last if len(found) == len(last) else tuple(found)


def _ends_in_a_loop(text: str) -> bool:
    """Whether the last whole lines are all the same; the very last may have been cut."""
    lines = [line for line in text.splitlines() if line.strip()][-MIN_EQUAL_LINES - 1 : -1]
    return len(lines) == MIN_EQUAL_LINES and len(set(lines)) == 1
