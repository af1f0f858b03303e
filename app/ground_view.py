"""What the Ground tab shows, as HTML: the tray of pictures, sizes and speed, notes, the model's words.

Knows words, numbers and `ui_assets/ground.html`. Does not know widgets, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.answering import shrunk_notice
from app.grounding import Found
from app.markdown import to_html
from app.media_store import media_url
from app.templates import macros
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
_TRAY_MAX = 60
"""So many pictures are in the page at a time: a tray of thousands would be sent again with every answer."""
_ENDS = {
    "cancelled": "stopped",
    "length": "cut at the limit of new tokens",
    "repetition": "stopped, it repeated itself",
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
    start = max(min(current - _TRAY_MAX // 2, len(items) - _TRAY_MAX), 0)
    shown = items[start : start + _TRAY_MAX]
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
    facts = [_sizes(size_wh, medium)]
    if found:
        chosen = "chosen by you" if found.ask.convention else f"as {found.info.family} writes them"
        facts.append(f"coordinates read as {found.convention.name}, {chosen}")
        facts += _speed(found)
    return str(_macros().status(facts))


def notes_html(answer: Answer | None, found: Found | None, note: str = "") -> str:
    """What has to be known about the results, one plain sentence each."""
    notes = [*filter(None, (note, shrunk_notice(found.snapshot) if found else ""))]
    if (
        found
        and found.snapshot.last.finish_reason == "length"
        and not any("cut" in line for line in answer_problems(answer))
    ):
        notes.append("The answer reached the limit of its length; there may be more than this.")
    return str(_macros().notes([*notes, *answer_problems(answer)]))


def corrected_html(count: int) -> str:
    """Says that what a person corrected was not read anew with the rest; nothing for nothing."""
    said = "1 result that you changed or removed stays as you left it."
    if count != 1:
        said = f"{count:,} results that you changed or removed stay as you left them."
    return str(_macros().notes([said])) if count else ""


def advice_html(sentence: str) -> str:
    return str(_macros().notes([sentence])) if sentence else ""


def answer_problems(answer: Answer | None) -> tuple[str, ...]:
    return answer.problems if answer else ()


def words_html(found: Found | None) -> str:
    """What the model said beside places: prose and fields; its thoughts folded."""
    if found is None:
        return ""
    fields = [(name, value if isinstance(value, str) else str(value)) for name, value in found.answer.fields.items()]
    return str(_macros().words(to_html(found.answer.text), fields, found.snapshot.thinking))


def stage_html(words: str, fraction: float | None = None) -> str:
    """What is going on, and how far it is; nothing for no words."""
    return str(_macros().stage(words, fraction)) if words else ""


def stage_words(found: Found) -> str:
    """ "2 are before you", "Reading the picture", "Thinking" or "7 results so far"."""
    snapshot = found.snapshot
    if snapshot.waiting:
        return "You are next" if snapshot.waiting == 1 else f"{snapshot.waiting - 1} are before you"
    if not snapshot.text:
        return "Thinking" if snapshot.thinking else "Reading the picture"
    count = len(found.answer.regions) + len(found.answer.actions)
    return f"{_results(count)} so far" if count else "Writing"


def batch_words(done: int, total: int, left_s: float | None) -> str:
    """ "2 of 7 pictures done, about 40 s left"."""
    left = "" if left_s is None else f", about {duration_words(left_s)} left"
    return f"{done} of {total} pictures done{left}"


def area_html(xyxy: tuple[float, float, float, float] | None) -> str:
    """The marked area, with a button that forgets it."""
    return str(_macros().area([round(number) for number in xyxy])) if xyxy else ""


def running_html(is_running: bool) -> str:
    """A mark for the style sheet, which shows Stop in the place of Run as long as it is there."""
    return "<i data-running hidden></i>" if is_running else ""


def count_html(pictures: int) -> str:
    """A mark for the style sheet: whether there is nothing yet, one picture or a batch."""
    return f'<i data-pictures="{"many" if pictures > 1 else "one"}" hidden></i>' if pictures else ""


def error_html(sentence: str) -> str:
    return str(_macros().error(sentence)) if sentence else ""


def welcome_html(examples: Sequence[tuple[str, str, str]]) -> str:
    """What stands in the place of the picture as long as there is none; examples are (question, alt, address)."""
    rows = [{"words": question, "alt": alt, "url": url} for question, alt, url in examples]
    return str(_macros().welcome(rows))


def camera_html() -> str:
    """The window of the computer's camera, closed; `ui_assets/ground.js` opens it and takes the picture."""
    return str(_macros().camera())


def _sizes(size_wh: tuple[int, int], medium: MediumInput | None) -> str:
    if medium is None:
        return f"{_size(size_wh)}; the size for the model is known once it has loaded"
    return f"{_size(medium.source_size_wh)} → {_size(medium.input_size_wh)}, {medium.tokens:,} visual tokens"


def _speed(found: Found) -> list[str]:
    last = found.snapshot.last
    facts = []
    if found.first_s is not None:
        facts.append(f"first result after {found.first_s:.1f} s")
    if last.finish_reason:
        facts.append(f"{last.generated_tokens:,} tokens, {last.tokens_per_s:,.0f} a second")
    if last.finish_reason in _ENDS:
        facts.append(_ENDS[last.finish_reason])
    return facts


def _size(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]:,} × {size_wh[1]:,}"


def _results(count: int) -> str:
    return "1 result" if count == 1 else f"{count:,} results"


def duration_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _macros() -> Any:
    return macros("ground.html")
