"""Snapshots of an answer: few, complete, and ended at once by Stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import replace

import pytest

from app.answering import Answering, Snapshot, notice_of
from model.engines.fake import FakeEngine
from model.errors import EngineError
from model.types import Chunk, GenerationOptions, MediumInput, Message, Prompt, Resized, StreamEvent, Text

ASKED = [Message("user", (Text("hello"),))]


def answering(engine: FakeEngine, cancel: threading.Event | None = None) -> Answering:
    return Answering(engine, engine.prepare(ASKED), GenerationOptions(), cancel or threading.Event())


def test_the_last_snapshot_is_the_whole_answer() -> None:
    snapshots = list(answering(FakeEngine(("a", "b", Chunk("hm", "thinking"), "c"))).snapshots(0))
    last = snapshots[-1]
    assert (last.text, last.thinking, last.last.finish_reason) == ("abc", "hm", "stop")
    assert last.last.generated_tokens == 4


def test_a_thousand_quick_tokens_make_few_snapshots_and_lose_nothing() -> None:
    pieces = [f"{i} " for i in range(1000)]
    started = time.monotonic()
    snapshots = list(answering(FakeEngine(pieces, delay_s=0.0005)).snapshots())
    elapsed_s = time.monotonic() - started
    assert snapshots[-1].text == "".join(pieces)
    assert len(snapshots) <= 10 * elapsed_s + 3


def test_each_snapshot_continues_the_one_before() -> None:
    before = ""
    for snapshot in answering(FakeEngine([f"{i} " for i in range(50)], delay_s=0.002)).snapshots(0.01):
        assert snapshot.text.startswith(before)
        before = snapshot.text


def test_an_error_of_the_engine_comes_after_the_text_before_it() -> None:
    seen: list[Snapshot] = []
    snapshots = answering(FakeEngine(("a", "b"), fail_with=EngineError("it broke"))).snapshots(0)
    with pytest.raises(EngineError, match="broke"):
        seen.extend(snapshots)
    assert seen[-1].text == "ab"


def test_stop_ends_the_answer_and_keeps_what_came() -> None:
    cancel = threading.Event()
    snapshots = answering(FakeEngine(["x"] * 10_000, delay_s=0.01), cancel).snapshots(0)
    for snapshot in snapshots:
        if len(snapshot.text) > 3:
            cancel.set()
    assert snapshot.last.finish_reason == "cancelled"
    assert 3 < len(snapshot.text) < 1000


def test_stop_does_not_wait_for_a_model_that_cannot_be_interrupted() -> None:
    """A prefill on a CPU takes seconds and cannot be stopped inside."""
    release = threading.Event()

    class Stubborn(FakeEngine):
        def stream(
            self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event
        ) -> Generator[StreamEvent, None, None]:
            release.wait(60)
            yield Chunk("late", finish_reason="stop")

    cancel = threading.Event()
    threading.Timer(0.1, cancel.set).start()
    started = time.monotonic()
    snapshots = list(answering(Stubborn(), cancel).snapshots())
    assert time.monotonic() - started < 10
    assert (snapshots[-1].text, snapshots[-1].last.finish_reason) == ("", "cancelled")
    release.set()


def test_leaving_the_iteration_stops_the_engine() -> None:
    cancel = threading.Event()
    snapshots = answering(FakeEngine(["x"] * 10_000, delay_s=0.01), cancel).snapshots(0)
    next(snapshots)
    snapshots.close()
    assert cancel.is_set()


def test_who_waits_sees_how_many_are_before() -> None:
    engine = FakeEngine(["x"] * 10_000, delay_s=0.01)
    cancel = threading.Event()
    first = answering(engine, cancel).snapshots(0)
    next(first)
    later = threading.Event()
    second = answering(engine, later).snapshots(0)
    assert next(second).waiting == 1
    cancel.set()
    list(first)
    while (snapshot := next(second)).waiting:
        pass
    assert snapshot.text
    later.set()
    list(second)


def test_pictures_that_were_made_smaller_are_told_with_their_new_size() -> None:
    before, after = MediumInput((600, 400), (608, 416), 247), MediumInput((600, 400), (320, 192), 60)
    engine = FakeEngine(("It ", Resized((after,), 64), "is."))
    prompt = replace(engine.prepare(ASKED), media=(before,))
    snapshots = list(Answering(engine, prompt, GenerationOptions(), threading.Event()).snapshots(0))
    assert snapshots[-1].media == (after,)
    assert snapshots[-1].text == "It is."
    expected = "The memory was full, so the picture was made smaller for the model: 320 × 192 pixels."
    assert notice_of(snapshots[-1]) == expected
    assert notice_of(Snapshot()) == ""
