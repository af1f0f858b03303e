"""Events as subtitles, tables and chapters: read back by other programs, at the same millisecond."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pysubs2
import pytest
import webvtt

from app.exports.events import EVENT_FORMATS, event_table
from app.exports.events.base import ranges
from model.types import TimeEvent
from tests.app.exports.events.timelines import timeline, track, written

# Sums of tenths, thirds and hours: whatever a clock could drift over.
EVENTS = (
    TimeEvent("a red circle appears", 0.1 + 0.2, 1.0),
    TimeEvent("<b>Möwe</b> & 海鸥 -->\nfliegt", 1 / 3, 2 / 3),
    TimeEvent("", 3599.9996, 3661.0005),
    TimeEvent("flash", 2.0, 2.0),
)
EXPECTED_MS = [(300, 1000), (333, 667), (2000, 3000), (3_600_000, 3_661_000)]


def test_srt_is_read_back_without_drift(tmp_path: Path) -> None:
    path, notes = written("srt", timeline(tmp_path, *EVENTS), tmp_path)
    cues = pysubs2.load(str(path), encoding="utf-8", keep_html_tags=True)
    assert [(cue.start, cue.end) for cue in cues] == EXPECTED_MS
    texts = ["a red circle appears", "<b>Möwe</b> & 海鸥 → fliegt", "flash", "Event 4"]
    assert [cue.text for cue in cues] == texts
    assert notes == []
    with av.open(str(path)) as container:  # and by FFmpeg, which players use
        packets: list[Any] = [packet for packet in container.demux() if packet.size]
        assert [(packet.pts, packet.pts + packet.duration) for packet in packets] == EXPECTED_MS


def test_webvtt_is_read_back_without_drift(tmp_path: Path) -> None:
    path, notes = written("vtt", timeline(tmp_path, *EVENTS), tmp_path)
    cues = webvtt.read(str(path)).captions
    stamps = [(cue.start_time, cue.end_time) for cue in cues]
    assert [(stamp.in_seconds(), stamp.milliseconds) for stamp, _ in stamps] == [(0, 300), (0, 333), (2, 0), (3600, 0)]
    assert [(stamp.in_seconds(), stamp.milliseconds) for _, stamp in stamps] == [(1, 0), (0, 667), (3, 0), (3661, 0)]
    assert cues[1].raw_text == "&lt;b&gt;Möwe&lt;/b&gt; &amp; 海鸥 → fliegt"
    assert notes == []


def test_a_table_has_a_row_for_each_event_and_runs_nothing(tmp_path: Path) -> None:
    events = (TimeEvent("=1+1", 1.0, 2.5), *track("ball", [(3.0, (1, 2, 30, 40))]))
    path, _ = written("csv", timeline(tmp_path, *events), tmp_path)
    assert {len(row) for row in csv.reader(path.read_text("utf-8-sig").splitlines())} == {len(event_table.COLUMNS)}
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    assert [(row["label"], row["start_s"], row["end_s"]) for row in rows] == [
        ("'=1+1", "1.0", "2.5"),
        ("ball", "3.0", "3.0"),
    ]
    assert (rows[0]["start"], rows[0]["end"], rows[0]["x1"]) == ("00:00:01.000", "00:00:02.500", "")
    assert [rows[1][key] for key in ("x1", "y1", "x2", "y2")] == ["1", "2", "30", "40"]


def test_json_says_everything(tmp_path: Path) -> None:
    given = timeline(tmp_path, *EVENTS[:1], *track("ball", [(3.0, (1, 2, 30, 40))]), raw="It appears.", model="m")
    path, _ = written("json", given, tmp_path)
    assert json.loads(path.read_text("utf-8")) == {
        "video": "clip.mp4",
        "size_wh": [128, 64],
        "duration_s": 6.0,
        "model": "m",
        "raw": "It appears.",
        "frames_s": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        "events": [
            {"label": "a red circle appears", "start_s": 0.3, "end_s": 1.0},
            {"label": "ball", "start_s": 3.0, "end_s": 3.0, "xyxy": [1, 2, 30, 40]},
        ],
    }


@pytest.mark.parametrize(
    ("starts_s", "lines", "notes"),
    [
        pytest.param((0, 12.9, 30), ["0:00 0", "0:12 12.9", "0:30 30"], 0, id="as they are"),
        pytest.param((4, 12, 30), ["0:00 4", "0:12 12", "0:30 30"], 0, id="the first begins at 0:00"),
        pytest.param((15, 30), ["0:00 Start", "0:15 15", "0:30 30"], 0, id="what comes before the first"),
        pytest.param((0, 9, 12, 30, 55), ["0:00 0", "0:12 12", "0:30 30"], 1, id="too short ones"),
        pytest.param((0, 20), ["0:00 0", "0:20 20"], 1, id="too few"),
    ],
)
def test_youtube_chapters_are_those_that_it_takes(
    tmp_path: Path, starts_s: tuple[float, ...], lines: list[str], notes: int
) -> None:
    events = (TimeEvent(str(start_s), start_s, start_s + 1) for start_s in starts_s)
    path, told = written("youtube", timeline(tmp_path, *events, seconds=60, fps=1), tmp_path)
    assert path.read_text("utf-8").splitlines() == lines
    assert len(told) == notes


def test_youtube_chapters_of_hours(tmp_path: Path) -> None:
    given = timeline(tmp_path, *(TimeEvent("x", start_s, start_s) for start_s in (0, 600, 3600, 36_061)))
    given = replace(given, file=replace(given.file, facts=replace(given.file.facts, duration_s=40_000.0)))
    path, _ = written("youtube", given, tmp_path)
    assert path.read_text("utf-8").splitlines() == ["0:00 x", "10:00 x", "1:00:00 x", "10:01:01 x"]


def test_ffmpeg_reads_its_chapters_back(tmp_path: Path) -> None:
    path, notes = written("ffmetadata", timeline(tmp_path, *EVENTS), tmp_path)
    with av.open(str(path)) as container:
        chapters: list[Any] = container.chapters()
        assert container.metadata["title"] == "clip.mp4"
    millis = [(int(chapter["start"] * chapter["time_base"] * 1000), chapter["end"]) for chapter in chapters]
    assert millis == [(300, 333), (333, 667), (2000, 3000), (3_600_000, 3_661_000)]
    assert chapters[1]["metadata"]["title"] == "<b>Möwe</b> & 海鸥 → fliegt"
    assert notes == ["1 event overlaps the next one: as a chapter it ends where that begins."]


def test_what_ffmpeg_reads_as_syntax_stays_a_title(tmp_path: Path) -> None:
    hostile = r"a=b; #c \ [CHAPTER]"
    path, _ = written("ffmetadata", timeline(tmp_path, TimeEvent(hostile, 1, 2)), tmp_path)
    with av.open(str(path)) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == [hostile]


def test_a_thing_that_was_tracked_is_one_event_in_subtitles(tmp_path: Path) -> None:
    boxes = track("ball", [(at_s, (1, 2, 3, 4)) for at_s in (1.0, 2.0, 3.0)])
    found = [(event.label, event.start_s, event.end_s) for event in ranges([TimeEvent("talk", 1.5, 2.0), *boxes])]
    assert found == [("ball", 1.0, 3.0), ("talk", 1.5, 2.0)]


def test_without_events_there_is_nothing_to_write(tmp_path: Path) -> None:
    given = timeline(tmp_path)
    keys = ("srt", "vtt", "csv", "json", "youtube", "ffmetadata")
    assert {EVENT_FORMATS[key].why_not(given) for key in keys} == {"There are no events to export yet."}
