"""What happens in the Chat tab: plain functions from what a person did to what changes on the page.

Knows conversations, engines that may still be loading, and who is asking. Knows no widgets: `tabs/chat.py` turns
clicks into these calls and a `Shown` into updates.
"""

from __future__ import annotations

import json
import tempfile
import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from app import chat_view as view
from app.dialogue import AnswerNotKept, Dialogue, Draft, Knobs, Live, Place, Question, answer_of
from app.engine_manager import loading_words
from app.examples import Example, read_examples
from app.faults import sentence_of
from app.history import ConversationGone, Medium, Turn
from app.media_store import media_url, preview_url
from app.studio import Studio
from app.viewer import viewer_value
from model.catalog import POCKET_NAME
from model.engines.base import Engine
from model.errors import EngineError, StudioError
from model.media import clean_name, read_image_file
from model.rewriting import preview
from model.types import Answer, GenerationOptions

POCKET_ABOUT = {
    "title": "This is the pocket model",
    "can": "Describe drawings of a few flat shapes on a plain background, count them, name their colours, kinds and "
    "places, compare two such pictures, mark where a shape is, and say when shapes appear, move, change their colour "
    "and vanish in a drawn clip.",
    "cannot": "Recognise photographs or anything filmed, read text, keep up a long conversation or talk about other "
    "things. It is small enough to come with the program and to answer at once on any computer.",
    "command": "python app.py --model Qwen/Qwen3-VL-4B-Instruct",
}


_STOP_PATIENCE_S = 10.0


@dataclass(frozen=True)
class _Run:
    """An answer that is being written: `cancel` asks it to end, `ended` says that it has."""

    cancel: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


@dataclass
class Session:
    """One open page. `run` is the answer that runs now, `shown_id` the conversation that it belongs on screen with
    (empty once the page shows none), `answer` what the running answer says so far."""

    run: _Run | None = None
    shown_id: str = ""
    answer: Answer = field(default_factory=Answer)

    def stop(self) -> None:
        """End the running answer; what came of it is kept."""
        if self.run is not None:
            self.run.cancel.set()


@dataclass(frozen=True)
class Shown:
    """What changes on the page; None leaves a part as it is.

    `conversation_id`, `leaf_id` and `edited_id` are where the page stands (a `Place`). `draft` takes the composer's
    place, `sent` names what leaves it (see `_sent`). An answer is being written as long as `live` says so.
    """

    conversation_id: str | None = None
    leaf_id: str | None = None
    edited_id: str | None = None
    conversation: str | None = None
    live: str | None = None
    notice: str | None = None
    draft: Draft | None = None
    sent: str | None = None
    editing: str | None = None
    conversations: str | None = None


class ChatActions:
    """`person` is whose conversations they are; ids come from the page and may be stale."""

    def __init__(self, studio: Studio, examples: Sequence[Example] | None = None) -> None:
        self._studio = studio
        self._history = studio.history
        self._dialogue = Dialogue(studio)
        self._examples = read_examples() if examples is None else examples
        self._example_images = [read_image_file(example.path) for example in self._examples]

    def arrive(self, session: Session, person: str, conversation_id: str) -> Shown:
        """A page has come up: show its conversation, unless somebody was quick and has begun one there already."""
        if session.run is not None or session.shown_id:
            return Shown()
        shown = self.open(session, person, conversation_id)
        # What was said meanwhile stays: who is quick may have been refused something already.
        return shown if shown.notice else replace(shown, notice=None)

    def open(self, session: Session, person: str, conversation_id: str = "") -> Shown:
        """Show a conversation, or the welcome when there is none; an answer that runs is stopped and kept."""
        session.stop()
        branch = self._history.turns(person, conversation_id) or self._history.bring_back(person, conversation_id)
        session.shown_id = conversation_id if branch else ""
        return Shown(
            conversation_id=session.shown_id,
            leaf_id=_leaf_id(branch),
            edited_id="",
            conversation=self._conversation(branch),
            live="",
            notice=view.error_html(self._history.notice),
            editing="",
            conversations=self._list(person, conversation_id),
        )

    def send(self, session: Session, person: str, place: Place, draft: Draft, knobs: Knobs) -> Iterator[Shown]:
        """Keep a message and answer it. Refused, it stays in the composer as it was."""

        def ask(engine: Engine, cancel: threading.Event) -> Question:
            return self._dialogue.ask(person, place, draft, knobs, engine, cancel)

        # After an edit the composer takes back what stood there before; else it gives away what was sent.
        on_asked = Shown(edited_id="", editing="") if place.edited_id else Shown(sent=_sent(draft))
        yield from self._run(session, person, knobs, ask, on_asked)

    def again(self, session: Session, person: str, place: Place, message_id: str, knobs: Knobs) -> Iterator[Shown]:
        """Answer the person's message that `message_id` is, or answers, once more; the old answer stays a version."""

        def ask(engine: Engine, cancel: threading.Event) -> Question:
            return self._dialogue.ask_again(person, place, message_id, knobs, engine, cancel)

        yield from self._run(session, person, knobs, ask)

    def try_example(self, session: Session, person: str, number: int, knobs: Knobs) -> Iterator[Shown]:
        """Ask an example's question about its picture, in a new conversation."""
        example = self._examples[number]
        draft = Draft(example.question, (example.path,))

        def ask(engine: Engine, cancel: threading.Event) -> Question:
            return self._dialogue.ask(person, Place(), draft, knobs, engine, cancel)

        yield from self._run(session, person, knobs, ask)

    def edit(self, person: str, place: Place, message_id: str) -> tuple[Shown, Sequence[Medium]]:
        """Put a sent message back into the composer; returns the media that belong there too."""
        turn = self._turn(person, place, message_id)
        if turn is None:
            return Shown(), ()
        return Shown(draft=Draft(turn.text), edited_id=turn.id, editing=view.editing_html()), turn.media

    def show_version(self, person: str, conversation_id: str, message_id: str) -> Shown:
        """Show another version of a message, with what followed it."""
        branch = self._history.show(person, conversation_id, message_id)
        return self._standing(branch) if branch else Shown()

    def clear(self, session: Session, person: str, conversation_id: str) -> Shown:
        """Empty the conversation; nothing is deleted, and `bring_back` undoes it."""
        session.stop()
        if not self._history.has(person, conversation_id):
            return Shown()
        session.shown_id = ""
        self._history.set_leaf(conversation_id, None)
        return Shown(
            leaf_id="",
            edited_id="",
            conversation=self.welcome(),
            live="",
            notice=view.cleared_html(),
            editing="",
        )

    def bring_back(self, person: str, conversation_id: str) -> Shown:
        """Undo `clear`."""
        return self._standing(self._history.bring_back(person, conversation_id))

    def forget(self, session: Session, person: str, conversation_id: str, shown_id: str) -> Shown:
        """Delete a conversation with the pictures and videos that no other one uses."""
        for sha256 in self._history.delete(person, conversation_id):
            self._studio.media.remove(sha256)
        if conversation_id == shown_id:
            return self.open(session, person)
        return Shown(conversations=self._list(person, shown_id))

    def look(self, files: Sequence[Path], knobs: Knobs) -> str:
        """What would become of the composer's pictures and videos, one line each."""
        return view.draft_html([self._look(file, knobs) for file in files])

    def large(self, session: Session, person: str, place: Place, sha256: str, answer_id: str, image_index: int) -> str:
        """The value of an `image_viewer` for a picture: with what an answer found in it, or as it is."""
        image = self._studio.media.get(sha256)
        src = media_url(sha256)
        if image_index < 0:
            return viewer_value(image, src)
        turn = self._turn(person, place, answer_id)
        answer, raw = (answer_of(turn), turn.text) if turn else (session.answer, "")
        return viewer_value(image, src, answer, raw, image_index=image_index)

    def copy(self, sha256: str) -> str:
        """Make a copy of a video that every browser plays, for one that cannot play the video itself.

        Returns what `play` in chat.js is told: the hash, and the address of the copy or what is wrong.
        """
        try:
            if self._studio.media.preview(sha256) is None:
                with tempfile.TemporaryDirectory() as folder:
                    made = Path(folder) / "copy.mp4"
                    preview(self._studio.media.video(sha256), made, threading.Event())
                    self._studio.media.put_preview(sha256, made)
            told = {"url": preview_url(sha256)}
        except Exception as error:
            told = {"problem": sentence_of(error, "a copy for the browser could not be made")}
        return json.dumps({"sha": sha256, "id": uuid.uuid4().hex, **told})

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

    def _look(self, file: Path, knobs: Knobs) -> Mapping[str, str | Sequence[str]]:
        try:
            prospect = self._dialogue.look(file, knobs, self._studio.engines.current())
        except StudioError as error:
            return {"name": clean_name(file.name), "caption": (), "notices": (), "problem": str(error)}
        caption = view.medium_caption(prospect.medium, prospect.memory_bytes)
        return {"name": prospect.medium.name, "caption": caption, "notices": prospect.notices, "problem": ""}

    def _turn(self, person: str, place: Place, message_id: str) -> Turn | None:
        branch = self._history.branch(person, place.conversation_id, place.leaf_id)
        return next((turn for turn in branch if turn.id == message_id), None)

    def _standing(self, branch: Sequence[Turn]) -> Shown:
        """The page shows this branch of its conversation."""
        return Shown(leaf_id=_leaf_id(branch), conversation=self._conversation(branch), notice="")

    def _conversation(self, branch: Sequence[Turn]) -> str:
        return view.conversation_html(branch) if branch else self.welcome()

    def _list(self, person: str, shown_id: str) -> str:
        return view.conversations_html(self._history.conversations(person), shown_id)

    def _run(
        self,
        session: Session,
        person: str,
        knobs: Knobs,
        ask: Callable[[Engine, threading.Event], Question],
        on_asked: Shown | None = None,
    ) -> Iterator[Shown]:
        """Wait for the model, ask, answer. What is refused before it was stored leaves the page as it is."""
        previous = session.run
        if previous is not None and not previous.cancel.is_set():
            yield Shown(notice=view.error_html("An answer is being written. Stop it first."))
            return
        run = session.run = _Run()
        try:
            yield Shown(live=view.stage_html("Preparing"), notice="")
            if previous is not None:
                previous.ended.wait(_STOP_PATIENCE_S)
            engine = yield from self._engine(run.cancel)
            question = ask(engine, run.cancel)
            if on_asked is not None:
                yield on_asked
            yield from self._answer(session, person, question, knobs, engine, run.cancel)
        except Exception as error:
            sentence = sentence_of(error, "a message could not be answered")
            yield Shown(live="", notice=view.error_html(sentence))
        finally:
            run.ended.set()
            if session.run is run:
                session.run = None

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
        conversation_id = session.shown_id = question.conversation_id
        branch = self._history.branch(person, conversation_id, question.message_id)
        yield Shown(
            conversation_id=conversation_id,
            leaf_id=question.message_id,
            conversation=view.conversation_html(branch, is_running=True),
            conversations=self._list(person, conversation_id),
        )
        live_view = view.LiveView([medium for turn in branch for medium in turn.media])
        live: Live | None = None
        try:
            for live in self._dialogue.answer(question, knobs, engine, cancel):
                session.answer = live.answer
                if session.shown_id == conversation_id:
                    yield Shown(live=live_view.html(live))
            end = self._ended(person, question)
            if self._is_repeated(person, question):
                end = replace(end, notice=view.remark_html(_why_the_same(knobs.options)))
        except AnswerNotKept as problem:  # the words stay where they are
            end = Shown(live=live_view.left_html(live) if live else "", notice=view.error_html(str(problem)))
        except EngineError as problem:
            end = self._ended(person, question, str(problem))
        yield end if session.shown_id == conversation_id else Shown(live="")

    def _ended(self, person: str, question: Question, error: str = "") -> Shown:
        """The stored answer takes the place of the live one."""
        branch = self._history.branch(person, question.conversation_id, question.answer_id)
        branch = branch or self._history.branch(person, question.conversation_id, question.message_id)
        if not branch:
            return Shown(live="", notice=view.error_html(error or str(ConversationGone())))
        return Shown(leaf_id=_leaf_id(branch), conversation=view.conversation_html(branch, error=error), live="")

    def _is_repeated(self, person: str, question: Question) -> bool:
        """Whether the answer is word for word an earlier version of it."""
        branch = self._history.branch(person, question.conversation_id, question.answer_id)
        if not branch:
            return False
        answer = branch[-1]
        others = [id_ for id_ in answer.siblings if id_ != answer.id]
        branches = (self._history.branch(person, question.conversation_id, id_) for id_ in others)
        return any(other[-1].text == answer.text for other in branches if other)


def _why_the_same(options: GenerationOptions) -> str:
    """Why an answer that was asked for again is the one that was there, and what to do for another."""
    if options.greedy:
        return (
            "The same answer again: Greedy always takes the likeliest token. "
            "For another answer switch it off, with a temperature above 0."
        )
    if options.seed is not None:
        return "The same answer again: the seed is the same. For another answer empty it."
    return "The same answer again: the model is that sure of it. A higher temperature varies more."


def _leaf_id(branch: Sequence[Turn]) -> str:
    return branch[-1].id if branch else ""


def _sent(draft: Draft) -> str:
    """What leaves the composer, for `takeOut` in chat.js; what was added there meanwhile stays."""
    files = [str(file) for file in draft.files]
    return json.dumps({"id": uuid.uuid4().hex, "text": draft.text, "files": files})  # the same words may be sent twice
