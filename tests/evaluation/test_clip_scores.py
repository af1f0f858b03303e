"""Clips as files, and what counts as a right answer about them; times by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from evaluation import clips
from evaluation.clips import Fact
from evaluation.scores import Score
from model.engines.fake import FakeEngine
from model.media import pixels
from model.types import TimeEvent
from model.video import Sampling, look, open_video
from training.clips import Actor, Clip
from training.scenes import COLORS


def actor(color: str, shown_s: tuple[float, float], turns: tuple[float, str] | None = None) -> Actor:
    square = np.array([[-40.0, -40.0], [40.0, -40.0], [40.0, 40.0], [-40.0, 40.0]])
    path = ((60.0, 60.0), (60.0, 60.0))
    return Actor("square", color, np.zeros(3, dtype=np.int64), square, path, shown_s, turns=turns)


def clip(*actors: Actor) -> Clip:
    return Clip((240, 240), 6.0, 25, actors, ((240, 240, 240), (240, 240, 240)), 1)


def test_facts_of_a_clip() -> None:
    told = clips.facts(clip(actor("red", (2.0, 5.0))))
    assert [(fact.words, fact.start_s, fact.end_s) for fact in told] == [
        ("The red square is visible", 2.0, 5.0),
        ("The red square appears", 2.0, 2.0),
        ("The red square vanishes", 5.0, 5.0),
    ]
    visible, turned = clips.facts(clip(actor("red", (0.0, math.inf), (3.0, "blue"))))
    assert (visible.start_s, visible.end_s) == (0.0, 6.0)
    assert (turned.words, turned.start_s) == ("The red square turns blue", 3.0)


def test_the_file_shows_the_clip_at_its_times(tmp_path: Path) -> None:
    clips.write_mp4(clip(actor("red", (2.0, 5.0))), tmp_path / "clip.mp4")
    video = open_video(tmp_path / "clip.mp4")
    assert video.duration_s == pytest.approx(6.0, abs=0.05)
    shown = look(video, Sampling(fps=2.0))
    for frame, time_s in zip(shown.frames, shown.times_s, strict=True):
        is_red = np.abs(np.asarray(pixels(frame), dtype=int)[60, 60] - COLORS["red"]).max() < 40
        assert is_red == (2.0 <= time_s < 5.0)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (TimeEvent("The red square is visible.", 2.0, 5.0), 1.0),
        (TimeEvent("The red square is visible", 2.0, 3.4), 0.0),
        (TimeEvent("The red square is visible", 1.0, 6.0), 1.0),
        (TimeEvent("The blue square is visible", 2.0, 5.0), 0.0),
    ],
    ids=["exact", "less than half", "more than half", "another thing"],
)
def test_a_span_is_right_from_half_an_overlap_on(event: TimeEvent, expected: float) -> None:
    fact = Fact("visible", "red square", "The red square is visible", 2.0, 5.0)
    assert clips.span_score(fact, [event]) == Score("video events", expected)


@pytest.mark.parametrize(("start_s", "expected"), [(2.5, 1.0), (2.51, 0.0), (1.5, 1.0)])
def test_a_moment_is_right_within_half_a_second(start_s: float, expected: float) -> None:
    fact = Fact("appears", "red square", "The red square appears", 2.0, 2.0)
    told = [TimeEvent("The red square appears", start_s, start_s)]
    assert clips.moment_score(fact, told) == Score("video moments", expected)


def test_whoever_says_nothing_to_the_point_is_right_about_nothing() -> None:
    scores = [score for seed in range(3) for score in clips.sample(FakeEngine(("Hm.",)), (0, seed))]
    assert {score.name for score in scores} == {"video events", "video moments"}
    assert not any(score.value for score in scores)
