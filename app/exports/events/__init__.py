"""The events of a video as files for other programs: one module a format. To add one, add a module and a row here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from app.exports.events import (
    annotated_video,
    clip,
    contact_sheet,
    event_table,
    ffmetadata,
    srt,
    timeline_json,
    webvtt,
    youtube,
)
from app.exports.events.base import EventFormat, Timeline

EVENT_FORMATS: Mapping[str, EventFormat] = MappingProxyType(
    {
        row.key: row
        for row in (
            EventFormat("srt", "SRT", "Subtitles that every player and editor reads", srt.write, ".srt"),
            EventFormat("vtt", "WebVTT", "Subtitles for a page", webvtt.write, ".vtt"),
            EventFormat("csv", "CSV", "A table with a row for each event", event_table.write, ".csv"),
            EventFormat("json", "JSON", "Events and frames with all their times", timeline_json.write, ".json"),
            EventFormat(
                "youtube", "YouTube chapters", "Lines for the video's description", youtube.write, ".chapters.txt"
            ),
            EventFormat(
                "ffmetadata", "FFmpeg chapters", "Metadata to put into the video", ffmetadata.write, ".ffmetadata"
            ),
            EventFormat(
                "mp4",
                "Video with boxes",
                "What was tracked, drawn into every picture",
                annotated_video.write,
                ".boxes.mp4",
                is_long=True,
                why_not=annotated_video.why_not,
            ),
            EventFormat(
                "clip",
                "Clip of an event",
                "The part of the video in which the chosen event happens",
                clip.write,
                ".clip.mp4",
                is_long=True,
                why_not=clip.why_not,
            ),
            EventFormat(
                "sheet",
                "Contact sheet",
                "The frames that the model saw, with their times",
                contact_sheet.write,
                ".sheet.jpg",
                why_not=lambda timeline: "",
            ),
        )
    }
)
"""Every format by its key, in the order of the menu."""

__all__ = ["EVENT_FORMATS", "EventFormat", "Timeline"]
