"""The Video tab: its widgets, and which action each one calls.

Knows Gradio. What happens is `video_actions`' business, how it looks `video_view`'s, `timeline`'s and `ui_assets`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.components import Component

from app.exports.events import EVENT_FORMATS
from app.knobs import PRESET_NAMES
from app.studio import Studio
from app.tabs.parts import QUICK, SLOW, ExportRow, Updates, WorkTab, clicked_html, error_place, in_order
from app.timeline import timeline_frames, video_timeline
from app.video_actions import Session, Shown, VideoActions
from app.video_view import TASK_WORDS
from app.watching import VideoAsk
from app.work_view import count_html, running_html
from model.prompts import VIDEO_TASKS, VideoTask

_TASKS: tuple[tuple[str, VideoTask], ...] = tuple((TASK_WORDS[task], task) for task in VIDEO_TASKS)
_PLACEHOLDERS: Mapping[VideoTask, str] = {
    "when": "What happens: the door opens",
    "track": "What to follow: the red car",
    "free": "Ask in your own words",
}
_ABOUT: Mapping[VideoTask, str] = {
    "describe": "Everything that happens, in order",
    "chapters": "Longer parts, each with a title",
    "read": "The words in the picture, with times",
}
"""What a task without a question of its own gives."""
_MOUNT = "StudioVideo.mount(element, trigger); // 'example' 'whole' 'unpreview'"
_MOUNT_THREAD = "StudioVideo.mountThread(element, trigger); // 'again' 'discard' 'anew'"


def build(studio: Studio, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
    """Put the tab into the page; `model_name` changes when another model is ready."""
    _VideoTab(studio).wire(blocks, model_name)


class _VideoTab(WorkTab[Shown]):
    """The widgets of one page and the adapters between Gradio's events and `VideoActions`."""

    def __init__(self, studio: Studio) -> None:
        self._actions = VideoActions(studio)
        self.session = gr.State(Session())
        with gr.Column(elem_id="video", min_width=0):
            self.error = error_place("video")
            with gr.Row(elem_id="video-work"):
                with gr.Column(elem_id="video-left", min_width=0):
                    self.preview = self._html("video-preview")
                    self.timeline = video_timeline(elem_id="video-timeline")
                    self.frames = timeline_frames(elem_id="video-frames")
                    self.status = self._html("video-status")
                    self.notes = self._html("video-notes")
                with gr.Column(elem_id="video-side", min_width=0):
                    self.thread = self._html("video-thread", _MOUNT_THREAD)
                    self._build_question()
            self._build_foot()
            # What the style sheet goes by: which of the controls there are at the moment.
            self.running, self.count = self._html("video-running"), self._html("video-count")

    def _build_question(self) -> None:
        with gr.Column(elem_id="video-ask", min_width=0):
            self.stage = self._html("video-stage")
            self.advice = self._html("video-advice")
            self.part = self._html("video-part")
            self.task = gr.Radio(
                _TASKS, value="when", show_label=False, label="Task", elem_id="video-task", scale=0, min_width=0
            )
            with gr.Row(elem_id="video-question"):
                self.query = gr.Textbox(
                    show_label=False,
                    label="Question",
                    placeholder=_PLACEHOLDERS["when"],
                    max_lines=6,
                    lines=1,
                    elem_id="video-query",
                )
                self.about = self._html("video-about")
                self.run = gr.Button("Ask", variant="primary", elem_id="video-run", min_width=0)
                self.stop = gr.Button("Stop", elem_id="video-stop", min_width=0)

    def _build_foot(self) -> None:
        with gr.Row(elem_id="video-foot"):
            with gr.Column(elem_id="video-intake", min_width=0):
                self.welcome = self._html("video-welcome")
                with gr.Row(elem_id="video-add"):
                    self.choose = gr.UploadButton(
                        "Choose a video",
                        file_count="multiple",
                        type="filepath",
                        size="sm",
                        min_width=0,
                        elem_id="video-choose",
                    )
                    self.clear = gr.Button("Close", size="sm", min_width=0, elem_id="video-clear")
            self.exports = ExportRow("video", {key: row.title for key, row in EVENT_FORMATS.items()})
        with gr.Accordion("Options", open=False, elem_id="video-options"):
            self.preset = gr.Radio(
                PRESET_NAMES,
                value=PRESET_NAMES[0],
                label="Detail",
                info="How many frames the model sees, and how large each is for it.",
            )
            self.pictures_fps = gr.Slider(
                0.1,
                60,
                2,
                step=0.1,
                label="Pictures a second",
                info="For a folder of numbered pictures, which becomes a video when it is opened.",
            )

    def _html(self, elem_id: str, js_on_load: str = _MOUNT) -> gr.HTML:
        return clicked_html(elem_id, js_on_load)

    def wire(self, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
        """Connect every event to its action."""
        here, streamed = self.session, self._streamed
        # Edits come faster than answers: the last one must not be lost.
        edits: dict[str, Any] = {**QUICK, "trigger_mode": "always_last"}
        marks: dict[str, Any] = {**SLOW, "trigger_mode": "always_last"}
        blocks.load(self._actions.welcome, None, self.welcome, **QUICK)
        self.task.change(self._turn_to, self.task, [self.query, self.about], **QUICK)
        gr.on([self.task.change, model_name.change], self._actions.advice, self.task, self.advice, **QUICK)
        gr.on([self.run.click, self.query.submit], self._ask, self._asking, streamed, **SLOW)
        self.stop.click(Session.stop, here, **QUICK)
        self.timeline.input(self._does(self._actions.edit), [here, self.timeline], streamed, **edits)
        self.timeline.select(self._streams(self._actions.mark), [here, self.timeline], streamed, **marks)
        self.timeline.unplayable(self._make_copy, here, streamed, **SLOW)
        self.preview.unpreview(Session.stop_copying, here, **QUICK)
        self.part.whole(self._streams(self._actions.unmark), here, streamed, **marks)
        self.thread.again(self._ask_again, here, streamed, **SLOW)
        self.thread.anew(self._streams(self._actions.begin_anew), here, streamed, **SLOW)
        self.thread.discard(self._at(self._actions.discard), here, streamed, **QUICK)
        self.preset.input(self._streams(self._actions.choose_preset), [here, self.preset], streamed, **marks)
        model_name.change(self._streams(self._actions.measure), here, streamed, **marks)
        self.exports.wire(self._export, [here], self.stage, self.error, self.running)
        self._wire_intake()

    def _wire_intake(self) -> None:
        here, streamed = self.session, self._streamed
        self.choose.upload(self._open, [here, self.choose, self.pictures_fps], streamed, **SLOW)
        self.clear.click(self._does(self._actions.clear), here, streamed, **QUICK)
        example = self.welcome.example(self._take_example, here, [self.task, self.query], **QUICK)
        opened = example.then(self._streams(self._actions.open_example), here, streamed, **SLOW)
        opened.then(self._ask, self._asking, streamed, **SLOW)

    def _turn_to(self, task: VideoTask) -> Updates:
        about = f"<p>{_ABOUT[task]}</p>" if task in _ABOUT else ""
        return {self.query: gr.update(**_field_of(task)), self.about: about}

    @property
    def _asking(self) -> set[Block]:
        return {self.session, self.task, self.query, self.preset}

    @property
    def _streamed(self) -> list[Block]:
        """What a `Shown` may change: plain strings only, for they stream.

        Gradio sends a generator's updates as differences that the page applies in place: on a slow page an update that
        is an object would be lost to the next one.
        """
        said = [self.timeline, self.frames, self.thread, self.status, self.notes, self.part, self.stage, self.preview]
        return [*said, self.error, self.query, self.running, self.count]

    def _ask(self, values: Mapping[Component, Any]) -> Iterator[Updates]:
        ask = VideoAsk(values[self.task], values[self.query] or "", preset=values[self.preset])
        for shown in self._actions.ask(values[self.session], ask):
            yield self._updates(shown)

    def _ask_again(self, session: Session, event: gr.EventData) -> Iterator[Updates]:
        for shown in self._actions.ask_again(session, int(event.place)):
            yield self._updates(shown)

    def _open(self, session: Session, files: Sequence[str], pictures_fps: float) -> Iterator[Updates]:
        for shown in self._actions.open_all(session, [Path(file) for file in files], pictures_fps):
            yield self._updates(shown)

    def _take_example(self, session: Session, event: gr.EventData) -> Updates:
        example = self._actions.take_example(session, int(event.place))
        return {self.task: example.task, self.query: gr.update(value=example.query, **_field_of(example.task))}

    def _make_copy(self, session: Session, event: gr.EventData) -> Iterator[Updates]:
        for shown in self._actions.make_copy(session, str(event.src)):
            yield self._updates(shown)

    def _export(self, key: str, folder: Path, session: Session) -> tuple[Path, list[str]]:
        return self._actions.export(session, key, folder)

    def _updates(self, shown: Shown) -> Updates:
        """A `Shown` as updates of the widgets that it concerns."""
        plain = {
            self.timeline: shown.timeline,
            self.frames: shown.frames,
            self.thread: shown.thread,
            self.status: shown.status,
            self.notes: shown.notes,
            self.part: shown.part,
            self.stage: shown.stage,
            self.preview: shown.preview,
            self.error: shown.error,
            self.query: shown.query,
            self.running: None if shown.is_running is None else running_html(shown.is_running),
            self.count: None if shown.videos is None else count_html("videos", shown.videos),
        }
        updates: Updates = {component: value for component, value in plain.items() if value is not None}
        return in_order(updates) or {self.error: gr.skip()}


def _field_of(task: VideoTask) -> dict[str, Any]:
    """A line of text for the tasks that need one."""
    return {"visible": task in _PLACEHOLDERS, "placeholder": _PLACEHOLDERS.get(task, "")}
