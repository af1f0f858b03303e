"""The Ground tab's widgets: what streams to the page is plain text, so that a slow page loses nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gradio as gr

from app.ground_actions import Session
from app.studio import Studio
from app.tabs.ground import _GroundTab
from model.engines.fake import FakeEngine
from tests.app.found import picture
from tests.app.streamed import texts


def _tab(studio: Studio) -> _GroundTab:
    with gr.Blocks():
        return _GroundTab(studio)


def test_what_streams_to_the_page_is_text(make_studio: Callable[..., Studio], tmp_path: Path) -> None:
    tab, session = _tab(make_studio(FakeEngine(('[{"bbox_2d": [1, 2, 3, 4], "label": "cup"}]',)))), Session()
    files = [tmp_path / name for name in ("a.png", "b.png")]
    for file in files:
        file.write_bytes(picture().data)
    added = texts(tab._streamed, tab._add(session, list(map(str, files[:1]))))
    assert 'data-pictures="one"' in added[-1][tab.count]
    texts(tab._streamed, tab._add_folder(session, list(map(str, files[1:]))))
    values = {tab.session: session, tab.task: "detect", tab.categories: ["cup"], tab.query: ""}
    values |= {tab.preset: "Quality", tab.convention: "As the model writes them"}
    first, *_, last = texts(tab._streamed, tab._run_all(values))
    assert first[tab.running]
    assert not last[tab.running]
    assert 'data-pictures="many"' in last[tab.count]
    assert texts(tab._streamed, tab._run(values))
