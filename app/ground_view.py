"""What the Ground tab shows, as HTML: the tray of pictures, sizes and speed, notes, the model's words.

Knows words, numbers and `ui_assets/ground.html`. Does not know widgets, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app import work_view
from app.answering import shrunk_notice
from app.grounding import Found
from app.markdown import to_html
from app.media_store import media_url
from app.templates import macros
from app.work_view import ENDS, STRIP_MAX, queue_words, sizes_words, speed_words, strip_start
from model.types import Answer, MediumInput

State = Literal["new", "waiting", "running", "done", "stopped", "failed"]

_STATE_WORDS: Mapping[State, str] = {
    "new": "not asked yet",
    "waiting": "waiting",
    "running": "running",
    "done": "done",
    "stopped": "stopped",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class TrayItem:
    """One picture of the tray. `count` is the number of results, None before there is an answer."""

    sha256: str
    name: str
    state: State
    count: int | None = None


def tray_html(items: Sequence[TrayItem], current: int) -> str:
    """The pictures in a row, of very many those around `current`; nothing for one alone: it is shown large anyway."""
    start = strip_start(len(items), current)
    shown = items[start : start + STRIP_MAX]
    rows = [
        {
            "place": place,
            "url": media_url(item.sha256, small=True),
            "name": item.name or f"picture {place + 1}",
            "state": item.state,
            "words": _STATE_WORDS[item.state] if item.count is None else _results(item.count),
            "badge": "" if item.count is None else f"{item.count:,}",
        }
        for place, item in enumerate(shown, start)
    ]
    return str(_macros().tray(rows, current, len(items)))


def status_html(size_wh: tuple[int, int], medium: MediumInput | None, found: Found | None) -> str:
    """Sizes and tokens, the convention in use and, once there is an answer, its speed."""
    facts = [sizes_words(size_wh, medium)]
    if found:
        chosen = "chosen by you" if found.ask.convention else f"as {found.info.family} writes them"
        facts.append(f"coordinates read as {found.convention.name}, {chosen}")
        facts += _speed(found)
    return str(_macros().status(facts))


def notes_html(answer: Answer | None, found: Found | None, *first: str) -> str:
    """What has to be known about the results, one plain sentence each; some come `first`."""
    notes = [*first, shrunk_notice(found.snapshot) if found else ""]
    if (
        found
        and found.snapshot.last.finish_reason == "length"
        and not any("cut" in line for line in answer_problems(answer))
    ):
        notes.append("The answer reached the limit of its length; there may be more than this.")
    return work_view.notes_html(*notes, *answer_problems(answer))


def corrected_words(count: int) -> str:
    """Says that what a person corrected was not read anew with the rest; nothing for nothing."""
    if count == 1:
        return "1 result that you changed or removed stays as you left it."
    return f"{count:,} results that you changed or removed stay as you left them." if count else ""


def answer_problems(answer: Answer | None) -> tuple[str, ...]:
    return answer.problems if answer else ()


def words_html(found: Found | None) -> str:
    """What the model said beside places: prose and fields; its thoughts folded."""
    if found is None:
        return ""
    fields = [(name, value if isinstance(value, str) else str(value)) for name, value in found.answer.fields.items()]
    return str(_macros().words(to_html(_prose(found.answer)), fields, found.snapshot.thinking))


def _prose(answer: Answer) -> str:
    """What was said beside places, and what of a page that the model wrote out."""
    blocks = answer.document.blocks if answer.document else ()
    return "\n\n".join(filter(None, (answer.text, *(block.markdown for block in blocks))))


def stage_words(found: Found) -> str:
    """ "2 are before you", "Reading the picture", "Thinking" or "7 results so far"."""
    snapshot = found.snapshot
    if snapshot.waiting:
        return queue_words(snapshot.waiting)
    if not snapshot.text:
        return "Thinking" if snapshot.thinking else "Reading the picture"
    count = len(found.answer.regions) + len(found.answer.actions)
    return f"{_results(count)} so far" if count else "Writing"


def area_html(xyxy: tuple[float, float, float, float] | None) -> str:
    """The marked area, with a button that forgets it."""
    return str(_macros().area([round(number) for number in xyxy])) if xyxy else ""


def welcome_html(examples: Sequence[tuple[str, str, str]]) -> str:
    """What stands in the place of the picture as long as there is none; examples are (question, alt, address)."""
    words = "Drop or paste pictures here, or choose some. Several at once become a batch."
    return work_view.welcome_html("picture", "Find things in a picture", words, examples)


def camera_html() -> str:
    """The window of the computer's camera, closed; `ui_assets/ground.js` opens it and takes the picture."""
    return str(_macros().camera())


def _speed(found: Found) -> list[str]:
    last = found.snapshot.last
    facts = []
    if found.first_s is not None:
        facts.append(f"first result after {found.first_s:.1f} s")
    if last.finish_reason:
        facts.append(speed_words(last))
    if last.finish_reason in ENDS:
        facts.append(ENDS[last.finish_reason])
    return facts


def _results(count: int) -> str:
    return "1 result" if count == 1 else f"{count:,} results"


def _macros() -> Any:
    return macros("ground.html")
