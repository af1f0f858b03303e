"""What happens in the Chat tab: plain functions from what a person did to what changes on the page.

Knows conversations, engines that may still be loading, and who is asking. Knows no widgets: `tabs/chat.py` turns
clicks into these calls and a `Shown` into updates.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import chat_view as view
from app.dialogue import AnswerNotKept, Dialogue, Draft, Knobs, Question, answer_of
from app.engine_manager import loading_words
from app.examples import Example, read_examples
from app.faults import sentence_of
from app.history import Picture, Turn
from app.media_store import media_url
from app.studio import Studio
from app.viewer import viewer_value
from model.catalog import POCKET_NAME
from model.engines.base import Engine
from model.errors import EngineError, StudioError
from model.media import clean_name
from model.types import Answer

POCKET_ABOUT = {
    "title": "This is the pocket model",
    "can": "Describe drawings of a few flat shapes on a plain background, count them, name their colours, kinds and "
    "places, compare two such pictures, and mark where a shape is.",
    "cannot": "Recognise photographs, read text or talk about other things. It is small enough to come with the "
    "program and to answer at once on any computer.",
    "command": "python app.py --model Qwen/Qwen3-VL-4B-Instruct",
}


@dataclass
class Session:
    """One open page. `cancel` belongs to the answer that runs now, `edited_id` is the message that is being edited,
    `shown_id` the conversation that the page shows, `answer` what the running answer says so far."""

    cancel: threading.Event | None = None
    edited_id: str | None = None
    shown_id: str = ""
    answer: Answer = field(default_factory=Answer)

    def stop(self) -> None:
        """End the running answer; what came of it is kept."""
        if self.cancel is not None:
            self.cancel.set()


@dataclass(frozen=True)
class Shown:
    """What changes on the page; None leaves a part as it is."""

    conversation_id: str | None = None
    conversation: str | None = None
    live: str | None = None
    notice: str | None = None
    draft: Draft | None = None
    is_running: bool | None = None
    editing: str | None = None
    conversations: str | None = None


class ChatActions:
    """`person` is whose conversations they are; ids come from the page and may be stale."""

    def __init__(self, studio: Studio, examples: Sequence[Example] | None = None) -> None:
        self._studio = studio
        self._history = studio.history
        self._dialogue = Dialogue(studio)
        self._examples = read_examples() if examples is None else examples
        self._example_images = [self._dialogue.read(example.path) for example in self._examples]

    def open(self, session: Session, person: str, conversation_id: str = "") -> Shown:
        """Show a conversation, or the welcome when there is none; an answer that runs is stopped and kept."""
        session.stop()
        branch = self._history.turns(person, conversation_id) or self._history.bring_back(person, conversation_id)
        session.edited_id = None
        session.shown_id = conversation_id if branch else ""
        return Shown(
            conversation_id=session.shown_id,
            conversation=self._conversation(branch),
            live="",
            notice=view.error_html(self._history.notice),
            editing="",
            conversations=self._list(person, conversation_id),
        )

    def send(self, session: Session, person: str, conversation_id: str, draft: Draft, knobs: Knobs) -> Iterator[Shown]:
        """Keep a message and answer it. Refused, it stays in the composer as it was."""

        def ask(engine: Engine) -> Question:
            return self._dialogue.ask(person, conversation_id, draft, knobs, engine, session.edited_id)

        yield from self._run(session, person, knobs, ask, empties_composer=True)

    def again(
        self, session: Session, person: str, conversation_id: str, message_id: str, knobs: Knobs
    ) -> Iterator[Shown]:
        """Answer the person's message that `message_id` is, or answers, once more; the old answer stays a version."""

        def ask(engine: Engine) -> Question:
            return self._dialogue.ask_again(person, conversation_id, message_id, knobs, engine)

        yield from self._run(session, person, knobs, ask)

    def try_example(self, session: Session, person: str, place: int, knobs: Knobs) -> Iterator[Shown]:
        """Ask an example's question about its picture, in a new conversation."""
        example = self._examples[place]
        session.edited_id = None
        draft = Draft(example.question, (example.path,))

        def ask(engine: Engine) -> Question:
            return self._dialogue.ask(person, "", draft, knobs, engine)

        yield from self._run(session, person, knobs, ask)

    def edit(
        self, session: Session, person: str, conversation_id: str, message_id: str
    ) -> tuple[Shown, Sequence[Picture]]:
        """Put a sent message back into the composer; returns the pictures that belong there too."""
        turn = next((turn for turn in self._history.turns(person, conversation_id) if turn.id == message_id), None)
        if turn is None:
            return Shown(), ()
        session.edited_id = turn.id
        return Shown(draft=Draft(turn.text), editing=view.editing_html()), turn.pictures

    def leave_edit(self, session: Session) -> Shown:
        """Forget the edit; the message stays as it was."""
        session.edited_id = None
        return Shown(draft=Draft(""), editing="")

    def show_version(self, person: str, conversation_id: str, message_id: str) -> Shown:
        """Show another version of a message, with what followed it."""
        self._history.show(person, conversation_id, message_id)
        return Shown(conversation=self._conversation(self._history.turns(person, conversation_id)))

    def clear(self, session: Session, person: str, conversation_id: str) -> Shown:
        """Empty the conversation; nothing is deleted, and `bring_back` undoes it."""
        session.stop()
        if not self._history.has(person, conversation_id):
            return Shown()
        self._history.set_leaf(conversation_id, None)
        return Shown(conversation=self._conversation(()), live="", notice=view.cleared_html())

    def bring_back(self, person: str, conversation_id: str) -> Shown:
        """Undo `clear`."""
        branch = self._history.bring_back(person, conversation_id)
        return Shown(conversation=self._conversation(branch), notice="")

    def forget(self, session: Session, person: str, conversation_id: str, shown_id: str) -> Shown:
        """Delete a conversation with the pictures that no other one uses."""
        for sha256 in self._history.delete(person, conversation_id):
            self._studio.media.remove(sha256)
        if conversation_id == shown_id:
            return self.open(session, person)
        return Shown(conversations=self._list(person, shown_id))

    def look(self, files: Sequence[Path], knobs: Knobs) -> str:
        """What would become of the composer's pictures, one line each."""
        return view.draft_html([self._look(file, knobs) for file in files])

    def large(
        self, session: Session, person: str, conversation_id: str, sha256: str, answer_id: str, image_index: int
    ) -> str:
        """The value of an `image_viewer` for a picture: with what an answer found in it, or as it is."""
        image = self._studio.media.get(sha256)
        src = media_url(sha256)
        if image_index < 0:
            return viewer_value(image, src)
        turn = next((turn for turn in self._history.turns(person, conversation_id) if turn.id == answer_id), None)
        answer, raw = (answer_of(turn), turn.text) if turn else (session.answer, "")
        return viewer_value(image, src, answer, raw, image_index=image_index)

    def welcome(self) -> str:
        """What an empty conversation shows."""
        for image in self._example_images:  # every time, for a deleted conversation takes its pictures along
            self._studio.media.put(image)
        addresses = [media_url(image.sha256, small=True) for image in self._example_images]
        return view.welcome_html(list(zip(self._examples, addresses, strict=True)))

    def about(self) -> str:
        """What the pocket model can and cannot do; empty for any other. Shown below the welcome."""
        info = self._studio.engines.status().info
        is_pocket = info.is_pocket if info else self._studio.settings.model == POCKET_NAME
        return view.about_html(POCKET_ABOUT) if is_pocket else ""

    def _look(self, file: Path, knobs: Knobs) -> Mapping[str, str]:
        try:
            picture = self._dialogue.look(file, knobs, self._studio.engines.current())
        except StudioError as error:
            return {"name": clean_name(file.name), "problem": str(error)}
        return {"name": picture.name, "caption": view.picture_caption(picture), "problem": ""}

    def _conversation(self, branch: Sequence[Turn]) -> str:
        return view.conversation_html(branch) if branch else self.welcome()

    def _list(self, person: str, shown_id: str) -> str:
        return view.conversations_html(self._history.conversations(person), shown_id)

    def _run(
        self,
        session: Session,
        person: str,
        knobs: Knobs,
        ask: Callable[[Engine], Question],
        *,
        empties_composer: bool = False,
    ) -> Iterator[Shown]:
        """Wait for the model, ask, answer. What is refused before it was stored leaves the page as it is."""
        if session.cancel is not None:
            yield Shown(notice=view.error_html("An answer is being written. Stop it first."))
            return
        cancel = session.cancel = threading.Event()
        try:
            yield Shown(live=view.stage_html("Preparing"), notice="", is_running=True)
            engine = yield from self._engine(cancel)
            question = ask(engine)
            if empties_composer:
                yield Shown(draft=Draft(""))
            yield from self._answer(session, person, question, knobs, engine, cancel)
        except Exception as error:
            sentence = sentence_of(error, "a message could not be answered")
            yield Shown(live="", notice=view.error_html(sentence), is_running=False)
        finally:
            session.cancel = None

    def _engine(self, cancel: threading.Event) -> Generator[Shown, None, Engine]:
        """The current engine, waiting while it loads."""
        while (engine := self._studio.engines.current()) is None:
            status = self._studio.engines.wait(timeout_s=0.5)
            if cancel.is_set():
                raise EngineError("Stopped. The message was not sent and is still here.")
            if status.state in ("idle", "failed"):
                raise EngineError(status.note or "No model is loaded.")
            yield Shown(live=view.stage_html(loading_words(status)))
        return engine

    def _answer(
        self, session: Session, person: str, question: Question, knobs: Knobs, engine: Engine, cancel: threading.Event
    ) -> Iterator[Shown]:
        """The message is stored: show it, and write the answer."""
        session.edited_id = None
        conversation_id = session.shown_id = question.conversation_id
        branch = self._history.turns(person, conversation_id)
        yield Shown(
            conversation_id=conversation_id,
            conversation=view.conversation_html(branch, is_running=True),
            editing="",
            conversations=self._list(person, conversation_id),
        )
        live_view = view.LiveView([picture for turn in branch for picture in turn.pictures])
        try:
            for live in self._dialogue.answer(question, knobs, engine, cancel):
                session.answer = live.answer
                if session.shown_id == conversation_id:
                    yield Shown(live=live_view.html(live))
            end = self._ended(person, conversation_id)
        except AnswerNotKept as problem:
            end = Shown(notice=view.error_html(str(problem)))  # the words stay where they are, in the live answer
        except EngineError as problem:
            end = self._ended(person, conversation_id, str(problem))
        is_left = session.shown_id != conversation_id
        yield Shown(is_running=False) if is_left else replace(end, is_running=False)

    def _ended(self, person: str, conversation_id: str, error: str = "") -> Shown:
        """The stored answer takes the place of the live one."""
        branch = self._history.turns(person, conversation_id)
        return Shown(conversation=view.conversation_html(branch, error=error), live="")
