"""The Ground tab: its widgets, and which action each one calls.

Knows Gradio. What happens is `ground_actions`' business, how it looks `ground_view`'s and `ui_assets`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from app.exports import FORMATS
from app.ground_actions import GroundActions, Session, Shown
from app.ground_view import camera_html
from app.grounding import Ask
from app.knobs import PRESET_NAMES
from app.studio import Studio
from app.tabs.parts import QUICK, SLOW, ExportRow, Updates, WorkTab, clicked_html, error_place, in_order
from app.viewer import image_viewer
from app.work_view import count_html, running_html
from model.catalog import CONVENTIONS
from model.prompts import Task

_TASKS: tuple[tuple[str, Task], ...] = (
    ("Detect", "detect"),
    ("Find", "find"),
    ("Point", "point"),
    ("Count", "count"),
    ("Read text", "read"),
    ("Act", "act"),
    ("Free prompt", "free"),
)
_PLACEHOLDERS: Mapping[str, str] = {
    "find": "What to find: the red cup on the left",
    "point": "What to point to: door handle",
    "count": "What to count: apple",
    "act": "A goal on this screenshot: open the settings",
    "free": "Ask in your own words; mark an area in the picture to ask about it",
}
_OWN_CONVENTION = "As the model writes them"
_MOUNT = "StudioGround.mount(element, trigger); // 'pick' 'discard' 'example' 'unmark'"


def build(studio: Studio, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
    """Put the tab into the page; `model_name` changes when another model is ready."""
    _GroundTab(studio).wire(blocks, model_name)


class _GroundTab(WorkTab[Shown]):
    """The widgets of one page and the adapters between Gradio's events and `GroundActions`."""

    def __init__(self, studio: Studio) -> None:
        self._actions = GroundActions(studio)
        self.session = gr.State(Session())
        with gr.Column(elem_id="ground", min_width=0):
            with gr.Row(elem_id="ground-ask"):
                self._build_question()
            self.advice = self._html("ground-advice")
            self.area = self._html("ground-area")
            self.error = error_place("ground")
            self.stage = self._html("ground-stage")
            with gr.Column(elem_id="ground-work", min_width=0):
                self.viewer = image_viewer(editable=True, elem_id="ground-viewer")
                self.status = self._html("ground-status")
                self.notes = self._html("ground-notes")
                self.words = self._html("ground-words")
            with gr.Row(elem_id="ground-foot"):
                self._build_intake()
                self._build_export()
            self._build_options()
            # What the style sheet goes by: which of the controls there are at the moment.
            self.running, self.count = self._html("ground-running"), self._html("ground-count")

    def _build_question(self) -> None:
        self.task = gr.Radio(
            _TASKS, value="detect", show_label=False, label="Task", elem_id="ground-task", scale=0, min_width=0
        )
        with gr.Row(elem_id="ground-question"):
            self.categories = gr.Dropdown(
                [],
                multiselect=True,
                allow_custom_value=True,
                show_label=False,
                label="Categories",
                elem_id="ground-categories",
            )
            self.query = gr.Textbox(
                show_label=False, label="Question", visible=False, max_lines=6, lines=1, elem_id="ground-query"
            )
            self.run = gr.Button("Run", variant="primary", elem_id="ground-run", min_width=0)
            self.run_all = gr.Button("Run all", elem_id="ground-run-all", min_width=0)
            self.stop = gr.Button("Stop", elem_id="ground-stop", min_width=0)

    def _build_intake(self) -> None:
        with gr.Column(elem_id="ground-intake", min_width=0):
            self.welcome = self._html("ground-welcome")
            self.tray = self._html("ground-tray")
            with gr.Row(elem_id="ground-add"):
                many: dict[str, Any] = {"type": "filepath", "size": "sm", "min_width": 0}
                self.choose = gr.UploadButton("Choose pictures", file_count="multiple", elem_id="ground-choose", **many)
                self.folder = gr.UploadButton("Folder", file_count="directory", elem_id="ground-folder", **many)
                self.camera_button = gr.Button("Camera", size="sm", min_width=0, elem_id="ground-camera-open")
                self.clear = gr.Button("Clear", size="sm", min_width=0, elem_id="ground-clear")
            gr.HTML(camera_html(), apply_default_css=False, elem_id="ground-camera-frame")

    def _build_export(self) -> None:
        self.exports = ExportRow("ground", {key: row.title for key, row in FORMATS.items()})
        with self.exports.row:
            self.everything = gr.Checkbox(
                False, label="All pictures", min_width=0, container=False, elem_id="ground-everything"
            )

    def _build_options(self) -> None:
        with gr.Accordion("Options", open=False, elem_id="ground-options"):
            self.preset = gr.Radio(
                PRESET_NAMES, value=PRESET_NAMES[0], label="Detail", info="How large the picture is for the model."
            )
            self.convention = gr.Dropdown(
                [_OWN_CONVENTION, *CONVENTIONS],
                value=_OWN_CONVENTION,
                label="Coordinates",
                info="Boxes in the wrong place? Read the model's numbers in another way; they move at once.",
                elem_id="ground-convention",
            )
            self.lens = gr.Textbox(
                label="Camera for 3D boxes",
                info="fx, fy, cx, cy in pixels; empty: a field of view of 60°.",
                placeholder="1000, 1000, 640, 360",
                elem_id="ground-lens",
            )

    def _html(self, elem_id: str) -> gr.HTML:
        return clicked_html(elem_id, _MOUNT)

    def wire(self, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
        """Connect every event to its action."""
        # Edits come faster than answers: the last one must not be lost.
        edits: dict[str, Any] = {**QUICK, "trigger_mode": "always_last"}
        streamed, page = self._streamed, self._page
        here = self.session
        asking: set[Block] = {here, self.task, self.categories, self.query, self.preset, self.convention}
        blocks.load(self._actions.welcome, None, self.welcome, **QUICK)
        self.task.change(_fields_of, self.task, [self.categories, self.query], **QUICK)
        gr.on([self.task.change, model_name.change], self._actions.advice, self.task, self.advice, **QUICK)
        gr.on([self.run.click, self.query.submit], self._run, asking, streamed, **SLOW)
        self.run_all.click(self._run_all, asking, streamed, **SLOW)
        self.stop.click(Session.stop, here, **QUICK)
        self._wire_intake(asking)
        self.viewer.input(self._does(self._actions.edit), [here, self.viewer], page, **edits)
        self.viewer.select(self._does(self._actions.mark), [here, self.viewer], page, **edits)
        self.area.unmark(self._does(self._actions.unmark), here, page, **QUICK)
        self.convention.input(self._does(self._actions.read_as), [here, self.convention], page, **QUICK)
        self.lens.submit(self._does(self._actions.set_camera), [here, self.lens], page, **QUICK)
        gr.on(
            [self.task.change, self.preset.input, model_name.change],
            self._does(self._actions.measure),
            [here, self.task, self.preset],
            page,
            **QUICK,
        )
        self.exports.wire(self._export, [here, self.everything], self.stage, self.error)

    def _wire_intake(self, asking: set[Block]) -> None:
        here, streamed, page = self.session, self._streamed, self._page
        self.choose.upload(self._add, [here, self.choose], streamed, **SLOW)
        self.folder.upload(self._add_folder, [here, self.folder], streamed, **SLOW)
        self.camera_button.click(fn=None, js="StudioGround.openCamera", api_visibility="private")
        self.clear.click(self._does(self._actions.clear), here, page, **QUICK)
        self.tray.pick(self._at(self._actions.pick), here, page, **QUICK)
        self.tray.discard(self._at(self._actions.discard), here, page, **QUICK)
        example = self.welcome.example(self._at(self._actions.try_example), here, page, **QUICK)
        example.then(self._run, asking, streamed, **SLOW)

    @property
    def _streamed(self) -> list[Block]:
        """What may change again and again while something runs: plain strings only.

        Gradio sends a generator's updates as differences that the page applies in place: on a slow page an update that
        is an object would be lost to the next one.
        """
        said = [self.viewer, self.tray, self.status, self.notes, self.words, self.area, self.stage, self.error]
        return [*said, self.running, self.count]

    @property
    def _page(self) -> list[Block]:
        """What a `Shown` may change."""
        return [*self._streamed, self.task, self.categories, self.query]

    def _run(self, values: Mapping[Component, Any]) -> Iterator[Updates]:
        for shown in self._actions.run(values[self.session], self._ask(values)):
            yield self._updates(shown)

    def _run_all(self, values: Mapping[Component, Any]) -> Iterator[Updates]:
        for shown in self._actions.run_all(values[self.session], self._ask(values)):
            yield self._updates(shown)

    def _ask(self, values: Mapping[Component, Any]) -> Ask:
        task = values[self.task]
        query = ", ".join(values[self.categories] or ()) if task == "detect" else values[self.query] or ""
        return Ask(task, query, preset=values[self.preset], convention=CONVENTIONS.get(values[self.convention]))

    def _add(self, session: Session, files: Sequence[str]) -> Iterator[Updates]:
        yield from self._stepwise(session, self._actions.add(session, [Path(file) for file in files]))

    def _add_folder(self, session: Session, files: Sequence[str]) -> Iterator[Updates]:
        yield from self._stepwise(
            session, self._actions.add(session, [Path(file) for file in files], only_pictures=True)
        )

    def _export(self, key: str, folder: Path, session: Session, everything: bool) -> tuple[Path, list[str]]:
        return self._actions.export(session, key, folder, everything=everything)

    def _updates(self, shown: Shown) -> Updates:
        """A `Shown` as updates of the widgets that it concerns."""
        plain = {
            self.viewer: shown.viewer,
            self.tray: shown.tray,
            self.status: shown.status,
            self.notes: shown.notes,
            self.words: shown.words,
            self.area: shown.area,
            self.stage: shown.stage,
            self.error: shown.error,
            self.running: None if shown.is_running is None else running_html(shown.is_running),
            self.count: None if shown.pictures is None else count_html("pictures", shown.pictures),
        }
        updates: Updates = {component: value for component, value in plain.items() if value is not None}
        if shown.task is not None:
            updates |= {self.task: shown.task, **self._question(shown.task, shown.query)}
        return in_order(updates) or {self.error: gr.skip()}

    def _question(self, task: Task, query: str | None) -> Updates:
        """The fields of a task, with what an example wants to have written there."""
        categories, text = _fields_of(task)
        if query is not None and task == "detect":
            categories["value"] = [part.strip() for part in query.split(",") if part.strip()]
        elif query is not None:
            text["value"] = query
        return {self.categories: categories, self.query: text}


def _fields_of(task: Task) -> list[dict[str, Any]]:
    """Categories for "detect", nothing to write for "read", a line of text for all others."""
    text = gr.update(visible=task not in ("detect", "read"), placeholder=_PLACEHOLDERS.get(task, ""))
    return [gr.update(visible=task == "detect"), text]
