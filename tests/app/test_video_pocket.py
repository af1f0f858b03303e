"""The Video tab with the real pocket model: what has to hold whatever it says."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.studio import Studio
from app.video_actions import Session, VideoActions
from app.watching import VideoAsk, not_learned
from model.loading import ModelSpec, load_engine
from model.prompts import VIDEO_TASKS


def test_each_task_is_answered_within_the_video_or_said_not_to_be_learned(make_studio: Callable[..., Studio]) -> None:
    engine = load_engine(ModelSpec(), lambda progress: None, threading.Event())
    actions, session = VideoActions(make_studio(engine)), Session()
    actions.take_example(session, 0)
    for _ in actions.open_example(session):
        pass
    assert session.file is not None
    for task in VIDEO_TASKS:
        before = len(session.thread)
        *_, last = actions.ask(session, VideoAsk(task, "When does the red circle appear?", preset="Low memory"))
        assert (last.is_running, last.stage, session.run) == (False, "", None)
        if sentence := not_learned(engine.info, task):
            assert sentence.split(";")[0] in (last.error or "")
            assert len(session.thread) == before
            continue
        exchange = session.thread[before]
        assert exchange.state == "done"
        assert exchange.watched is not None
        assert exchange.watched.is_finished
        for event in exchange.events:
            assert 0 <= event.start_s <= event.end_s <= session.file.duration_s
