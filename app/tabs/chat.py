"""The Chat tab: its widgets, and which action each one calls.

Knows Gradio. What happens is `chat_actions`' business, how it looks `chat_view`'s and `ui_assets`'.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.processing_utils import save_bytes_to_cache

from app.chat_actions import ChatActions, Session, Shown
from app.chat_view import error_html, tools_html
from app.dialogue import Draft, Knobs, Place
from app.faults import sentence_of
from app.history import Medium
from app.knobs import KnobPanel
from app.people import person_of
from app.studio import Studio
from app.viewer import image_viewer
from model.errors import RequestError
from model.media import MEDIA_TYPES

_MESSAGE_MAX_CHARS = 250_000
"""As many as a composer can hold and still be typed in; about 60,000 tokens."""
_MEDIA_TYPES = ",".join((*MEDIA_TYPES.values(), ".heic", ".heif", "video/*", ".mkv"))
"""What the file chooser offers; some systems know HEIC by its ending only."""

# The names of the events that a component can trigger are looked for in its script, in quotes.
_TURNS_JS = "StudioChat.mount(element, trigger); // 'again' 'edit' 'example' 'large' 'show' 'unplayable'"
_NOTICE_JS = f"StudioChat.mountNotes(element, trigger, {_MESSAGE_MAX_CHARS}); // 'bring_back' 'dismiss' 'too_long'"
_EDITING_JS = "StudioChat.mount(element, trigger); // 'leave_edit'"
_LIST_JS = "StudioChat.mount(element, trigger); // 'open' 'forget'"

_LOCAL: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_QUICK: dict[str, Any] = {**_LOCAL, "queue": False}

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
        self.conversation_id, self.leaf_id, self.edited_id = (gr.Textbox(visible="hidden") for _ in range(3))
        self.draft_files, self.sent, self.copied = (gr.Textbox(visible="hidden") for _ in range(3))
        with gr.Row(elem_id="chat", equal_height=True):
            with gr.Column(elem_id="chat-list", min_width=0):
                self.new = gr.Button("New conversation", elem_id="new-conversation")
                self.conversations = _html("conversations", _LIST_JS)
            with gr.Column(elem_id="chat-main", min_width=0):
                self._build_conversation()
                self._build_composer()
            with gr.Column(elem_id="chat-knobs", min_width=0):
                self.knobs = KnobPanel()
                self.clear = gr.Button("Clear the conversation", elem_id="clear-conversation")

    def _build_conversation(self) -> None:
        _html("chat-tools", value=tools_html())
        with gr.Column(elem_id="chat-scroll", min_width=0):
            self.conversation = _html("conversation", _TURNS_JS, self._actions.welcome())
            self.about = _html("about", value=self._actions.about())
            # Apart from the conversation, so that 10 updates a second cost the same however long that is.
            self.live = _html("live", _TURNS_JS)

    def _build_composer(self) -> None:
        with gr.Column(elem_id="chat-composer", min_width=0):
            self.notice = _html("notice", _NOTICE_JS)
            self.editing = _html("editing", _EDITING_JS)
            self.draft = _html("draft")
            self.composer = gr.MultimodalTextbox(
                elem_id="composer",
                show_label=False,
                label="Message",
                placeholder="Ask anything",
                sources=["upload"],
                file_count="multiple",
                lines=1,
                max_lines=8,
                max_plain_text_length=_MESSAGE_MAX_CHARS,
                autofocus=True,
                # Both, always: the style sheet shows the one that can be used.
                submit_btn=True,
                stop_btn=True,
            )
            self.large = image_viewer(elem_id="large-picture")

    def wire(self, blocks: gr.Blocks, model_name: gr.Textbox) -> None:
        """Connect every event to its action."""
        here = [self.session, self.conversation_id]
        self._wire_answers()
        self._wire_edit()
        opening = blocks.load(_plainly(self._open_page), here, self._page, js="StudioChat.address", **_QUICK)
        opening.then(None, js="StudioChat.opened", **_LOCAL)
        blocks.load(None, js=f"() => StudioChat.offerMedia({_MEDIA_TYPES!r})", **_LOCAL)
        self.notice.dismiss(None, None, self.notice, js="() => ''", **_LOCAL)
        for trigger, handler, inputs in (
            (self.conversation.edit, self._edit, self._place),
            (self.conversation.show, self._show_version, self.conversation_id),
            (self.notice.bring_back, self._bring_back, self.conversation_id),
            (self.notice.too_long, self._too_long, None),
            (self.clear.click, self._clear, here),
            (self.new.click, self._new, self.session),
            (self.conversations.open, self._open, self.session),
            (self.conversations.forget, self._forget, here),
        ):
            trigger(_plainly(handler), inputs, self._page, **_QUICK)
        for shows_pictures in (self.conversation, self.live):
            shows_pictures.large(_plainly(self._large), [self.session, *self._place], self.large, **_QUICK)
        # Making a copy takes a while, and has nothing to do with the answers that are waited for.
        self.conversation.unplayable(self._copy, None, self.copied, **{**_LOCAL, "concurrency_limit": None})
        self.copied.change(None, self.copied, js="StudioChat.play", **_LOCAL)
        gr.on([blocks.load, model_name.change], self._actions.about, None, self.about, **_QUICK)
        self._wire_composer(model_name)

    @property
    def _place(self) -> list[Component]:
        return [self.conversation_id, self.leaf_id, self.edited_id]

    @property
    def _streamed(self) -> list[Component]:
        """What an answer may change while it is written: plain strings only.

        Gradio sends a generator's updates as differences that the page applies in place, and a slow page may skip all
        but the last: an update of a component that is an object would then be lost.
        """
        shown = [self.conversation, self.live, self.notice, self.editing, self.conversations]
        return [*self._place, *shown, self.sent]

    @property
    def _page(self) -> list[Component]:
        """What a `Shown` may change."""
        return [*self._streamed, self.composer]

    def _wire_answers(self) -> None:
        """What has an answer written; Stop goes beside the queue, or it would wait for the answer."""
        asking = {self.session, *self._place, *self.knobs.inputs}
        options: dict[str, Any] = {**_LOCAL, "concurrency_limit": None}
        self.composer.submit(self._send, {*asking, self.composer}, self._streamed, **options)
        self.conversation.again(self._again, asking, self._streamed, **options)
        self.conversation.example(self._example, asking, self._streamed, **options)
        self.composer.stop(Session.stop, self.session, **_QUICK)
        self.sent.change(None, [self.sent, self.composer], self.composer, js="StudioChat.takeOut", **_LOCAL)

    def _wire_edit(self) -> None:
        """What stood in the composer is set aside while an earlier message is edited there, and comes back after."""
        self.conversation.edit(None, self.composer, js="StudioChat.setAside", **_LOCAL)
        left = [self.edited_id, self.editing]
        self.editing.leave_edit(None, None, left, js="() => ['', '']", **_LOCAL)
        self.edited_id.change(None, self.edited_id, self.composer, js="StudioChat.putBack", **_LOCAL)

    def _wire_composer(self, model_name: gr.Textbox) -> None:
        """The address follows the conversation; media are looked at when they change, not with every letter."""
        self.conversation_id.change(None, self.conversation_id, js="StudioChat.remember", **_LOCAL)
        self.composer.change(None, self.composer, self.draft_files, js="StudioChat.draftFiles", **_LOCAL)
        knobs = self.knobs.visual_tokens, self.knobs.preset
        looking = [self.draft_files.change, knobs[0].change, knobs[1].change, model_name.change]
        gr.on(looking, _plainly(self._look), {self.composer, *knobs}, self.draft, **_QUICK)
        self.knobs.wire(self._studio, model_name)

    def _open_page(self, session: Session, conversation_id: str, request: gr.Request) -> Updates:
        return self._updates(self._actions.arrive(session, self._person(request), conversation_id))

    def _new(self, session: Session, request: gr.Request) -> Updates:
        return self._updates(self._actions.open(session, self._person(request)))

    def _open(self, session: Session, event: gr.EventData, request: gr.Request) -> Updates:
        return self._updates(self._actions.open(session, self._person(request), event.id))

    def _send(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        draft = _draft(values[self.composer])

        def send(session: Session, person: str, place: Place, knobs: Knobs) -> Iterator[Shown]:
            return self._actions.send(session, person, place, draft, knobs)

        yield from self._answering(values, request, send)

    def _again(self, values: Values, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        def again(session: Session, person: str, place: Place, knobs: Knobs) -> Iterator[Shown]:
            return self._actions.again(session, person, place, event.id, knobs)

        yield from self._answering(values, request, again)

    def _example(self, values: Values, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        def example(session: Session, person: str, place: Place, knobs: Knobs) -> Iterator[Shown]:
            return self._actions.try_example(session, person, int(event.id), knobs)

        yield from self._answering(values, request, example)

    def _answering(
        self, values: Values, request: gr.Request, start: Callable[[Session, str, Place, Knobs], Iterator[Shown]]
    ) -> Iterator[Updates]:
        """Run an action that has an answer written, with what the side panel says."""
        try:
            knobs = self.knobs.read(values)
        except RequestError as error:
            yield self._updates(Shown(notice=error_html(str(error))))
            return
        place = Place(*(values[widget] or "" for widget in self._place))
        for shown in start(values[self.session], self._person(request), place, knobs):
            yield self._updates(shown)

    def _edit(
        self, conversation_id: str, leaf_id: str, edited_id: str, event: gr.EventData, request: gr.Request
    ) -> Updates:
        place = Place(conversation_id, leaf_id, edited_id)
        shown, media = self._actions.edit(self._person(request), place, event.id)
        return self._updates(shown, [self._file(medium) for medium in media])

    def _show_version(self, conversation_id: str, event: gr.EventData, request: gr.Request) -> Updates:
        return self._updates(self._actions.show_version(self._person(request), conversation_id, event.id))

    def _clear(self, session: Session, conversation_id: str, request: gr.Request) -> Updates:
        return self._updates(self._actions.clear(session, self._person(request), conversation_id))

    def _bring_back(self, conversation_id: str, request: gr.Request) -> Updates:
        return self._updates(self._actions.bring_back(self._person(request), conversation_id))

    def _too_long(self, event: gr.EventData) -> Updates:
        sentence = (
            f"That text has {int(event.length):,} characters; a message can have {_MESSAGE_MAX_CHARS:,}. "
            "Nothing was pasted; the message is as it was."
        )
        return self._updates(Shown(notice=error_html(sentence)))

    def _forget(self, session: Session, conversation_id: str, event: gr.EventData, request: gr.Request) -> Updates:
        return self._updates(self._actions.forget(session, self._person(request), event.id, conversation_id))

    def _large(
        self,
        session: Session,
        conversation_id: str,
        leaf_id: str,
        edited_id: str,
        event: gr.EventData,
        request: gr.Request,
    ) -> str:
        person, place, asked = self._person(request), Place(conversation_id, leaf_id, edited_id), event._data or {}
        index = int(asked.get("index", -1))
        return self._actions.large(session, person, place, asked["sha"], asked.get("id", ""), index)

    def _copy(self, event: gr.EventData) -> str:
        return self._actions.copy(event.sha)

    def _look(self, values: Values) -> str:
        knobs = Knobs(max_visual_tokens=self.knobs.max_visual_tokens(values), preset=self.knobs.preset_of(values))
        return self._actions.look(_draft(values[self.composer]).files, knobs)

    def _person(self, request: gr.Request) -> str:
        return person_of(request.cookies, is_exposed=self._studio.settings.is_exposed)

    def _file(self, medium: Medium) -> str:
        """A stored picture or video as a file that the composer may show, under the name it came with."""
        name, cache = medium.name or "medium", self.composer.GRADIO_CACHE
        if not medium.is_video:
            return str(save_bytes_to_cache(self._studio.media.get(medium.sha256).data, name, cache))
        file = Path(cache) / medium.sha256 / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._studio.media.video(medium.sha256).path, file)
        return str(file)

    def _updates(self, shown: Shown, files: Sequence[str] = ()) -> Updates:
        """A `Shown` as updates of the widgets that it concerns."""
        plain = {
            self.conversation_id: shown.conversation_id,
            self.leaf_id: shown.leaf_id,
            self.edited_id: shown.edited_id,
            self.sent: shown.sent,
            self.conversation: shown.conversation,
            self.live: shown.live,
            self.notice: shown.notice,
            self.editing: shown.editing,
            self.conversations: shown.conversations,
        }
        updates: Updates = {component: value for component, value in plain.items() if value is not None}
        if shown.draft is not None:
            updates[self.composer] = {"text": shown.draft.text, "files": list(files)}
        return updates or {self.live: gr.skip()}  # Gradio takes an empty answer for a mistake


def _html(elem_id: str, script: str | None = None, value: str = "") -> gr.HTML:
    return gr.HTML(value, elem_id=elem_id, js_on_load=script, apply_default_css=False)


def _plainly(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The same handler; what it cannot do is said in one sentence."""

    @wraps(handler)
    def handle(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except Exception as error:
            sentence = sentence_of(error, f"{handler.__name__} failed")
            raise gr.Error(sentence, title="This did not work", print_exception=False) from error

    return handle


def _draft(value: Mapping[str, Any] | None) -> Draft:
    value = value or {}
    return Draft(value.get("text") or "", tuple(Path(file) for file in value.get("files") or ()))
