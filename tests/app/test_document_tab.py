"""The Document tab's widgets: what streams to the page is plain text, so that a slow page loses nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event
from typing import Any

import gradio as gr
import pytest

from app.document_actions import Session
from app.studio import Studio
from app.tabs.document import _DocumentTab
from app.wire import unnumbered
from model.engines.fake import FakeEngine
from tests.app.documents import MARKDOWN, REPORT
from tests.app.streamed import texts


@pytest.fixture
def tab(make_studio: Callable[..., Studio]) -> _DocumentTab:
    with gr.Blocks():
        return _DocumentTab(make_studio(FakeEngine(MARKDOWN)))


def test_what_streams_to_the_page_is_text(tab: _DocumentTab) -> None:
    session = Session(owner="ann")
    added = texts(tab._page, tab._add(session, [str(REPORT)]))
    assert 'data-pages="many"' in added[-1][tab.count]
    values: dict[Any, Any] = {tab.session: session, tab.mode: "markdown", tab.fields: [], tab.preset: "Quality"}
    _, first, *_, last = texts(tab._page, tab._read(values))
    assert first[tab.running]
    assert not last[tab.running]
    asked = texts(tab._page, tab._streams(tab._actions.ask)(session, "Why?"))
    assert [updates[tab.question] for updates in asked if tab.question in updates] == [""]


def test_a_mode_shows_its_controls(tab: _DocumentTab) -> None:
    values: dict[Any, Any] = {tab.session: Session(), tab.mode: "fields", tab.fields: [], tab.preset: "Quality"}
    assert 'data-mode="fields"' in tab._set_ask(values)[tab.shown_mode]


def test_closing_lists_anew_what_was_opened(tab: _DocumentTab) -> None:
    session = Session(owner="ann")
    tab._updates(tab._actions.welcome(session, "ann"))
    texts(tab._page, tab._add(session, [str(REPORT)]))
    updates = tab._does(tab._actions.clear)(session)
    assert "report.pdf" in updates[tab.welcome]
    assert unnumbered(updates[tab.count]) == ""


def test_what_is_told_while_a_document_is_being_opened_is_not_newer(
    tab: _DocumentTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another mode is chosen in that moment: what that tells has to have the document, or to come first."""
    session = Session(owner="ann")
    begun, go_on = Event(), Event()
    shelf_open, page_of = tab._actions._shelf.open, tab._actions.page

    def slow_open(*values: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return shelf_open(*values)

    def slow_page(shown: Session) -> Any:
        page = page_of(shown)
        if shown.sheet is None:  # seen before the document is there: let that be opened before this is told
            go_on.set()
            opening.exception(30)
        return page

    monkeypatch.setattr(tab._actions._shelf, "open", slow_open)
    monkeypatch.setattr(tab._actions, "page", slow_page)
    values: dict[Any, Any] = {tab.session: session, tab.mode: "layout", tab.fields: [], tab.preset: "Quality"}
    with ThreadPoolExecutor() as pool:
        opening = pool.submit(lambda: list(tab._add(session, [str(REPORT)])))
        assert begun.wait(30)
        setting = pool.submit(tab._set_ask, values)
        wait([setting], timeout=0.3)
        go_on.set()
        told = [*opening.result(30), setting.result(30)]
    newest = max(
        (updates[tab.count] for updates in told if tab.count in updates), key=lambda text: int(text.split("|")[0])
    )
    assert 'data-pages="many"' in newest
