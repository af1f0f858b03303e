"""The timeline's value: what goes to the browser, and what comes back from it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from app.timeline import Lane, ShownVideo, edited_events, frames_value, timeline_head, timeline_value, video_timeline
from app.viewer import viewer_head
from model.errors import RequestError
from model.types import TimeEvent
from model.video import Sampling, look, open_video
from tests.model.clips import number_of, steady, write_clip

VIDEO = ShownVideo("/media/x", "/media/x/small", "clip.mp4", (200, 100), 12.0, 25.0)
EVENTS = (
    TimeEvent("the door opens", 1.0, 2.5, span=(3, 40), attributes={"room": "hall"}),
    TimeEvent("ball", 2.0, 2.0, (10.0, 20.0, 60.0, 80.0)),
    TimeEvent("ball", 2.5, 2.5, (20.0, 20.0, 70.0, 80.0)),
    TimeEvent("a bell rings", 4.0, 4.0),
)
LANES = (Lane("Describe", EVENTS, 0.5), Lane("When", (TimeEvent("a cat", 3.0, 5.0),), 1.0))


def _value(**changes: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(timeline_value(VIDEO, LANES))
    return value | changes


def _event(**changes: Any) -> dict[str, Any]:
    return {"lane": 0, "label": "x", "start_s": 1, "end_s": 2, "xyxy": None, "span": None, "attributes": {}} | changes


def test_nothing_is_lost_on_the_way_to_the_browser_and_back() -> None:
    back = edited_events(timeline_value(VIDEO, LANES, range_s=(1.0, 4.0)))
    assert back.lanes == (EVENTS, LANES[1].events)
    assert back.labels == ("the door opens", "ball", "a bell rings", "a cat")
    assert (back.range_s, back.src) == ((1.0, 4.0), VIDEO.src)


def test_events_come_in_order_of_time_and_the_boxes_of_one_thing_belong_together() -> None:
    other = [TimeEvent("ball", at_s, at_s, (110.0, 20.0, 160.0, 80.0)) for at_s in (2.0, 2.5)]
    events = json.loads(timeline_value(VIDEO, [Lane("Track", (*other, *EVENTS), 0.5)]))["events"]
    assert [event["start_s"] for event in events] == sorted(event["start_s"] for event in events)
    things = {(event["xyxy"][0], event["start_s"]): event["thing"] for event in events if event["xyxy"]}
    assert things[10.0, 2.0] == things[20.0, 2.5] != things[110.0, 2.0] == things[110.0, 2.5]
    assert all(event["thing"] is None for event in events if not event["xyxy"])


def test_known_labels_keep_their_colours() -> None:
    assert json.loads(timeline_value(VIDEO, LANES, labels=("a cat",)))["labels"][:2] == ["a cat", "the door opens"]


def test_no_video_is_a_value_too() -> None:
    assert edited_events(timeline_value(None)).lanes == ()


def test_a_label_cannot_end_the_script_it_travels_in() -> None:
    label = "</script><script>alert(1)</script>"
    value = timeline_value(VIDEO, [Lane(label, (TimeEvent(label, 1.0, 2.0),), 1.0)])
    assert "<" not in value
    assert edited_events(value).labels == (label,)


@pytest.mark.parametrize(("number", "chosen"), [(None, None), (0, (0, 0)), (3, (0, 3)), (4, (1, 0))])
def test_which_event_is_chosen_travels_with_the_events(number: int | None, chosen: tuple[int, int] | None) -> None:
    assert edited_events(json.dumps(_value(chosen=number))).chosen == chosen


def test_edits_are_kept_inside_the_video_and_put_in_order() -> None:
    wire = _value(events=[_event(start_s=90, end_s=-5)], range_s=[20, 3])
    back = edited_events(json.dumps(wire))
    assert back.lanes[0] == (TimeEvent("x", 0.0, 12.0),)
    assert back.range_s == (3.0, 12.0)


@pytest.mark.parametrize(
    "broken",
    [
        "no json",
        "[]",
        json.dumps(_value(events=[_event(lane=2)])),
        json.dumps(_value(events=[_event(lane=-1)])),
        json.dumps(_value(events=[_event(start_s=float("nan"))])),
        json.dumps(_value(events=[_event(end_s="2")])),
        json.dumps(_value(events=[_event(xyxy=[1, 2, 3])])),
        json.dumps(_value(range_s=[1])),
        json.dumps(_value(duration_s=None)),
        json.dumps(_value(range_s=[0, 10**400])),
        json.dumps(_value(chosen=5)),
        json.dumps(_value(chosen=-1)),
    ],
)
def test_nonsense_from_the_browser_is_refused_in_words(broken: str) -> None:
    with pytest.raises(RequestError, match="could not be read"):
        edited_events(broken)


def test_frames_travel_as_small_pictures_with_their_times(tmp_path: Path) -> None:
    video = look(open_video(write_clip(tmp_path / "clip.mp4", steady(40, 10.0), size_wh=(640, 320))), Sampling(count=4))
    frames = json.loads(frames_value(video))
    assert [seconds for seconds, _ in frames] == [0.0, 1.0, 2.0, 3.0]
    for seconds, address in frames:
        kind, data = address.split(",")
        picture = Pillow.open(io.BytesIO(base64.b64decode(data)))
        assert (kind, picture.size) == ("data:image/jpeg;base64", (160, 80))
        assert number_of(np.asarray(picture)) == round(seconds * 10)
    assert frames_value(None) == "[]"


def test_the_head_carries_every_part_after_the_viewers_and_asks_nobody_else() -> None:
    head = timeline_head()
    assert head.count("<script>") == head.count("</script>") == 1
    for name in ("class Timeline", "class EventEditor", "function itemsOf", ".st-playhead"):
        assert name in head
    assert "://" not in head
    assert "showKeys" in viewer_head()


def test_the_widgets_template_stays_as_it_is_whatever_the_value() -> None:
    """Its HTML must hold no place for a value: Gradio would draw it anew, and put text in unescaped."""
    widget = video_timeline()
    assert "${" not in widget.html_template
    assert "{{" not in widget.html_template
