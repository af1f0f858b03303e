"""The Chat tab: its widgets, and which action each one calls.

Knows Gradio. What happens is `chat_actions`' business, how it looks `chat_view`'s and `ui_assets`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.processing_utils import save_bytes_to_cache

from app.chat_actions import ChatActions, Session, Shown
from app.chat_view import error_html, tools_html
from app.dialogue import Draft, Knobs
from app.history import Picture
from app.knobs import KnobPanel, preset_of
from app.people import person_of
from app.studio import Studio
from app.viewer import image_viewer
from model.errors import RequestError

_COMPOSER_MAX_CHARS = 1_000_000
"""A longer paste would become a file; a message of this length is refused with a sentence by every model anyway."""

# The names of the events that a component can trigger are looked for in its script, in quotes.
_TURNS_JS = "StudioChat.mount(element, trigger); // 'again' 'edit' 'example' 'large' 'show'"
_NOTES_JS = "StudioChat.mount(element, trigger); // 'bring_back' 'leave_edit'"
_LIST_JS = "StudioChat.mount(element, trigger); // 'open' 'forget'"

Values = Mapping[Component, Any]
Updates = dict[Component, Any]


def build(studio: Studio, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
    """Put the tab into the page; `model_name` changes when another model is ready."""
    _ChatTab(studio).wire(blocks, model_name)


class _ChatTab:
    """The widgets of one page and the adapters between Gradio's events and `ChatActions`."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._actions = ChatActions(studio)
        self.session = gr.State(Session())
        # Held by the page, not in the session: a page that was open before a restart goes on where it was.
        self.conversation_id = gr.Textbox(visible="hidden", elem_id="conversation-id")
        self.draft_files = gr.Textbox(visible="hidden")
        with gr.Row(elem_id="chat", equal_height=True):
            with gr.Column(elem_id="chat-list", min_width=0):
                self.new = gr.Button("New conversation", elem_id="new-conversation")
                self.conversations = gr.HTML(js_on_load=_LIST_JS, elem_id="conversations", apply_default_css=False)
            with gr.Column(elem_id="chat-main", min_width=0):
                gr.HTML(tools_html(), elem_id="chat-tools", apply_default_css=False, js_on_load=None)
                with gr.Column(elem_id="chat-scroll", min_width=0):
                    self.conversation = gr.HTML(
                        self._actions.welcome(),
                        js_on_load=_TURNS_JS,
                        elem_id="conversation",
                        apply_default_css=False,
                    )
                    self.about = gr.HTML(
                        self._actions.about(), elem_id="about", js_on_load=None, apply_default_css=False
                    )
                    self.live = gr.HTML(js_on_load=_TURNS_JS, elem_id="live", apply_default_css=False)
                with gr.Column(elem_id="chat-composer", min_width=0):
                    self.notice = gr.HTML(js_on_load=_NOTES_JS, elem_id="notice", apply_default_css=False)
                    self.editing = gr.HTML(js_on_load=_NOTES_JS, elem_id="editing", apply_default_css=False)
                    self.draft = gr.HTML(elem_id="draft", apply_default_css=False)
                    self.composer = gr.MultimodalTextbox(
                        elem_id="composer",
                        show_label=False,
                        label="Message",
                        placeholder="Ask anything",
                        sources=["upload"],
                        file_count="multiple",
                        lines=1,
                        max_lines=8,
                        max_plain_text_length=_COMPOSER_MAX_CHARS,
                        autofocus=True,
                        stop_btn=False,
                    )
                    self.large = image_viewer(elem_id="large-picture")
            with gr.Column(elem_id="chat-knobs", min_width=0):
                self.knobs = KnobPanel()
                self.clear = gr.Button("Clear the conversation", elem_id="clear-conversation")

    def wire(self, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
        """Connect every event to its action."""
        quick: dict[str, Any] = {"show_progress": "hidden", "queue": False, "api_visibility": "private"}
        slow: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None, "api_visibility": "private"}
        here = [self.session, self.conversation_id]
        asking = {self.session, self.conversation_id, *self.knobs.inputs}
        page = [
            self.conversation_id,
            self.conversation,
            self.live,
            self.notice,
            self.composer,
            self.editing,
            self.conversations,
        ]
        opening = blocks.load(self._open_page, here, page, js="StudioChat.address", **quick)
        opening.then(None, js="StudioChat.opened", show_progress="hidden", api_visibility="private")
        self.composer.submit(self._send, {*asking, self.composer}, page, **slow)
        self.composer.stop(Session.stop, self.session, **quick)
        self.conversation.again(self._again, asking, page, **slow)
        self.conversation.example(self._example, asking, page, **slow)
        self.conversation.edit(self._edit, here, page, **quick)
        self.editing.leave_edit(self._leave_edit, self.session, page, **quick)
        self.conversation.show(self._show_version, self.conversation_id, page, **quick)
        self.notice.bring_back(self._bring_back, self.conversation_id, page, **quick)
        self.clear.click(self._clear, here, page, **quick)
        self.new.click(self._new, self.session, page, **quick)
        self.conversations.open(self._open, self.session, page, **quick)
        self.conversations.forget(self._forget, here, page, **quick)
        for component in (self.conversation, self.live):
            component.large(self._large, here, self.large, **quick)
        self._wire_in_the_browser()
        looking = [self.draft_files.change, self.knobs.megapixels.release, model_name.change]
        gr.on(looking, self._look, {self.composer, *self.knobs.inputs}, self.draft, **quick)
        choosing = [self.knobs.preset.input, model_name.change]
        gr.on(choosing, self._choose_preset, self.knobs.preset, [self.knobs.preset, *self.knobs.inputs], **quick)
        gr.on([blocks.load, model_name.change], self._actions.about, None, self.about, **quick)

    def _wire_in_the_browser(self) -> None:
        """What needs no server: the address follows the conversation; typing alone does not ask about pictures."""
        local: dict[str, Any] = {"fn": None, "show_progress": "hidden", "api_visibility": "private"}
        self.conversation_id.change(inputs=self.conversation_id, js="StudioChat.remember", **local)
        self.composer.change(inputs=self.composer, outputs=self.draft_files, js="StudioChat.draftFiles", **local)

    def _open_page(self, session: Session, conversation_id: str, request: gr.Request) -> Updates:
        return self._updates(self._actions.open(session, self._person(request), conversation_id))

    def _new(self, session: Session, request: gr.Request) -> Updates:
        return self._updates(self._actions.open(session, self._person(request)))

    def _open(self, session: Session, event: gr.EventData, request: gr.Request) -> Updates:
        return self._updates(self._actions.open(session, self._person(request), event.id))

    def _send(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        draft = _draft(values[self.composer])

        def send(session: Session, person: str, conversation_id: str, knobs: Knobs) -> Iterator[Shown]:
            return self._actions.send(session, person, conversation_id, draft, knobs)

        yield from self._answering(values, request, send)

    def _again(self, values: Values, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        def again(session: Session, person: str, conversation_id: str, knobs: Knobs) -> Iterator[Shown]:
            return self._actions.again(session, person, conversation_id, event.id, knobs)

        yield from self._answering(values, request, again)

    def _example(self, values: Values, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        def example(session: Session, person: str, conversation_id: str, knobs: Knobs) -> Iterator[Shown]:
            return self._actions.try_example(session, person, int(event.id), knobs)

        yield from self._answering(values, request, example)

    def _answering(
        self, values: Values, request: gr.Request, start: Callable[[Session, str, str, Knobs], Iterator[Shown]]
    ) -> Iterator[Updates]:
        """Run an action that has an answer written, with what the side panel says."""
        try:
            knobs = self.knobs.read(values)
        except RequestError as error:
            yield self._updates(Shown(notice=error_html(str(error))))
            return
        for shown in start(values[self.session], self._person(request), values[self.conversation_id], knobs):
            yield self._updates(shown)

    def _edit(self, session: Session, conversation_id: str, event: gr.EventData, request: gr.Request) -> Updates:
        shown, pictures = self._actions.edit(session, self._person(request), conversation_id, event.id)
        return self._updates(shown, self._files(pictures))

    def _leave_edit(self, session: Session) -> Updates:
        return self._updates(self._actions.leave_edit(session))

    def _show_version(self, conversation_id: str, event: gr.EventData, request: gr.Request) -> Updates:
        return self._updates(self._actions.show_version(self._person(request), conversation_id, event.id))

    def _clear(self, session: Session, conversation_id: str, request: gr.Request) -> Updates:
        return self._updates(self._actions.clear(session, self._person(request), conversation_id))

    def _bring_back(self, conversation_id: str, request: gr.Request) -> Updates:
        return self._updates(self._actions.bring_back(self._person(request), conversation_id))

    def _forget(self, session: Session, conversation_id: str, event: gr.EventData, request: gr.Request) -> Updates:
        return self._updates(self._actions.forget(session, self._person(request), event.id, conversation_id))

    def _large(self, session: Session, conversation_id: str, event: gr.EventData, request: gr.Request) -> str:
        person, place = self._person(request), event._data or {}
        index = int(place.get("index", -1))
        return self._actions.large(session, person, conversation_id, place["sha"], place.get("id", ""), index)

    def _look(self, values: Values) -> str:
        knobs = Knobs(max_pixels=self.knobs.max_pixels(values))
        return self._actions.look(_draft(values[self.composer]).files, knobs)

    def _choose_preset(self, name: str) -> Any:
        preset = preset_of(self._studio.engines.current(), name)
        return self.knobs.show(preset) if preset else gr.skip()

    def _person(self, request: gr.Request) -> str:
        return person_of(request.cookies, is_exposed=self._studio.settings.is_exposed)

    def _files(self, pictures: Sequence[Picture]) -> list[str]:
        """Stored pictures as files that the composer may show, under the names they came with."""
        return [
            save_bytes_to_cache(
                self._studio.media.get(picture.sha256).data, picture.name or "picture", self.composer.GRADIO_CACHE
            )
            for picture in pictures
        ]

    def _updates(self, shown: Shown, files: Sequence[str] = ()) -> Updates:
        """A `Shown` as updates of the widgets that it concerns."""
        plain = {
            self.conversation_id: shown.conversation_id,
            self.conversation: shown.conversation,
            self.live: shown.live,
            self.notice: shown.notice,
            self.editing: shown.editing,
            self.conversations: shown.conversations,
        }
        updates: Updates = {component: value for component, value in plain.items() if value is not None}
        composer: dict[str, Any] = {}
        if shown.draft is not None:
            composer["value"] = {"text": shown.draft.text, "files": list(files)}
        if shown.is_running is not None:
            composer |= {"submit_btn": not shown.is_running, "stop_btn": shown.is_running}
        if composer:
            updates[self.composer] = gr.update(**composer)
        return updates or {self.live: gr.skip()}  # Gradio takes an empty answer for a mistake


def _draft(value: Mapping[str, Any] | None) -> Draft:
    value = value or {}
    return Draft(value.get("text") or "", tuple(Path(file) for file in value.get("files") or ()))
