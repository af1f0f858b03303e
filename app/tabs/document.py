"""The Document tab: its widgets, and which action each one calls.

Knows Gradio. What happens is `document_actions`' business, how it looks `document_view`'s and `ui_assets`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from app.document_actions import DocumentActions, Mode, Session, Shown
from app.document_view import mode_html
from app.exports.documents import DOCUMENT_FORMATS
from app.knobs import PRESET_NAMES
from app.people import person_of
from app.studio import Studio
from app.tabs.parts import QUICK, SLOW, ExportRow, Updates, WorkTab, clicked_html, error_place, in_order
from app.viewer import image_viewer
from app.work_view import count_html, running_html
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
_MOUNT_RUNNING = "StudioDocument.settleWhileRunning(element);"
_MOUNT_STRIP = "StudioDocument.mountStrip(element, trigger); StudioDocument.followStrip(); // 'pick' 'choose'"
_MOUNT_RESULT = "StudioDocument.mountResult(element, trigger); // 'pick' 'correct' 'field' 'stay'"


def build(studio: Studio, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
    """Put the tab into the page; `model_name` changes when another model is ready."""
    _DocumentTab(studio).wire(blocks, model_name)


class _DocumentTab(WorkTab[Shown]):
    """The widgets of one page and the adapters between Gradio's events and `DocumentActions`."""

    def __init__(self, studio: Studio) -> None:
        self._actions = DocumentActions(studio)
        self._is_exposed = studio.settings.is_exposed
        self.session = gr.State(Session())
        with gr.Column(elem_id="document", min_width=0):
            self._build_bar()
            self.advice = self._html("document-advice")
            self.error = error_place("document")
            self._build_password()
            self.stage = self._html("document-stage")
            with gr.Row(elem_id="document-work"):
                self.strip = self._html("document-strip", _MOUNT_STRIP)
                with gr.Column(elem_id="document-picture", min_width=0):
                    self.viewer = image_viewer(elem_id="document-viewer")
                    self.size, self.own_text = self._html("document-size"), self._html("document-own")
                with gr.Column(elem_id="document-side", min_width=0):
                    self.head = self._html("document-head")
                    self.notes = self._html("document-notes")
                    self.result = self._html("document-result", _MOUNT_RESULT)
            self._build_foot()
            # What the style sheet goes by: which of the controls there are at the moment.
            self.running, self.count = self._html("document-running", _MOUNT_RUNNING), self._html("document-count")
            self.shown_mode = self._html("document-shown-mode")

    def _build_bar(self) -> None:
        with gr.Row(elem_id="document-bar"):
            self.mode = gr.Radio(
                _MODES, value="markdown", show_label=False, label="Mode", elem_id="document-mode", scale=0, min_width=0
            )
            with gr.Row(elem_id="document-what"):
                self.preset_fields = gr.Dropdown(
                    [_OWN_FIELDS, *((preset.title, key) for key, preset in FIELD_PRESETS.items())],
                    value=_OWN_FIELDS,
                    show_label=False,
                    label="Kind of document",
                    elem_id="document-kind",
                    min_width=0,
                )
                self.fields = gr.Dropdown(
                    [],
                    multiselect=True,
                    allow_custom_value=True,
                    show_label=False,
                    label="Fields",
                    elem_id="document-fields",
                )
                self.question = gr.Textbox(
                    show_label=False,
                    label="Question",
                    placeholder="Ask about these pages",
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
                self.ask = gr.Button("Ask", variant="primary", elem_id="document-ask-button", min_width=0)
                self.stop = gr.Button("Stop", elem_id="document-stop", min_width=0)

    def _build_password(self) -> None:
        with gr.Column(elem_id="document-locked", min_width=0):
            self.locked = self._html("document-locked-words")
            with gr.Row():
                self.password = gr.Textbox(
                    type="password",
                    show_label=False,
                    label="Password",
                    placeholder="Password",
                    max_lines=1,
                    elem_id="document-password",
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
                    self.clear = gr.Button("Close all", size="sm", min_width=0, elem_id="document-clear")
            self.exports = ExportRow("document", {key: row.title for key, row in DOCUMENT_FORMATS.items()})
        with gr.Accordion("Options", open=False, elem_id="document-options"):
            self.preset = gr.Radio(
                PRESET_NAMES,
                value=PRESET_NAMES[0],
                label="Detail",
                info="How large a page is for the model. Counts for pages that are read from now on.",
            )

    def _html(self, elem_id: str, js_on_load: str = _MOUNT) -> gr.HTML:
        return clicked_html(elem_id, js_on_load)

    def wire(self, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
        """Connect every event to its action."""
        here, page = self.session, self._page
        asking: set[Block] = {here, self.mode, self.fields, self.preset, self.question}
        blocks.load(self._open_page, here, [*page, here], **QUICK)
        model_name.change(self._does(self._actions.model_changed), here, page, **QUICK)
        gr.on([self.mode.change, self.fields.change, self.preset.change], self._set_ask, asking, page, **QUICK)
        self.preset_fields.input(_fields_of, self.preset_fields, self.fields, **QUICK)
        self.read.click(self._read, asking, page, **SLOW)
        gr.on(
            [self.ask.click, self.question.submit],
            self._streams(self._actions.ask),
            [here, self.question],
            page,
            **SLOW,
        )
        self.stop.click(Session.stop, here, **QUICK)
        self.exports.wire(self._export, [here], self.stage, self.error)
        self._wire_intake()
        self._wire_pages()

    def _wire_intake(self) -> None:
        here, page = self.session, self._page
        self.choose.upload(self._add, [here, self.choose], page, **SLOW)
        self.clear.click(self._does(self._actions.clear), here, page, **QUICK)
        self.welcome.example(self._at(self._actions.try_example), here, page, **SLOW)
        self.welcome.recent(self._at(self._actions.open_recent), here, page, **SLOW)
        gr.on(
            [self.unlock.click, self.password.submit],
            self._does(self._actions.unlock),
            [here, self.password],
            page,
            **SLOW,
        )
        self.skip.click(self._does(self._actions.skip_locked), here, page, **QUICK)

    def _wire_pages(self) -> None:
        here, page = self.session, self._page
        for shown in (self.strip, self.head, self.result):
            shown.pick(self._at(self._actions.pick), here, page, **QUICK)
        self.strip.choose(self._choose, here, page, **QUICK)
        gr.on(
            [self.pages.submit, self.pages.blur],
            self._does(self._actions.choose_range),
            [here, self.pages],
            page,
            **QUICK,
        )
        self.result.stay(self._actions.stay, here, **QUICK)
        self.result.correct(self._correct, here, page, **QUICK)
        self.result.field(self._correct_field, here, page, **QUICK)
        self.head.undo(self._does(self._actions.undo), here, page, **QUICK)
        for shown in (self.head, self.notes):
            shown.again(self._streams(self._actions.read_again), here, page, **SLOW)
        self.notes.spot(self._streams(self._actions.spot_lines), here, page, **SLOW)

    @property
    def _page(self) -> list[Block]:
        """What a `Shown` may change: plain strings only, for they stream.

        Gradio sends a generator's updates as differences that the page applies in place: on a slow page an update that
        is an object would be lost to the next one.
        """
        return [
            *(self.viewer, self.strip, self.head, self.notes, self.result, self.size, self.own_text),
            *(self.stage, self.error, self.locked, self.password, self.advice, self.welcome, self.pages, self.question),
            *(self.running, self.count, self.shown_mode),
        ]

    # Adapters

    def _open_page(self, session: Session, request: gr.Request) -> Updates:
        person = person_of(request.cookies, is_exposed=self._is_exposed)
        return self._updates(self._actions.welcome(session, person)) | {self.session: session}

    def _set_ask(self, values: Mapping[Component, Any]) -> Updates:
        session, mode, fields, preset = (values[each] for each in (self.session, self.mode, self.fields, self.preset))
        shown = self._alone(session, lambda: self._actions.set_ask(session, mode, fields or (), preset))
        return shown | in_order({self.shown_mode: mode_html(mode)})

    def _read(self, values: Mapping[Component, Any]) -> Iterator[Updates]:
        session = values[self.session]
        # What was typed into the fields and not yet confirmed counts too.
        asked = self._actions.set_ask(session, values[self.mode], values[self.fields] or (), values[self.preset])
        yield self._updates(asked)
        if not asked.error:
            for shown in self._actions.read(session):
                yield self._updates(shown)

    def _add(self, session: Session, files: Sequence[str]) -> Iterator[Updates]:
        yield from self._stepwise(session, self._actions.add(session, [Path(file) for file in files]))

    def _choose(self, session: Session, event: gr.EventData) -> Updates:
        return self._alone(session, lambda: self._actions.choose(session, int(event.place), up_to=bool(event.up_to)))

    def _correct(self, session: Session, event: gr.EventData) -> Updates:
        return self._alone(session, lambda: self._actions.correct(session, int(event.place), str(event.text)))

    def _correct_field(self, session: Session, event: gr.EventData) -> Updates:
        name, text = str(event.name), str(event.text)
        return self._alone(session, lambda: self._actions.correct_field(session, int(event.at), name, text))

    def _export(self, key: str, folder: Path, session: Session) -> tuple[Path, list[str]]:
        return self._actions.export(session, key, folder)

    def _updates(self, shown: Shown) -> Updates:
        plain = {
            self.viewer: shown.viewer,
            self.strip: shown.strip,
            self.head: shown.head,
            self.notes: shown.notes,
            self.result: shown.result,
            self.size: shown.size,
            self.own_text: shown.own_text,
            self.stage: shown.stage,
            self.error: shown.error,
            self.locked: shown.locked,
            self.password: None if shown.locked is None else "",
            self.advice: shown.advice,
            self.welcome: shown.welcome,
            self.pages: shown.pages,
            self.question: shown.question,
            self.running: None if shown.is_running is None else running_html(shown.is_running),
            self.count: None if shown.page_count is None else count_html("pages", shown.page_count),
        }
        updates: Updates = {component: value for component, value in plain.items() if value is not None}
        return in_order(updates) or {self.error: gr.skip()}


def _fields_of(key: str) -> dict[str, Any]:
    """The fields of a kind of document, open to change; own ones begin with none."""
    preset = FIELD_PRESETS.get(key)
    names = list(preset.fields) if preset else []
    return gr.update(value=names, choices=names)
