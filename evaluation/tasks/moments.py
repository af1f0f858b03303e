"""Moments in videos: when something that is described happens (Charades-STA, ActivityNet Captions, QVHighlights)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, Field, FiniteFloat

from evaluation.data_files import DataFile, Entry, read_data, read_lines
from evaluation.metrics.overlaps import Span, span_iou
from evaluation.tasks.base import VIDEO_ENDINGS, Reply, Sample, Scores, Source, Task, means, unread
from model.catalog import FAMILIES
from model.parsing import parse_answer
from model.prompts import video_prompt

IOUS = (0.3, 0.5, 0.7)
_CHARADES_SUFFIX = ".txt"
# 3MSZA 24.3 30.4##person turn a light on.
_CHARADES_LINE = re.compile(r"(?P<video>\S+)\s+(?P<start>[\d.]+)\s+(?P<end>[\d.]+)##(?P<event>.+)")
_ACCEPTS = (
    "Charades-STA's .txt file (video start end##event); ActivityNet Captions' JSON (timestamps and sentences of each "
    "video); or lines or a list of objects with video, query and timestamp ([start, end] in seconds), as QVHighlights "
    "(vid, query, relevant_windows)"
)


def _windows(value: Any) -> Any:
    """One window, or several."""
    return [value] if isinstance(value, list) and value and not isinstance(value[0], list) else value


def _lasting(span: Span) -> Span:
    if not 0 <= span[0] <= span[1]:
        raise ValueError("has to be [start, end] in seconds with start before end")
    return span


Window = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_lasting)]


class _Row(BaseModel):
    video: str = Field(validation_alias=AliasChoices("video", "vid", "video_id", "video_path"))
    event: str = Field(validation_alias=AliasChoices("query", "caption", "sentence", "event", "question"))
    windows: Annotated[list[Window], BeforeValidator(_windows), Field(min_length=1)] = Field(
        validation_alias=AliasChoices("timestamp", "timestamps", "relevant_windows", "window", "windows")
    )


class _Captions(BaseModel):
    """A video of ActivityNet Captions, with the event at the same place in both lists."""

    timestamps: list[Window]
    sentences: list[str]


def _moments(source: Source) -> Iterator[Sample[list[Span]]]:
    if source.data.suffix.lower() == _CHARADES_SUFFIX:
        file = read_lines(source.data)
        entries: Iterable[Entry] = map(_of_line(file), file.rows)
    else:
        file = read_data(source.data)
        entries = file.rows or _of_captions(file)
    for number, (entry, row) in enumerate(file.checked(_Row, entries), 1):
        medium = source.medium(file, entry, row.video, VIDEO_ENDINGS)
        yield Sample(number, row.video, (medium,), row.event, list(row.windows))


def _of_line(file: DataFile) -> Callable[[Entry], Entry]:
    def read(entry: Entry) -> Entry:
        match = _CHARADES_LINE.fullmatch(entry.value.strip())
        if match is None:
            raise file.error(entry, "this is not of the form “video start end##event”.")
        row = {"video": match["video"], "query": match["event"], "timestamp": [match["start"], match["end"]]}
        return Entry(row, entry.line)

    return read


def _of_captions(file: DataFile) -> Iterator[Entry]:
    videos = [member for member in file.members.values() if isinstance(member, Entry)]
    if not videos:
        raise unread(file, _ACCEPTS)
    for entry, row in file.checked(_Captions, videos):
        if len(row.timestamps) != len(row.sentences):
            raise file.error(entry, "there are not as many “timestamps” as “sentences”.")
        for window, sentence in zip(row.timestamps, row.sentences, strict=True):
            yield Entry({"video": entry.key, "query": sentence, "timestamp": list(window)}, entry.line)


def _first_event(reply: Reply) -> list[float] | None:
    """Start and end of the first event that the answer tells; what comes after it does not count.

    The whole video is looked at, so that families that count from its first frame tell the same times as others.
    """
    answer = parse_answer(reply.text, FAMILIES[reply.family].convention, reply.media, duration_s=reply.duration_s)
    first = min(answer.events, key=lambda event: event.span or (0, 0), default=None)
    return [first.start_s, first.end_s] if first else None


def _scores(found: Sequence[float] | None, true: Sequence[Span]) -> Scores:
    """Against the window that overlaps most, where there are several."""
    overlap = max(span_iou((found[0], found[1]), window) for window in true) if found else 0.0
    return {**{f"recall_at_{iou}": float(overlap >= iou) for iou in IOUS}, "mean_iou": overlap}


TASKS: tuple[Task[Any, Any], ...] = (
    Task(
        name="charades_sta",
        measures="recall at IoU 0.3, 0.5 and 0.7 over time of the first event, and mean IoU",
        accepts=_ACCEPTS,
        main="mean_iou",
        read=_moments,
        prompt=lambda family, event: video_prompt(family, "when", event),
        find=_first_event,
        score=_scores,
        figures=means,
    ),
)
