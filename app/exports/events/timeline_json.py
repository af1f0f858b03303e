"""The video, the frames that the model saw and every event as JSON; the model's own text, `raw`, is there too.

An event is the object of `python -m model.parsing`: `{"label", "start_s", "end_s", "xyxy"?, "attributes"?}`.
"""

from __future__ import annotations

import json
import threading
from typing import IO

from app.exports.events.base import Timeline
from model.parsing import answer_to_json
from model.types import Answer


def write(timeline: Timeline, file: IO[bytes], cancel: threading.Event) -> list[str]:
    content = {
        "video": timeline.file.name,
        "size_wh": timeline.file.size_wh,
        "duration_s": round(timeline.file.duration_s, 3),
        "model": timeline.model,
        "raw": timeline.raw,
        "frames_s": [round(time_s, 3) for time_s in timeline.video.times_s],
        "events": answer_to_json(Answer(events=timeline.events))["events"],
    }
    file.write(json.dumps(content, ensure_ascii=False, indent=1).encode())
    return []
