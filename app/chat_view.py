"""What the Chat tab shows, as HTML: turns, the answer in the making, pictures and videos, what was found, the lists.

Knows words, numbers and `ui_assets/chat.html`. Does not know widgets, and decides nothing about a conversation.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.dialogue import Live, answer_of
from app.examples import Example
from app.history import Conversation, Medium, Turn
from app.markdown import MarkdownStream, to_html
from app.media_store import media_url
from app.palette import PALETTE, label_order
from app.templates import macros
from app.video_view import clock, range_words
from app.wire import label_of
from app.work_view import memory_words
from model.types import Action, Answer, Box, Box3D, Point, Polygon, Region

SMALL_SIDE = 168
"""Longer side at which a sent picture is shown in the conversation, in CSS pixels."""
VIDEO_SIDE = 320
"""The same of a sent video, which is played there."""
_MARKS_MAX = 300
"""More marks than this hide the picture; the large view shows them all."""
_FINISHED = {
    "stop": "finished",
    "length": "cut at the limit of new tokens",
    "cancelled": "stopped",
    "repetition": "stopped because it repeated itself",
    "error": "broke off",
}


@dataclass(frozen=True)
class _Body:
    """An answer ready for the template. `html` is safe; everything else is escaped there."""

    id: str = ""
    html: str = ""
    thinking: str = ""
    is_thinking: bool = False
    overlays: Sequence[Mapping[str, Any]] = field(default_factory=list)
    events: Sequence[Mapping[str, Any]] = field(default_factory=list)
    problems: tuple[str, ...] = ()
    raw: str = ""
    stats: str = ""
    stats_title: str = ""
    broken_off: str = ""


def conversation_html(branch: Sequence[Turn], *, error: str = "", is_running: bool = False) -> str:
    """All turns in order. A last message without an answer says why (`error`) and offers to be answered."""
    media: list[Medium] = []
    parts = []
    for turn in branch:
        media += turn.media
        parts.append(_question_html(turn) if turn.role == "user" else _answer_html(turn, media))
    if not is_running and branch and branch[-1].role == "user":
        parts.append(str(macros("chat.html").error(error or "This message has not been answered.", branch[-1].id)))
    return "".join(parts)


class LiveView:
    """HTML of one answer in the making; `media` are the pictures and videos that the model sees, in order."""

    def __init__(self, media: Sequence[Medium] = ()) -> None:
        self._media = media
        self._markdown = MarkdownStream()

    def html(self, live: Live) -> str:
        has_begun = bool(live.snapshot.text or live.snapshot.thinking)
        return str(macros("chat.html").live(self._body(live), _stage(live, bool(self._media)), not has_begun))

    def left_html(self, live: Live) -> str:
        """The same when nothing more will come, for an answer that could not be kept."""
        return str(macros("chat.html").left(self._body(live), live.snapshot.text))

    def _body(self, live: Live) -> _Body:
        text, thinking = live.snapshot.text, live.snapshot.thinking
        found = _found(live.answer, self._media)
        return _Body(
            html=to_html(live.answer.text) if found else self._markdown.to_html(text),
            thinking=thinking,
            is_thinking=bool(thinking) and not text,
            overlays=_overlays(live.answer, self._media),
            events=_events(live.answer, self._media),
        )


def stage_html(stage: str) -> str:
    """The place of the answer before its first piece: what is going on."""
    return str(macros("chat.html").live(_Body(), stage, True))


def medium_caption(medium: Medium, memory_bytes: int = 0) -> tuple[str, ...]:
    """("640 × 480 → 640 × 480", "300 visual tokens"), each to stay on one line; less is known without a model.

    A video has its length and the frames that are looked at between; `memory_bytes` is what reading them takes.
    """
    source = _size(medium.size_wh)
    length = (clock(medium.duration_s),) if medium.duration_s is not None else ()
    if medium.input_size_wh is None or medium.tokens is None:
        what = "frames and tokens are" if medium.is_video else "the size for the model is"
        return source, *length, f"{what} known once it has loaded"
    frames = (_frames_words(medium.times_s),) if medium.times_s else ()
    memory = (f"about {memory_words(memory_bytes)} of memory",) if memory_bytes else ()
    tokens = f"{medium.tokens:,} visual tokens"
    return f"{source} → {_size(medium.input_size_wh)}", *length, *frames, tokens, *memory


def stats_line(details: Mapping[str, Any]) -> str:
    """Speed, counts and the end of a stored answer in one line."""
    parts = []
    first_s = details.get("time_to_first_token_s")
    if first_s is not None:
        parts.append(f"{first_s:.2f} s to first token" if first_s < 1 else f"{first_s:.1f} s to first token")
        rate = details.get("tokens_per_s", 0)
        parts.append(f"{rate:.1f} tokens/s" if rate < 10 else f"{rate:.0f} tokens/s")
    parts.append(f"{details.get('prompt_tokens', 0):,} tokens in, {details.get('generated_tokens', 0):,} out")
    parts.append(_FINISHED.get(details.get("finish_reason", ""), "ended"))
    return " · ".join(parts)


def conversations_html(rows: Iterable[Conversation], current_id: str, today: datetime.date | None = None) -> str:
    """The list of conversations, grouped by the day on which they were last used."""
    groups: dict[str, list[Conversation]] = {}
    for row in rows:
        day = datetime.datetime.fromtimestamp(row.updated_at).date()
        groups.setdefault(_day_name(day, today or datetime.date.today()), []).append(row)
    return str(macros("chat.html").conversations(list(groups.items()), current_id))


def welcome_html(examples: Sequence[tuple[Example, str]]) -> str:
    """What an empty conversation shows; each example comes with the address of its picture."""
    items = [{"url": url, "question": example.question, "alt": example.alt} for example, url in examples]
    return str(macros("chat.html").welcome(items))


def about_html(about: Mapping[str, str]) -> str:
    """What a model can and cannot do, and how another one is started."""
    return str(macros("chat.html").about(about))


def error_html(sentence: str) -> str:
    """A notice that something did not work, which can be dismissed; empty without a sentence."""
    return str(macros("chat.html").notice(sentence)) if sentence else ""


def remark_html(sentence: str) -> str:
    """A notice that nothing is wrong with, which can be dismissed."""
    return str(macros("chat.html").remark(sentence))


def editing_html() -> str:
    """Says that the composer holds an earlier message, with the way out."""
    return str(macros("chat.html").editing())


def tools_html() -> str:
    """The buttons that open list and side panel where the page is too narrow to show them."""
    return str(macros("chat.html").tools())


def cleared_html() -> str:
    """Says that the conversation was cleared, and offers to undo it."""
    return str(macros("chat.html").cleared())


def draft_html(items: Sequence[Mapping[str, str | Sequence[str]]]) -> str:
    """One line for every picture or video in the composer: its `name`, and its `caption` in parts with `notices`, or
    the `problem` with it."""
    return str(macros("chat.html").draft(items))


def _question_html(turn: Turn) -> str:
    media = [
        {
            "sha256": medium.sha256,
            "name": medium.name,
            "is_video": medium.is_video,
            "url": media_url(medium.sha256),
            "small_url": media_url(medium.sha256, small=True),
            "shown_wh": _fit(medium.size_wh, VIDEO_SIDE if medium.is_video else SMALL_SIDE),
            "caption": medium_caption(medium),
            "frames": ", ".join(map(clock, medium.times_s)),
        }
        for medium in turn.media
    ]
    return str(macros("chat.html").question(turn, media))


def _answer_html(turn: Turn, media: Sequence[Medium]) -> str:
    answer = answer_of(turn)
    found = _found(answer, media)
    body = _Body(
        id=turn.id,
        html=to_html(answer.text if found else turn.text or "*The model gave no words.*"),
        thinking=turn.details.get("thinking", ""),
        overlays=_overlays(answer, media),
        events=_events(answer, media),
        problems=(*filter(None, [turn.details.get("notice")]), *(answer.problems if found else ())),
        raw=turn.text if found and answer.text.strip() != turn.text.strip() else "",
        stats=stats_line(turn.details),
        stats_title=f"Answered by {turn.details.get('model', 'a model')}",
        broken_off=turn.details.get("broken_off", ""),
    )
    return str(macros("chat.html").answer(turn, body))


def _found(answer: Answer, media: Sequence[Medium]) -> bool:
    """Whether the text names places in pictures or times of a video, so that its payload is better shown than read; a
    page is there to be read."""
    if answer.document is not None:
        return False
    places = (*answer.regions, *(action for action in answer.actions if action.xy))
    return bool(_events(answer, media)) or any(_is_still(media, place.image_index) for place in places)


def _is_still(media: Sequence[Medium], index: int) -> bool:
    """Whether there is a picture at this place; where in a video something is cannot be said without a time."""
    return not media[index].is_video if 0 <= index < len(media) else not any(medium.is_video for medium in media)


def _events(answer: Answer, media: Sequence[Medium]) -> list[dict[str, Any]]:
    """What happens when, in order of time, in the latest video, which plays from there on a click."""
    video = next((medium for medium in reversed(media) if medium.is_video), None)
    if video is None:
        return []
    return [
        {
            "sha256": video.sha256,
            "start_s": round(event.start_s, 3),
            "words": range_words(event.start_s, event.end_s),
            "label": event.label,
        }
        for event in sorted(answer.events, key=lambda event: (event.start_s, event.end_s))
    ]


def _stage(live: Live, has_pictures: bool) -> str:
    snapshot = live.snapshot
    if snapshot.waiting:
        return "1 person before you" if snapshot.waiting == 1 else f"{snapshot.waiting} people before you"
    if not snapshot.text and not snapshot.thinking:
        return "Looking" if has_pictures else "Reading"
    count = len(live.answer.regions) + len(live.answer.events)
    tokens = snapshot.last.generated_tokens
    speed = f"{tokens:,} {'token' if tokens == 1 else 'tokens'}, {snapshot.last.tokens_per_s:.0f}/s"
    return f"{count} found · {speed}" if count else speed


def _overlays(answer: Answer, media: Sequence[Medium]) -> list[dict[str, Any]]:
    """For every picture in which something was found: its marks and their legend, numbered through the answer."""
    numbered = list(enumerate((*answer.regions, *(action for action in answer.actions if action.xy)), start=1))
    labels = label_order(label_of(item) for _, item in numbered)
    overlays = []
    for index, medium in enumerate(media):
        here = [(number, item) for number, item in numbered if item.image_index == index]
        if here and not medium.is_video:
            overlays.append(_overlay(medium, index, here, labels))
    return overlays


def _overlay(
    picture: Medium, index: int, items: Sequence[tuple[int, Region | Action]], labels: Sequence[str]
) -> dict[str, Any]:
    numbers: dict[str, list[int]] = {}
    for number, item in items:
        numbers.setdefault(label_of(item), []).append(number)
    return {
        "index": index,
        "sha256": picture.sha256,
        "url": media_url(picture.sha256),
        "size_wh": picture.size_wh,
        "marks": [
            {"number": number, "color": labels.index(label_of(item)) % len(PALETTE), **geometry}
            for number, item in items[:_MARKS_MAX]
            for geometry in _geometry(item, picture.size_wh)
        ],
        "legend": [
            {"label": label, "numbers": _ranges(places), "color": labels.index(label) % len(PALETTE)}
            for label, places in numbers.items()
        ],
    }


def _geometry(item: Region | Action, size_wh: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """Shape in source pixels and the place of its number in percent; nothing for what has no place in the picture."""
    match item:
        case Box(xyxy=(x1, y1, x2, y2)):
            shape = {"x": round(x1, 1), "y": round(y1, 1), "width": round(x2 - x1, 1), "height": round(y2 - y1, 1)}
            yield {"kind": "box", **shape, **_place((x1, y1), size_wh)}
        case Polygon(xy=corners):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
            yield {"kind": "polygon", "points": points, **_place(corners[0], size_wh)}
        case Point(xy=xy) | Action(xy=tuple() as xy):
            yield {"kind": "point", **_place(xy, size_wh)}
        case Box3D() | Action():
            return


def _place(xy: tuple[float, float], size_wh: tuple[int, int]) -> dict[str, float]:
    return {"left": round(100 * xy[0] / size_wh[0], 3), "top": round(100 * xy[1] / size_wh[1], 3)}


def _ranges(numbers: Sequence[int]) -> str:
    """[1, 2, 3, 7] -> "1–3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("–".join(map(str, run)) for run in runs)


def _fit(size_wh: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def _frames_words(times_s: Sequence[float]) -> str:
    return f"{len(times_s)} frames from {clock(times_s[0])} to {clock(times_s[-1])}"


def _size(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]} × {size_wh[1]}"


def _day_name(day: datetime.date, today: datetime.date) -> str:
    age_days = (today - day).days
    if age_days <= 0:
        return "Today"
    if age_days == 1:
        return "Yesterday"
    return "Last 7 days" if age_days < 7 else "Earlier"
