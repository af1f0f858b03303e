"""How a conversation goes on: what is asked, kept, answered, edited and answered again.

Knows messages, history, pictures, videos and engines, and the order in which things are made safe: a message is
refused before anything is stored, stored before it is answered, and an answer is stored however it ends. Knows no
widgets.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.answering import Answering, Snapshot, shrunk_notice
from app.faults import sentence_of
from app.history import ConversationGone, Medium, Turn
from app.studio import Studio
from app.watching import not_learned, sampling_of
from model.catalog import FAMILIES, budget_of_tokens
from model.engines.base import Engine, check_options
from model.errors import EngineError, MediaError, RequestError, StudioError
from model.media import Limits, clean_name, read_image_file
from model.parsing import AnswerParser, parse_answer
from model.types import (
    Answer,
    GenerationOptions,
    Image,
    MediumInput,
    Message,
    Part,
    PixelBudget,
    Prompt,
    Text,
    Video,
)
from model.video import VideoFile, VideoLimits, is_video, open_video

_log = logging.getLogger(__name__)


DESCRIBE = "Describe the picture."
COMPARE = "Compare the pictures."
DESCRIBE_VIDEO = "Describe the video."
COMPARE_VIDEOS = "Compare the videos."
DESCRIBE_ALL = "Describe the pictures and the videos."


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the composer: words, and the files of pictures and videos that were dropped there."""

    text: str
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands: a conversation, the last message that it shows of it, and the message that is being edited.

    Each is an id, or empty for none. Two pages may show different branches of one conversation.
    """

    conversation_id: str = ""
    leaf_id: str = ""
    edited_id: str = ""


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the side panel says.

    A picture, or a frame of a video, of more than `max_visual_tokens` is scaled down; None is the model's cap. The
    `preset` decides which frames of a video are looked at.
    """

    system_prompt: str = ""
    options: GenerationOptions = field(default_factory=GenerationOptions)
    max_visual_tokens: int | None = None
    number_pictures: bool = False
    preset: str = ""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would become of a medium that is not sent yet. `memory_bytes` is what reading it would take beside the
    weights, 0 where that is not known; `notices` are sentences for a person."""

    medium: Medium
    memory_bytes: int = 0
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A stored conversation that ends with a person's message, made ready for the engine that will answer it.

    `answer_id` is the id under which the answer will be kept.
    """

    conversation_id: str
    message_id: str
    answer_id: str
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Live:
    """The answer in the making: where it stands, and what its text says so far."""

    snapshot: Snapshot
    answer: Answer


class AnswerNotKept(StudioError):
    """The answer came but could not be stored."""


class Dialogue:
    """The conversations of everybody; `person` is who asks, and sees only what is theirs."""

    def __init__(self, studio: Studio) -> None:
        self._history = studio.history
        self._media = studio.media
        self._max_bytes = studio.settings.max_upload_bytes

    def read(self, file: Path) -> Image | VideoFile:
        """A dropped file as a picture or a video; raises `MediaError` with the reason why not."""
        if is_video(file):
            return open_video(file, limits=VideoLimits(max_bytes=self._max_bytes))
        return read_image_file(file, Limits(max_bytes=self._max_bytes))

    def look(self, file: Path, knobs: Knobs, engine: Engine | None) -> Prospect:
        """What would become of a dropped file: its size, and with a model its size, frames and tokens there.

        Raises `MediaError` when it can be used neither as a picture nor as a video.
        """
        medium = self.read(file)
        if engine is None:
            duration_s = medium.duration_s if isinstance(medium, VideoFile) else None
            return Prospect(Medium(medium.sha256, medium.size_wh, medium.name, duration_s=duration_s))
        part = self._part(medium, knobs, engine)
        prompt = engine.prepare([Message("user", (part,))], _budget(knobs, engine))
        [kept] = _kept([part], prompt.media)
        if isinstance(part, Image):
            return Prospect(kept)
        return Prospect(kept, prompt.memory_bytes, (*filter(None, [not_learned(engine.info, "free")]), *part.notices))

    def ask(
        self,
        person: str,
        place: Place,
        draft: Draft,
        knobs: Knobs,
        engine: Engine,
        cancel: threading.Event | None = None,
    ) -> Question:
        """Keep a new message after the last one that the page shows; an edited one becomes a branch beside the old.

        Raises `StudioError`, with nothing stored, when the message cannot be sent as it stands, or when `cancel` is set
        while its videos are read.
        """
        if place.conversation_id and not self._history.has(person, place.conversation_id):
            raise ConversationGone
        branch = self._branch(person, place)
        media = [self._read_to_send(file) for file in draft.files]
        parts = [self._part(medium, knobs, engine, cancel) for medium in media]
        text = draft.text if draft.text.strip() else _meant(parts)
        message = Message("user", (*parts, *_words(text)))
        prompt = self._prepare([*self._messages(branch, knobs, engine, cancel), message], knobs, engine)
        for medium in media:
            self._store(medium)
        title = " ".join(draft.text.split()) or next((medium.name for medium in media if medium.name), text)
        conversation_id = place.conversation_id or self._history.start(person, title)
        parent_id = branch[-1].id if branch else None
        message_id = self._history.add(conversation_id, parent_id, "user", text, _kept(parts, prompt.media))
        return Question(conversation_id, message_id, uuid.uuid4().hex, prompt)

    def ask_again(
        self,
        person: str,
        place: Place,
        message_id: str,
        knobs: Knobs,
        engine: Engine,
        cancel: threading.Event | None = None,
    ) -> Question:
        """Go back to the person's message that `message_id` is, or answers, to have it answered once more."""
        branch = self._history.branch(person, place.conversation_id, place.leaf_id)
        end = next((i for i, turn in enumerate(branch) if turn.id == message_id), len(branch) - 1)
        while end >= 0 and branch[end].role != "user":
            end -= 1
        if end < 0:
            raise EngineError("There is no message to answer here any more.")
        prompt = self._prepare(self._messages(branch[: end + 1], knobs, engine, cancel), knobs, engine)
        self._history.set_leaf(place.conversation_id, branch[end].id)
        return Question(place.conversation_id, branch[end].id, uuid.uuid4().hex, prompt)

    def answer(
        self, question: Question, knobs: Knobs, engine: Engine, cancel: threading.Event
    ) -> Generator[Live, None, None]:
        """Answer it, piece by piece; what came is stored however it ends, when the iterator is closed early too.

        Raises `EngineError` after the last piece when the answer broke off, `AnswerNotKept` when it could not be kept.
        """
        snapshot = Snapshot()
        broken_off = ""
        try:
            for snapshot, answer in _parsed(engine, question.prompt, knobs.options, cancel):
                yield Live(snapshot, answer)
        except Exception as error:
            broken_off = sentence_of(error)
            raise EngineError(broken_off) from error
        finally:
            if snapshot.text or snapshot.thinking or snapshot.last.finish_reason in ("stop", "length"):
                self._keep(question, snapshot, _details(snapshot, question.prompt, engine, broken_off))

    def _branch(self, person: str, place: Place) -> list[Turn]:
        """What comes before the message that is sent from there."""
        if place.edited_id:
            return self._history.branch(person, place.conversation_id, place.edited_id)[:-1]
        return self._history.branch(person, place.conversation_id, place.leaf_id)

    def _read_to_send(self, file: Path) -> Image | VideoFile:
        try:
            return self.read(file)
        except MediaError as error:
            raise MediaError(f"“{clean_name(file.name)}” cannot be sent; take it out. {error}") from error

    def _keep(self, question: Question, snapshot: Snapshot, details: Mapping[str, Any]) -> None:
        try:
            self._history.add(
                question.conversation_id,
                question.message_id,
                "assistant",
                snapshot.text,
                details=details,
                message_id=question.answer_id,
            )
        except StudioError as error:
            raise AnswerNotKept(f"{error} The answer stands here until the page is left.") from error

    def _prepare(self, messages: Sequence[Message], knobs: Knobs, engine: Engine) -> Prompt:
        check_options(knobs.options)
        has_video = any(isinstance(part, Video) for message in messages for part in message.parts)
        if has_video and (sentence := not_learned(engine.info, "free")):
            raise RequestError(sentence)
        system = [Message("system", (Text(knobs.system_prompt),))] if knobs.system_prompt.strip() else []
        return engine.prepare([*system, *messages], _budget(knobs, engine), add_vision_id=knobs.number_pictures)

    def _messages(
        self, branch: Sequence[Turn], knobs: Knobs, engine: Engine, cancel: threading.Event | None
    ) -> list[Message]:
        messages = []
        for turn in branch:
            parts = (self._part(self._stored(medium), knobs, engine, cancel) for medium in turn.media)
            messages.append(Message(turn.role, (*parts, *_words(turn.text))))
        return messages

    def _part(
        self, medium: Image | VideoFile, knobs: Knobs, engine: Engine, cancel: threading.Event | None = None
    ) -> Image | Video:
        """What the model is given: of a video the frames that the preset looks at."""
        if isinstance(medium, Image):
            return medium
        return self._media.frames(medium, sampling_of(engine.info, knobs.preset), cancel)

    def _stored(self, medium: Medium) -> Image | VideoFile:
        return self._media.video(medium.sha256, medium.name) if medium.is_video else self._media.get(medium.sha256)

    def _store(self, medium: Image | VideoFile) -> None:
        if isinstance(medium, Image):
            self._media.put(medium)
        else:
            self._media.put_video(medium)


def answer_of(turn: Turn) -> Answer:
    """What a stored answer says, read again from its raw text."""
    family = FAMILIES.get(turn.details.get("family", ""))
    if family is None:
        return Answer(text=turn.text)
    return parse_answer(
        turn.text,
        family.convention,
        media_of(turn),
        action_convention=family.action_convention,
        image_index=turn.details.get("image_index", 0),
        duration_s=turn.details.get("duration_s"),
    )


def media_of(turn: Turn) -> tuple[MediumInput, ...]:
    """The pictures and videos that the model saw when it wrote this answer, in order."""
    return tuple(MediumInput((item[0], item[1]), (item[2], item[3]), item[4]) for item in turn.details.get("media", ()))


def _parsed(
    engine: Engine, prompt: Prompt, options: GenerationOptions, cancel: threading.Event
) -> Iterator[tuple[Snapshot, Answer]]:
    media, fed = prompt.media, 0
    parser = _parser(engine, prompt, media)
    for snapshot in Answering(engine, prompt, options, cancel).snapshots():
        if snapshot.media != media:  # made smaller for want of memory, before the first word
            media = snapshot.media
            parser = _parser(engine, prompt, media)
        answer = parser.feed(snapshot.text[fed:])
        fed = len(snapshot.text)
        yield snapshot, parser.finish() if snapshot.last.finish_reason else answer


def _parser(engine: Engine, prompt: Prompt, media: Sequence[MediumInput]) -> AnswerParser:
    family = FAMILIES[engine.info.family]
    return AnswerParser(
        family.convention,
        media,
        action_convention=family.action_convention,
        image_index=_image_index(prompt.messages),
        duration_s=_duration_s(prompt.messages),
    )


def _budget(knobs: Knobs, engine: Engine) -> PixelBudget | None:
    return budget_of_tokens(engine.info.family, knobs.max_visual_tokens) if knobs.max_visual_tokens else None


def _words(text: str) -> tuple[Part, ...]:
    return (Text(text),) if text.strip() else ()


def _image_index(messages: Sequence[Message]) -> int:
    """The medium that an answer means which names none: the first of the latest message that has any."""
    counts = [len(message.media) for message in messages]
    latest = max((place for place, count in enumerate(counts) if count), default=0)
    return sum(counts[:latest])


def _duration_s(messages: Sequence[Message]) -> float | None:
    """How long the latest video is, whose times an answer tells."""
    durations_s = [part.duration_s for message in messages for part in message.media if isinstance(part, Video)]
    return durations_s[-1] if durations_s else None


def _meant(parts: Sequence[Image | Video]) -> str:
    """What people mean who send pictures or videos without any words."""
    kinds = {type(part) for part in parts}
    if len(kinds) > 1:
        return DESCRIBE_ALL
    if Video in kinds:
        return DESCRIBE_VIDEO if len(parts) == 1 else COMPARE_VIDEOS
    return {0: "", 1: DESCRIBE}.get(len(parts), COMPARE)


def _kept(parts: Sequence[Image | Video], media: Sequence[MediumInput]) -> tuple[Medium, ...]:
    """The message's media, which are the last of the prompt, with the size at which the model sees them."""
    inputs = media[len(media) - len(parts) :]
    return tuple(_medium(part, medium) for part, medium in zip(parts, inputs, strict=True))


def _medium(part: Image | Video, medium: MediumInput) -> Medium:
    seen = Medium(part.sha256, part.size_wh, part.name, medium.input_size_wh, medium.tokens)
    return replace(seen, duration_s=part.duration_s, times_s=part.times_s) if isinstance(part, Video) else seen


def _details(snapshot: Snapshot, prompt: Prompt, engine: Engine, broken_off: str) -> Mapping[str, Any]:
    last = snapshot.last
    return {
        "model": engine.info.name,
        "family": engine.info.family,
        "media": [[*medium.source_size_wh, *medium.input_size_wh, medium.tokens] for medium in snapshot.media],
        "notice": shrunk_notice(snapshot),
        "image_index": _image_index(prompt.messages),
        "duration_s": _duration_s(prompt.messages),
        "thinking": snapshot.thinking,
        "prompt_tokens": last.prompt_tokens,
        "generated_tokens": last.generated_tokens,
        "time_to_first_token_s": last.time_to_first_token_s,
        "tokens_per_s": last.tokens_per_s,
        "finish_reason": last.finish_reason or ("error" if broken_off else "cancelled"),
        "broken_off": broken_off,
    }
