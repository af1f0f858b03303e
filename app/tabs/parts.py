"""What the tabs for pictures, documents and videos share: adapters of events, HTML that is clicked, the row of exports.

Knows Gradio. Does not know what is worked on, shown or exported.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.processing_utils import save_file_to_cache

from app.faults import sentence_of
from app.wire import numbered
from app.work_view import error_html, running_html, stage_html, told_html

Updates = dict[Component, Any]
S = TypeVar("S")

QUICK: Mapping[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
"""Options of an event that is answered at once."""
SLOW: Mapping[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
"""Options of an event that may take time or stream."""

Export = Callable[..., tuple[Path, list[str]]]
"""From a format's key, a folder and the values of the inputs to a file in the folder, and notes for a person."""


def in_order(updates: Updates) -> Updates:
    """The same updates, those of HTML with a number, by which the page knows an older one that arrives late."""
    return {
        widget: numbered(value) if isinstance(widget, gr.HTML) and isinstance(value, str) else value
        for widget, value in updates.items()
    }


class WorkTab(ABC, Generic[S]):
    """A tab whose actions tell what is to be shown, as values of `S`."""

    @abstractmethod
    def _updates(self, shown: S) -> Updates:
        """A value as updates of the widgets that it concerns."""

    def _does(self, action: Callable[..., S]) -> Callable[..., Updates]:
        """An action as an event handler."""

        def handle(session: Any, *values: Any) -> Updates:
            return self._alone(session, lambda: action(session, *values))

        return handle

    def _alone(self, session: Any, action: Callable[[], S]) -> Updates:
        """What an action on a page tells. What the next one tells is newer, and made of what this one has left."""
        with session.turnstile:
            return self._updates(action())

    def _stepwise(self, session: Any, steps: Iterator[S]) -> Iterator[Updates]:
        """The same for an action in short steps, between which others may be."""
        while True:
            with session.turnstile:
                shown = next(steps, None)
                updates = None if shown is None else self._updates(shown)
            if updates is None:
                return
            yield updates

    def _streams(self, action: Callable[..., Iterator[S]]) -> Callable[..., Iterator[Updates]]:
        """An action that takes time as an event handler."""

        def handle(*values: Any) -> Iterator[Updates]:
            for shown in action(*values):
                yield self._updates(shown)

        return handle

    def _at(self, action: Callable[[Any, int], S]) -> Callable[..., Updates]:
        """An action on the thing that was clicked, by its place, as an event handler."""

        def handle(session: Any, event: gr.EventData) -> Updates:
            return self._alone(session, lambda: action(session, int(event.place)))

        return handle


class ExportRow:
    """A button for each format, and the file that the browser saves after a click."""

    def __init__(self, tab: str, titles: Mapping[str, str]) -> None:
        with gr.Row(elem_id=f"{tab}-export") as self.row:
            gr.HTML("<span>Export</span>", apply_default_css=False)
            self._buttons = {
                key: gr.Button(title, size="sm", min_width=0, elem_id=f"{tab}-export-{key}")
                for key, title in titles.items()
            }
            self._file = gr.File(elem_id=f"{tab}-file")

    def wire(
        self, export: Export, inputs: Sequence[Block], stage: gr.HTML, error: gr.HTML, running: gr.HTML | None = None
    ) -> None:
        """Let a click write the file; `stage` says so meanwhile, and `error` why there is none, or what it lacks.

        With `running`, the mark for the style sheet, Stop is there as long as it is written.
        """
        outputs = [self._file, stage, error, *([running] if running else [])]
        for key, button in self._buttons.items():
            write = self._writer(export, key, stage, error, running)
            written = button.click(write, list(inputs), outputs, **SLOW)
            written.success(fn=None, inputs=self._file, js="Studio.save", api_visibility="private")

    def _writer(
        self, export: Export, key: str, stage: gr.HTML, error: gr.HTML, running: gr.HTML | None
    ) -> Callable[..., Iterator[Updates]]:
        def mark(is_running: bool) -> Updates:
            return {running: running_html(is_running)} if running else {}

        def write(*values: Any) -> Iterator[Updates]:
            yield in_order({self._file: None, stage: stage_html("Writing the file"), error: "", **mark(True)})
            with tempfile.TemporaryDirectory() as folder:
                try:
                    path, notes = export(key, Path(folder), *values)
                except Exception as failure:
                    sentence = sentence_of(failure, "a file could not be written")
                    yield in_order({stage: "", error: error_html(sentence), **mark(False)})
                    return
                file = save_file_to_cache(path, self._file.GRADIO_CACHE)
                yield in_order({self._file: file, stage: "", error: told_html(notes), **mark(False)})

        return write


def error_place(tab: str) -> gr.HTML:
    """What an action has to tell, in sight however far the page is scrolled, until the next one or a click."""
    place = clicked_html(f"{tab}-error", "Studio.mount(element, trigger); // 'dismiss'")
    place.dismiss(lambda: "", None, place, **QUICK)
    return place


def clicked_html(elem_id: str, js_on_load: str) -> gr.HTML:
    """HTML that comes from Python; the script mounts it and names the events that it may send."""
    newest = f"${{StudioUpdates.newest('{elem_id}', value)}}"
    return gr.HTML(html_template=newest, js_on_load=js_on_load, apply_default_css=False, elem_id=elem_id)
