"""What went wrong in an answer, counted and said in plain sentences.

Knows the words. Does not know how the defects are found. Defects of one kind become one sentence, however many there
are, so that a person reads "12 boxes ..." and not twelve lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

EXAMPLE_CHARS = 60
CUT = "The answer was cut"
"""How every sentence about a cut begins."""


class Defect(Enum):
    """A kind of defect: the sentence for one, and for several with their number `{n}`. `{example}` is the first."""

    OUTSIDE = (
        "One place lay outside the picture and was moved to its edge.",
        "{n} places lay outside the picture and were moved to its edge.",
    )
    REVERSED = (
        "One box had its corners in the wrong order; they were swapped.",
        "{n} boxes had their corners in the wrong order; they were swapped.",
    )
    WRONG_COUNT = (
        "One place was left out because it has the wrong number of coordinates: {example}.",
        "{n} places were left out because they have the wrong number of coordinates, the first: {example}.",
    )
    NOT_A_NUMBER = (
        "One place was left out because a coordinate is not a number: {example}.",
        "{n} places were left out because a coordinate is not a number, the first: {example}.",
    )
    NO_PLACE = (
        "One object came without a place and was left out: {example}.",
        "{n} objects came without a place and were left out, the first: {example}.",
    )
    STRAY_BRACKET = ("A stray bracket was skipped.", "{n} stray brackets were skipped.")
    MISSING_BRACKET = ("A missing bracket was added.", "{n} missing brackets were added.")
    UNREADABLE = (
        "A part of the answer could not be read and was skipped.",
        "{n} parts of the answer could not be read and were skipped.",
    )
    TOO_DEEP = (
        "A value was left out because it is nested too deeply.",
        "{n} values were left out because they are nested too deeply.",
    )
    NULLED = (
        "The value of “{example}” is not a number and was left empty.",
        "{n} values are not numbers and were left empty, the first: “{example}”.",
    )
    NO_PICTURE_SIZE = (
        "The size of the picture is not known, so coordinates are given as the model wrote them.",
        "The size of the picture is not known, so coordinates are given as the model wrote them.",
    )
    NO_SUCH_PICTURE = (
        "One place names a picture that was not given; it is shown on the first.",
        "{n} places name a picture that was not given; they are shown on the first.",
    )
    LONE_THINK = (
        "What stood before a lone </think> was taken as thinking, not as the answer.",
        "What stood before a lone </think> was taken as thinking, not as the answer.",
    )
    ONLY_THINKING = (
        "The answer ended while the model was still thinking.",
        "The answer ended while the model was still thinking.",
    )
    OPEN_END = (
        "The answer ends in a number, so its last place may have been cut.",
        "The answer ends in a number, so its last place may have been cut.",
    )
    REPEATED = (
        "The answer repeats itself; one repetition was left out.",
        "The answer repeats itself; {n} repetitions were left out.",
    )
    REPEATED_LINE = ("The answer repeats its last line without end.", "The answer repeats its last line without end.")
    TIME_REVERSED = (
        "One event ended before it began; its times were swapped.",
        "{n} events ended before they began; their times were swapped.",
    )
    TIME_OUTSIDE = (
        "One event ran past the end of the video and was shortened.",
        "{n} events ran past the end of the video and were shortened.",
    )
    PAST_THE_END = (
        "One event was left out because it lies past the end of the video.",
        "{n} events were left out because they lie past the end of the video.",
    )
    TIME_OUTSIDE_PART = (
        "One event ran beyond the part of the video that was asked about and was shortened.",
        "{n} events ran beyond the part of the video that was asked about and were shortened.",
    )
    OUTSIDE_PART = (
        "One event was left out because it lies outside the part of the video that was asked about.",
        "{n} events were left out because they lie outside the part of the video that was asked about.",
    )
    TIMES_UNREAD = (
        "The answer tells times, but none that could be read as an event.",
        "The answer tells times, but none that could be read as an event.",
    )


class Problems:
    """The defects seen so far, in the order of their first appearance."""

    def __init__(self) -> None:
        self._seen: dict[Defect, tuple[int, str]] = {}
        self._cut: str | None = None

    def add(self, defect: Defect, example: object = "", times: int = 1) -> None:
        count, first = self._seen.get(defect, (0, ""))
        self._seen[defect] = (count + times, first if count else shorten(example))

    def add_all(self, defects: Iterable[Defect]) -> None:
        for defect in defects:
            self.add(defect)

    def note_once(self, defect: Defect) -> None:
        if defect not in self._seen:
            self.add(defect)

    def drop(self, defect: Defect) -> None:
        self._seen.pop(defect, None)

    def answer_was_cut(self, complete: int, what: str = "object", *, has_rest: bool = False) -> None:
        """Remember that the text ended inside a value, after `complete` whole ones; `has_rest` says that what there is
        of the cut one is shown."""
        self._cut = cut_sentence(complete, what, has_rest=has_rest)

    def answer_was_cut_in(self, language: str) -> None:
        """Remember that the text ended inside a block of code or of a document."""
        self._cut = f"{CUT} inside a block of {language}."

    def forget_cut(self) -> None:
        """Leave it to somebody else to tell of the cut."""
        self._cut = None

    @property
    def was_cut(self) -> bool:
        return self._cut is not None

    def sentences(self) -> tuple[str, ...]:
        cut = (self._cut,) if self._cut else ()
        return cut + tuple(
            defect.value[count > 1].format(n=count, example=example) for defect, (count, example) in self._seen.items()
        )


def cut_sentence(complete: int, what: str, *, has_rest: bool = False) -> str:
    if complete == 0 and has_rest:
        return f"{CUT} inside its first {what}."
    if complete == 0:
        return f"{CUT} before its first {what} was complete."
    if complete == 1:
        return f"{CUT}; 1 {what} was complete."
    return f"{CUT}; {complete} {what}s were complete."


def shorten(value: object) -> str:
    """A value as a person can read it in a sentence."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= EXAMPLE_CHARS else text[: EXAMPLE_CHARS - 1] + "…"
