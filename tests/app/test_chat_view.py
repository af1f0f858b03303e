"""What the Chat tab shows: words, numbers and marks in the right places, and nothing that acts."""

from __future__ import annotations

import datetime
import re
import time
from typing import Any

import pytest

from app.answering import Snapshot
from app.chat_view import (
    LiveView,
    conversation_html,
    conversations_html,
    draft_html,
    error_html,
    medium_caption,
    stage_html,
    stats_line,
    welcome_html,
)
from app.dialogue import Live
from app.history import Conversation, Medium, Turn
from model.catalog import PER_1000
from model.parsing import parse_answer
from model.types import Action, Answer, Box, Chunk, MediumInput, Point, Polygon

PICTURE = Medium("ab" * 32, (640, 480), "scene.png", (320, 256), 80)
VIDEO = Medium("ef" * 32, (1280, 720), "clip.mp4", (448, 252), 126, 12.0, (0.0, 4.0, 8.0))
OTHER = Medium("cd" * 32, (100, 400), "", (96, 384), 36)
DETAILS: dict[str, Any] = {
    "model": "pocket",
    "family": "Qwen3-VL",
    "media": [[640, 480, 320, 256, 80]],
    "thinking": "",
    "prompt_tokens": 1312,
    "generated_tokens": 45,
    "time_to_first_token_s": 0.412,
    "tokens_per_s": 38.4,
    "finish_reason": "stop",
    "broken_off": "",
}
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(1)</script>'


def asked(text: str = "What?", *media: Medium, message_id: str = "q") -> Turn:
    return Turn(message_id, None, "user", text, media, {}, (message_id,))


def answered(text: str, siblings: tuple[str, ...] = ("a",), **details: Any) -> Turn:
    return Turn("a", "q", "assistant", text, (), {**DETAILS, **details}, siblings)


def live(text: str, answer: Answer | None = None, **chunk: Any) -> Live:
    return Live(Snapshot(text=text, last=Chunk("", **chunk)), answer or Answer(text=text))


def test_numbers_stand_under_the_answer() -> None:
    assert stats_line(DETAILS) == "0.41 s to first token · 38 tokens/s · 1,312 tokens in, 45 out · finished"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("stop", "finished"),
        ("length", "cut at the limit of new tokens"),
        ("cancelled", "stopped"),
        ("repetition", "stopped because it repeated itself"),
        ("error", "broke off"),
    ],
)
def test_why_an_answer_ended_is_said(reason: str, words: str) -> None:
    assert stats_line({**DETAILS, "finish_reason": reason}).endswith(f" · {words}")


def test_a_picture_says_what_becomes_of_it() -> None:
    assert medium_caption(PICTURE) == ("640 × 480 → 320 × 256", "80 visual tokens")
    assert "once it has loaded" in medium_caption(Medium("ab" * 32, (640, 480)))[1]


def test_what_a_person_should_know_of_an_answer_stands_below_it() -> None:
    notice = "The memory was full, so the picture was made smaller for the model: 56 × 28 pixels."
    assert f'<p class="note">{notice}</p>' in conversation_html(
        [asked("?", PICTURE), answered("A cup.", notice=notice)]
    )
    assert 'class="note"' not in conversation_html([asked("?", PICTURE), answered("A cup.")])


def test_pictures_are_small_and_lead_to_the_large_one() -> None:
    shown = conversation_html([asked("", PICTURE, OTHER)])
    assert f'src="/media/{PICTURE.sha256}/small"' in shown
    assert 'width="168" height="126"' in shown
    assert 'width="42" height="168"' in shown
    assert shown.count('data-do="large"') == 2


def test_marks_lie_where_the_answer_says_in_shares_of_the_picture() -> None:
    raw = '```json\n[{"bbox_2d": [250, 500, 750, 1000], "label": "cup"}, {"point_2d": [500, 500], "label": "tip"}]\n```'
    shown = conversation_html([asked("?", PICTURE), answered(raw)])
    assert '<svg viewBox="0 0 640 480"' in shown
    assert 'x="160.0" y="240.0" width="320.0" height="240.0"' in shown
    assert "left:25.0%;top:50.0%" in shown
    assert "left:50.0%;top:50.0%" in shown
    assert "cup <b>1</b>" in shown
    assert "tip <b>2</b>" in shown
    assert "The model’s own text" in shown


def test_marks_go_onto_the_picture_they_belong_to() -> None:
    answer = Answer(regions=(Box("a", (0, 0, 10, 10), image_index=1), Box("b", (0, 0, 10, 10))))
    shown = LiveView([PICTURE, OTHER]).html(live("...", answer))
    first, second = shown.split('<figure class="overlay">')[1:]
    assert PICTURE.sha256 in first
    assert "b <b>2</b>" in first
    assert OTHER.sha256 in second
    assert "a <b>1</b>" in second


def test_outlines_and_actions_are_drawn_too() -> None:
    answer = Answer(
        regions=(Polygon("roof", ((0, 0), (10.5, 0), (5, 8))),),
        actions=(Action("click", {"action": "left_click"}, (320, 240)), Action("wait", {})),
    )
    shown = LiveView([PICTURE]).html(live("...", answer))
    assert 'points="0.0,0.0 10.5,0.0 5.0,8.0"' in shown
    assert 'class="mark mark-point" style="left:50.0%;top:50.0%' in shown
    assert "left_click" in shown


def test_runs_of_numbers_are_drawn_together() -> None:
    points = [Point("dot", (1, 1)) for _ in range(4)]
    answer = Answer(regions=(*points[:2], Point("other", (1, 1)), points[2]))
    assert "dot <b>1–2, 4</b>" in LiveView([PICTURE]).html(live("...", answer))


def test_a_thousand_boxes_stay_light() -> None:
    answer = Answer(regions=tuple(Box(f"kind {i % 20}", (i, i, i + 9, i + 9)) for i in range(1000)))
    started = time.perf_counter()
    shown = LiveView([Medium("ab" * 32, (2000, 2000))]).html(live("...", answer))
    assert time.perf_counter() - started < 2
    assert shown.count("<rect") < 700


def test_problems_of_reading_are_plain_notes() -> None:
    raw = '[{"bbox_2d": [0, 0, 10, 10], "label": "cup"}, {"bbox_2d": [0, 0, '
    medium = MediumInput((640, 480), (320, 256), 80)
    problems = parse_answer(raw, PER_1000, [medium]).problems
    assert problems
    shown = conversation_html([asked("?", PICTURE), answered(raw)])
    assert all(problem in shown.replace("&#39;", "'") for problem in problems)


@pytest.mark.parametrize("where", ["question", "answer", "label", "file name", "thinking", "reason", "title", "error"])
def test_nothing_that_comes_from_outside_can_act(where: str) -> None:
    if where == "question":
        shown = conversation_html([asked(HOSTILE), answered("ok")])
    elif where == "answer":
        shown = conversation_html([asked(), answered(HOSTILE)]) + LiveView().html(live(HOSTILE))
    elif where == "label":
        shown = LiveView([PICTURE]).html(live("...", Answer(regions=(Box(HOSTILE, (0, 0, 1, 1)),))))
    elif where == "file name":
        shown = conversation_html([asked("", Medium("ab" * 32, (9, 9), HOSTILE))])
        shown += draft_html([{"name": HOSTILE, "caption": (HOSTILE,), "notices": (HOSTILE,), "problem": HOSTILE}])
    elif where == "thinking":
        shown = conversation_html([asked(), answered("ok", thinking=HOSTILE)])
    elif where == "reason":
        shown = conversation_html([asked(), answered("ok", broken_off=HOSTILE, model=HOSTILE)])
    elif where == "title":
        shown = conversations_html([Conversation("c", HOSTILE, time.time())], "c")
    else:
        shown = error_html(HOSTILE) + conversation_html([asked()], error=HOSTILE) + stage_html(HOSTILE)
    assert "<script" not in shown
    assert "<img src=x" not in shown
    assert "alert(1)" in shown


def test_the_models_own_text_can_be_copied_exactly() -> None:
    shown = conversation_html([asked(), answered('a "quoted" <b>\n\n`x`')])
    assert 'data-raw="a &#34;quoted&#34; &lt;b&gt;\n\n`x`"' in shown


def test_a_page_with_places_in_it_is_still_there_to_be_read() -> None:
    text = '```html\n<p data-bbox="1 2 3 4">Tea</p>\n```\n[{"bbox_2d": [100, 100, 300, 300], "label": "cup"}]'
    html = conversation_html([asked("Read it.", PICTURE), answered(text)])
    assert "Tea" in html
    assert "cup <b>1</b>" in html


def test_versions_can_be_walked_through() -> None:
    shown = conversation_html([asked(), answered("ok", siblings=("x", "a", "y"))])
    assert "2 of 3" in shown
    assert 'data-do="show" data-id="x"' in shown
    assert 'data-do="show" data-id="y"' in shown


def test_a_single_version_shows_no_versions() -> None:
    assert "branches" not in conversation_html([asked(), answered("ok")])


@pytest.mark.parametrize(
    ("live_", "words"),
    [
        (Live(Snapshot(waiting=1), Answer()), "1 person before you"),
        (Live(Snapshot(waiting=3), Answer()), "3 people before you"),
        (live("", Answer()), "Looking"),
        (live("Two", generated_tokens=1, tokens_per_s=20.4), "1 token, 20/s"),
        (live("..", Answer(regions=(Point("a", (1, 1)),)), generated_tokens=9, tokens_per_s=3), "1 found · 9 tokens"),
    ],
)
def test_what_is_going_on_is_said(live_: Live, words: str) -> None:
    assert words in LiveView([PICTURE]).html(live_)


def test_thinking_is_open_while_it_lasts_and_folded_after() -> None:
    thinking = Live(Snapshot(thinking="hm"), Answer())
    assert '<details class="thinking" open>' in LiveView().html(thinking)
    assert '<details class="thinking">' in conversation_html([asked(), answered("yes", thinking="hm")])


def test_an_answer_without_words_says_so() -> None:
    assert "gave no words" in conversation_html([asked(), answered("")])


def test_conversations_are_grouped_by_day() -> None:
    today = datetime.date(2026, 3, 10)

    def at(days: int) -> float:
        return datetime.datetime.combine(today - datetime.timedelta(days=days), datetime.time(12)).timestamp()

    rows = [Conversation(str(days), f"talk {days}", at(days)) for days in (0, 1, 3, 30)]
    shown = conversations_html(rows, "1", today)
    assert re.findall(r"<h3>(.*?)</h3>", shown) == ["Today", "Yesterday", "Last 7 days", "Earlier"]
    assert shown.count('class="current"') == 1
    assert "will be listed here" in conversations_html([], "")


def test_the_welcome_goes_without_examples() -> None:
    assert "Ask about a picture or a video" in welcome_html([])
    assert 'class="examples"' not in welcome_html([])


def test_a_video_says_what_becomes_of_it_and_can_be_played() -> None:
    frames = "3 frames from 0:00.0 to 0:08.0"
    assert medium_caption(VIDEO) == ("1280 × 720 → 448 × 252", "0:12.0", frames, "126 visual tokens")
    assert medium_caption(VIDEO, 300 * 2**20)[-1] == "about 300 MiB of memory"
    unknown = Medium("ef" * 32, (1280, 720), "clip.mp4", duration_s=12.0)
    assert medium_caption(unknown) == ("1280 × 720", "0:12.0", "frames and tokens are known once it has loaded")
    shown = conversation_html([asked("?", VIDEO, PICTURE)])
    assert f'src="/media/{VIDEO.sha256}" poster="/media/{VIDEO.sha256}/small"' in shown
    assert 'width="320" height="180"' in shown
    assert 'title="0:00.0, 0:04.0, 0:08.0"' in shown
    assert shown.count("<video") == shown.count("<img") == 1


def test_events_play_the_latest_video_from_there() -> None:
    events = '[{"start": 5.5, "end": 7, "label": "<b>lands</b>"}, {"time": 1.25, "label": "jumps"}]'
    raw = f"Two things:\n```json\n{events}\n```"
    shown = conversation_html([asked("When?", VIDEO), answered(raw, duration_s=12.0)])
    assert shown.index("0:01.2</button> jumps") < shown.index("0:05.5 – 0:07.0</button> &lt;b&gt;lands&lt;/b&gt;")
    assert f'data-do="seek" data-sha="{VIDEO.sha256}" data-start="1.25"' in shown
    assert "Two things:" in shown
    assert "The model’s own text" in shown
    told = "The ball lands at 5.5 - 7.0 seconds."
    sentence = conversation_html([asked("When?", VIDEO), answered(told, duration_s=12.0)])
    assert told in sentence
    assert "0:05.5 – 0:07.0</button>" in sentence
    assert "own text" not in sentence
    assert "<button" not in LiveView([PICTURE]).html(live(told, parse_answer(told, PER_1000)))


def test_a_place_in_a_video_without_a_time_is_read_and_not_drawn() -> None:
    raw = '```json\n[{"bbox_2d": [250, 500, 750, 1000], "label": "cup"}]\n```'
    media = [[1280, 720, 448, 252, 126]]
    shown = conversation_html([asked("?", VIDEO), answered(raw, media=media)])
    assert '<figure class="overlay">' not in shown
    assert "bbox_2d" in shown
    both = conversation_html(
        [asked("?", VIDEO, PICTURE), answered(raw, media=[*media, *DETAILS["media"]], image_index=1)]
    )
    assert '<svg viewBox="0 0 640 480"' in both
