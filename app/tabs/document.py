"""The Document tab: its widgets, and which action each one calls.

Knows Gradio. What happens is `document_actions`' business, how it looks `document_view`'s and `ui_assets`'.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component
from gradio.processing_utils import save_file_to_cache

from app.document_actions import DocumentActions, Mode, Session, Shown
from app.exports.documents import DOCUMENT_FORMATS
from app.ground_view import error_html, stage_html
from app.knobs import PRESET_NAMES
from app.people import person_of
from app.studio import Studio
from app.viewer import image_viewer
from model.errors import StudioError
from model.prompts import FIELD_PRESETS

_MODES: tuple[tuple[str, Mode], ...] = (
    ("Text", "text"),
    ("Markdown", "markdown"),
    ("Layout", "layout"),
    ("Tables", "tables"),
    ("Fields", "fields"),
    ("Ask", "ask"),
)
_OWN_FIELDS = "Own fields"
_MOUNT = "StudioDocument.mount(element, trigger); // 'example' 'recent' 'undo' 'again' 'spot' 'pick'"
_MOUNT_STRIP = "StudioDocument.mountStrip(element, trigger); StudioDocument.followStrip(); // 'pick' 'choose'"
_MOUNT_RESULT = "StudioDocument.mountResult(element, trigger); // 'pick' 'correct' 'field' 'stay'"

Updates = dict[Component, Any]


def build(studio: Studio, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
    """Put the tab into the page; `model_name` changes when another model is ready."""
    _DocumentTab(studio).wire(blocks, model_name)


class _DocumentTab:
    """The widgets of one page and the adapters between Gradio's events and `DocumentActions`."""

    def __init__(self, studio: Studio) -> None:
        self._actions = DocumentActions(studio)
        self._is_exposed = studio.settings.is_exposed
        self.session = gr.State(Session())
        with gr.Column(elem_id="document", min_width=0):
            self._build_bar()
            self.advice = self._html("document-advice")
            self.error = self._html("document-error")
            self._build_password()
            self.stage = self._html("document-stage")
            with gr.Row(visible=False, elem_id="document-work") as self.work:
                self.strip = self._html("document-strip", _MOUNT_STRIP)
                with gr.Column(elem_id="document-picture", min_width=0):
                    self.viewer = image_viewer(elem_id="document-viewer")
                    self.own_text = self._html("document-own")
                with gr.Column(elem_id="document-side", min_width=0):
                    self.head = self._html("document-head")
                    self.notes = self._html("document-notes")
                    self.result = self._html("document-result", _MOUNT_RESULT)
            self._build_foot()

    def _build_bar(self) -> None:
        with gr.Row(elem_id="document-bar"):
            self.mode = gr.Radio(
                _MODES, value="markdown", show_label=False, label="Mode", elem_id="document-mode", min_width=0
            )
            with gr.Row(elem_id="document-what"):
                self.preset_fields = gr.Dropdown(
                    [_OWN_FIELDS, *((preset.title, key) for key, preset in FIELD_PRESETS.items())],
                    value=_OWN_FIELDS,
                    show_label=False,
                    label="Kind of document",
                    visible=False,
                    elem_id="document-kind",
                    min_width=0,
                )
                self.fields = gr.Dropdown(
                    [],
                    multiselect=True,
                    allow_custom_value=True,
                    show_label=False,
                    label="Fields",
                    visible=False,
                    elem_id="document-fields",
                )
                self.question = gr.Textbox(
                    show_label=False,
                    label="Question",
                    placeholder="Ask about these pages",
                    visible=False,
                    max_lines=4,
                    elem_id="document-question",
                )
                self.pages = gr.Textbox(
                    show_label=False,
                    label="Pages",
                    placeholder="All pages, or 1-3, 7",
                    max_lines=1,
                    elem_id="document-pages",
                    min_width=0,
                )
                self.read = gr.Button("Read", variant="primary", elem_id="document-read", min_width=0)
                self.ask = gr.Button(
                    "Ask", variant="primary", visible=False, elem_id="document-ask-button", min_width=0
                )
                self.stop = gr.Button("Stop", visible=False, elem_id="document-stop", min_width=0)

    def _build_password(self) -> None:
        with gr.Column(visible=False, elem_id="document-locked", min_width=0) as self.locked_row:
            self.locked = self._html("document-locked-words")
            with gr.Row():
                self.password = gr.Textbox(
                    type="password", show_label=False, label="Password", max_lines=1, elem_id="document-password"
                )
                self.unlock = gr.Button("Open", variant="primary", min_width=0, elem_id="document-unlock")
                self.skip = gr.Button("Leave it out", min_width=0, elem_id="document-skip")

    def _build_foot(self) -> None:
        with gr.Row(elem_id="document-foot"):
            with gr.Column(elem_id="document-intake", min_width=0):
                self.welcome = self._html("document-welcome")
                with gr.Row(elem_id="document-add"):
                    self.choose = gr.UploadButton(
                        "Choose documents",
                        file_count="multiple",
                        type="filepath",
                        size="sm",
                        min_width=0,
                        elem_id="document-choose",
                    )
                    self.clear = gr.Button("Close all", size="sm", min_width=0, visible=False, elem_id="document-clear")
            with gr.Row(visible=False, elem_id="document-export") as self.export_row:
                gr.HTML("<span>Export</span>", apply_default_css=False)
                self.exports = {
                    key: gr.Button(row.title, size="sm", min_width=0, elem_id=f"document-export-{key}")
                    for key, row in DOCUMENT_FORMATS.items()
                }
                self.file = gr.File(elem_id="document-file")
        with gr.Accordion("Options", open=False, visible=False, elem_id="document-options") as self.options:
            self.preset = gr.Radio(
                PRESET_NAMES,
                value=PRESET_NAMES[0],
                label="Detail",
                info="How large a page is for the model. Counts for pages that are read from now on.",
            )

    def _html(self, elem_id: str, js_on_load: str = _MOUNT) -> gr.HTML:
        return gr.HTML(js_on_load=js_on_load, apply_default_css=False, elem_id=elem_id)

    def wire(self, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
        """Connect every event to its action."""
        quick: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        slow: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
        page = self._page_outputs()
        here = self.session
        asking: set[Block] = {here, self.mode, self.fields, self.preset, self.question}
        blocks.load(self._open_page, here, page, **quick)
        model_name.change(self._does(self._actions.model_changed), here, page, **quick)
        gr.on([self.mode.change, self.fields.change], self._set_ask, asking, page, **quick)
        self.preset_fields.input(_fields_of, self.preset_fields, self.fields, **quick)
        self.read.click(self._read, asking, page, **slow)
        gr.on([self.ask.click, self.question.submit], self._ask, asking, page, **slow)
        self.stop.click(Session.stop, here, **quick)
        self._wire_intake(quick, slow, page)
        self._wire_pages(quick, slow, page)
        self._wire_export(slow)

    def _wire_intake(self, quick: Mapping[str, Any], slow: Mapping[str, Any], page: list[Block]) -> None:
        here = self.session
        self.choose.upload(self._add, [here, self.choose], page, **slow)
        self.clear.click(self._does(self._actions.clear), here, page, **quick)
        self.welcome.example(self._at(self._actions.try_example), here, page, **slow)
        self.welcome.recent(self._at(self._actions.open_recent), here, page, **slow)
        gr.on(
            [self.unlock.click, self.password.submit],
            self._does(self._actions.unlock),
            [here, self.password],
            page,
            **slow,
        )
        self.skip.click(self._does(self._actions.skip_locked), here, page, **quick)

    def _wire_pages(self, quick: Mapping[str, Any], slow: Mapping[str, Any], page: list[Block]) -> None:
        here = self.session
        for shown in (self.strip, self.head, self.result):
            shown.pick(self._at(self._actions.pick), here, page, **quick)
        self.strip.choose(self._choose, here, page, **quick)
        gr.on(
            [self.pages.submit, self.pages.blur],
            self._does(self._actions.choose_range),
            [here, self.pages],
            page,
            **quick,
        )
        self.result.stay(self._actions.stay, here, **quick)
        self.result.correct(self._correct, here, page, **quick)
        self.result.field(self._correct_field, here, page, **quick)
        self.head.undo(self._does(self._actions.undo), here, page, **quick)
        for shown in (self.head, self.notes):
            shown.again(self._streams(self._actions.read_again), here, page, **slow)
        self.notes.spot(self._streams(self._actions.spot_lines), here, page, **slow)

    def _wire_export(self, slow: Mapping[str, Any]) -> None:
        for key, button in self.exports.items():
            outputs = [self.file, self.stage, self.error]
            written = button.click(self._exporter(key), self.session, outputs, **slow)
            written.success(fn=None, inputs=self.file, js="StudioDocument.save", api_visibility="private")

    def _page_outputs(self) -> list[Block]:
        return [
            *(self.viewer, self.strip, self.head, self.notes, self.result, self.own_text, self.stage, self.error),
            *(self.locked, self.locked_row, self.password, self.advice, self.welcome, self.pages, self.work),
            *(self.export_row, self.options, self.clear, self.read, self.ask, self.stop, self.mode),
            *(self.preset_fields, self.fields, self.question, self.session),
        ]

    # Adapters

    def _does(self, action: Callable[..., Shown]) -> Callable[..., Updates]:
        """An action as an event handler."""

        def handle(*values: Any) -> Updates:
            return self._updates(action(*values))

        return handle

    def _streams(self, action: Callable[[Session], Iterator[Shown]]) -> Callable[[Session], Iterator[Updates]]:
        """An action that takes time as an event handler."""

        def handle(session: Session) -> Iterator[Updates]:
            for shown in action(session):
                yield self._updates(shown)

        return handle

    def _at(self, action: Callable[[Session, int], Shown]) -> Callable[[Session, gr.EventData], Updates]:
        """An action on the thing that was clicked, by its place, as an event handler."""

        def handle(session: Session, event: gr.EventData) -> Updates:
            return self._updates(action(session, int(event.place)))

        return handle

    def _open_page(self, session: Session, request: gr.Request) -> Updates:
        person = person_of(request.cookies, is_exposed=self._is_exposed)
        return self._updates(self._actions.welcome(session, person)) | {self.session: session}

    def _set_ask(self, values: Mapping[Component, Any]) -> Updates:
        mode = values[self.mode]
        shown = self._actions.set_ask(values[self.session], mode, values[self.fields] or (), values[self.preset])
        return self._updates(shown) | self._by_mode(mode)

    def _read(self, values: Mapping[Component, Any]) -> Iterator[Updates]:
        session = values[self.session]
        # What was typed into the fields and not yet confirmed counts too.
        asked = self._actions.set_ask(session, values[self.mode], values[self.fields] or (), values[self.preset])
        yield self._updates(asked)
        if not asked.error:
            for shown in self._actions.read(session):
                yield self._updates(shown)

    def _ask(self, values: Mapping[Component, Any]) -> Iterator[Updates]:
        for shown in self._actions.ask(values[self.session], values[self.question] or ""):
            yield self._updates(shown)

    def _add(self, session: Session, files: Sequence[str]) -> Iterator[Updates]:
        for shown in self._actions.add(session, [Path(file) for file in files]):
            yield self._updates(shown)

    def _choose(self, session: Session, event: gr.EventData) -> Updates:
        return self._updates(self._actions.choose(session, int(event.place), up_to=bool(event.up_to)))

    def _correct(self, session: Session, event: gr.EventData) -> Updates:
        return self._updates(self._actions.correct(session, int(event.place), str(event.text)))

    def _correct_field(self, session: Session, event: gr.EventData) -> Updates:
        return self._updates(self._actions.correct_field(session, int(event.at), str(event.name), str(event.text)))

    def _exporter(self, key: str) -> Callable[[Session], Iterator[Updates]]:
        def export(session: Session) -> Iterator[Updates]:
            yield {self.file: None, self.stage: stage_html("Writing the file"), self.error: ""}
            with tempfile.TemporaryDirectory() as folder:
                try:
                    path, notes = self._actions.export(session, key, Path(folder))
                except StudioError as error:
                    yield {self.stage: "", self.error: error_html(str(error))}
                    return
                for note in notes:
                    gr.Info(note)
                yield {self.file: save_file_to_cache(path, self.file.GRADIO_CACHE), self.stage: ""}

        return export

    # Updates

    def _updates(self, shown: Shown) -> Updates:
        """A `Shown` as updates of the widgets that it concerns."""
        plain = {
            self.viewer: shown.viewer,
            self.strip: shown.strip,
            self.head: shown.head,
            self.notes: shown.notes,
            self.result: shown.result,
            self.own_text: shown.own_text,
            self.stage: shown.stage,
            self.error: shown.error,
            self.locked: shown.locked,
            self.advice: shown.advice,
            self.welcome: shown.welcome,
            self.pages: shown.pages,
            self.question: shown.question,
        }
        updates: Updates = {component: value for component, value in plain.items() if value is not None}
        if shown.locked is not None:
            updates |= {self.locked_row: gr.update(visible=bool(shown.locked)), self.password: ""}
        if shown.page_count is not None:
            updates |= self._by_pages(shown)
        if shown.is_running is not None:
            updates |= self._by_running(shown.is_running)
        return updates or {self.error: gr.skip()}

    def _by_pages(self, shown: Shown) -> Updates:
        count = shown.page_count or 0
        return {
            **{
                widget: gr.update(visible=count > 0)
                for widget in (self.work, self.export_row, self.options, self.clear)
            },
            self.welcome: _with(shown.welcome, visible=count == 0),
            # How many there are says that pages of several documents are counted on.
            self.pages: _with(shown.pages, placeholder=f"All {count:,}, or 1-3, 7" if count > 1 else "All pages"),
        }

    def _by_running(self, is_running: bool) -> Updates:
        # What is read stays one thing until its end.
        settled = (self.mode, self.fields, self.preset_fields, self.read, self.ask)
        return {
            **{widget: gr.update(interactive=not is_running) for widget in settled},
            self.stop: gr.update(visible=is_running),
        }

    def _by_mode(self, mode: Mode) -> Updates:
        return {
            self.preset_fields: gr.update(visible=mode == "fields"),
            self.fields: gr.update(visible=mode == "fields"),
            self.question: gr.update(visible=mode == "ask"),
            self.ask: gr.update(visible=mode == "ask"),
            self.read: gr.update(visible=mode != "ask"),
        }


def _with(value: str | None, **changes: Any) -> dict[str, Any]:
    """Changes of a widget together with its value; None leaves that as it is."""
    return gr.update(**changes) if value is None else gr.update(value=value, **changes)


def _fields_of(key: str) -> dict[str, Any]:
    """The fields of a kind of document, open to change; own ones begin with none."""
    preset = FIELD_PRESETS.get(key)
    names = list(preset.fields) if preset else []
    return gr.update(value=names, choices=names)
