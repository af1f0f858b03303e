"""The Video tab's widgets: what streams to the page is plain text, so that a slow page loses nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gradio as gr
import pytest

from app.studio import Studio
from app.tabs.parts import ExportRow
from app.tabs.video import _VideoTab
from app.video_actions import Session
from app.wire import unnumbered
from model.engines.fake import FakeEngine
from model.errors import RequestError
from tests.app.streamed import texts
from tests.app.videos import LISTED
from tests.model.clips import steady, write_clip


def test_what_streams_to_the_page_is_text(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    with gr.Blocks():
        tab = _VideoTab(make_studio(FakeEngine(LISTED)))
    session = Session()
    opened = texts(tab._streamed, tab._open(session, [str(write_clip(tmp_path / "clip.mp4", steady(60, 10.0)))], 2.0))
    assert any('data-videos="one"' in updates.get(tab.count, "") for updates in opened)
    values = {tab.session: session, tab.task: "describe", tab.query: "", tab.preset: "Quality"}
    first, *_, last = texts(tab._streamed, tab._ask(values))
    assert "data-running" in first[tab.running]
    assert (last[tab.running], last[tab.stage]) == ("", "")
    assert "the door opens" in last[tab.thread]
    example = texts(tab._streamed, tab._streams(tab._actions.open_example)(session))
    assert example == [], "none was chosen"


def test_a_file_is_written_or_told_why_not_and_the_tab_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def export(key: str, folder: Path) -> tuple[Path, list[str]]:
        if key == "bad":
            raise RequestError("There is nothing to export yet.")
        if key == "broken":
            raise IndexError("/secret")
        path = folder / "events.srt"
        path.write_text("1")
        return path, []

    with gr.Blocks():
        stage, error, running = gr.HTML(), gr.HTML(), gr.HTML()
        row = ExportRow("video", {"good": "Good", "bad": "Bad", "broken": "Broken"})
        for key in ("good", "bad"):
            first, last = row._writer(export, key, stage, error, running)()
            assert "data-running" in first[running]
            assert unnumbered(last[running]) == ""
            assert ("nothing to export" in last.get(error, "")) == (key == "bad")
        _, last = row._writer(export, "broken", stage, error, running)()
    assert "Something went wrong in the program" in last[error]
    assert "/secret" not in last[error]
    assert (unnumbered(last[stage]), unnumbered(last[running])) == ("", "")
    assert "/secret" in caplog.text
