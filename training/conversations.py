"""Conversations to fine-tune on: the families' JSONL format, read, checked, and opened as the program's messages.

Knows the accepted forms of a line (docs/fine-tuning.md shows each) and where its pictures lie. Knows no tokens and no
tensors. A file is checked whole before anything is trained; pictures and videos are opened when their turn comes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model import media, video
from model.catalog import FAMILIES
from model.errors import StudioError
from model.prompts import to_convention
from model.types import Image, MediumInput, Message, Part, Role, Text, Video
from model.video import Sampling

Kind = Literal["image", "video"]

PLACEHOLDERS: dict[str, Kind] = {"<image>": "image", "<video>": "video"}
REFERENCE, BOX = "<ref-object>", "<bbox>"
_ROLES: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
}
# The chat template writes these; in a message they would begin another turn or stand for a picture that is not there.
_RESERVED = re.compile(r"<\|(?:im_start|im_end|endoftext|vision_start|vision_end|vision_pad|image_pad|video_pad)\|>")
_MARKS = re.compile("|".join(map(re.escape, (*PLACEHOLDERS, REFERENCE, BOX))))
_REPORTED = 5


class DataError(StudioError):
    """A file that cannot be trained on; the message names the lines."""


@dataclass(frozen=True, slots=True)
class MediumFile:
    """A picture or a video that a message shows."""

    kind: Kind
    path: Path


@dataclass(frozen=True, slots=True)
class BoxOf:
    """A box in pixels of the conversation's picture number `image`, counted from 0."""

    xyxy: tuple[float, float, float, float]
    image: int


@dataclass(frozen=True, slots=True)
class Reference:
    """What a box is of, in words."""

    text: str


Piece = str | MediumFile | BoxOf | Reference


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of a file, `line` counted from 1: turns of a role and what was said and shown, in order."""

    line: int
    turns: tuple[tuple[Role, tuple[Piece, ...]], ...]


def read_conversations(path: Path) -> list[Conversation]:
    """Every conversation of a JSONL file; empty lines are passed over.

    Raises `DataError` that names the first lines that cannot be used, and why.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The file {path.name} cannot be read as UTF-8 text. Check its name.") from error
    conversations, problems = [], []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                conversations.append(_conversation(number, line, path.parent))
            except DataError as error:
                problems.append(f"{path.name}, line {number}: {error}")
    if problems:
        more = f"\n{len(problems) - _REPORTED} more lines cannot be used." if len(problems) > _REPORTED else ""
        raise DataError("\n".join(problems[:_REPORTED]) + more)
    if not conversations:
        raise DataError(f"The file {path.name} has no conversations.")
    return conversations


def open_conversation(
    conversation: Conversation,
    family: str,
    sampling: Sampling,
    medium_of: Callable[[tuple[int, int]], MediumInput],
) -> list[Message]:
    """The messages, with pictures and videos opened, and boxes written the way `family` writes them.

    `medium_of` tells what the model makes of a picture of some size. Raises `MediaError` for a file that is no good.
    """
    opened = {
        index: _open(piece, sampling)
        for index, piece in enumerate(piece for _, pieces in conversation.turns for piece in pieces)
        if isinstance(piece, MediumFile)
    }
    sizes = [medium.size_wh for medium in opened.values() if isinstance(medium, Image)]
    parts, messages = iter(enumerate(piece for _, pieces in conversation.turns for piece in pieces)), []
    for role, pieces in conversation.turns:
        said: list[Part] = []
        for index, piece in (next(parts) for _ in pieces):
            said.append(
                opened[index] if isinstance(piece, MediumFile) else Text(_words(piece, family, sizes, medium_of))
            )
        messages.append(Message(role, tuple(_joined(said))))
    return messages


def _open(file: MediumFile, sampling: Sampling) -> Image | Video:
    if file.kind == "image":
        return media.read_image_file(file.path)
    return video.look(video.open_video(file.path), sampling)


def _words(
    piece: str | BoxOf | Reference,
    family: str,
    sizes_wh: Sequence[tuple[int, int]],
    medium_of: Callable[[tuple[int, int]], MediumInput],
) -> str:
    """A piece in words. Qwen2-VL marks boxes and what they are of with tokens; later families write plain numbers."""
    if isinstance(piece, str):
        return piece
    if isinstance(piece, Reference):
        return f"<|object_ref_start|>{piece.text}<|object_ref_end|>" if family == "Qwen2-VL" else piece.text
    x1, y1, x2, y2 = to_convention(piece.xyxy, FAMILIES[family].convention, medium_of(sizes_wh[piece.image]))
    if family == "Qwen2-VL":
        return f"<|box_start|>({x1},{y1}),({x2},{y2})<|box_end|>"
    return f"[{x1}, {y1}, {x2}, {y2}]"


def _joined(parts: Sequence[Part]) -> Iterator[Part]:
    """Texts that follow each other as one: they are one sentence."""
    words = ""
    for part in parts:
        if isinstance(part, Text):
            words += part.text
            continue
        if words:
            yield Text(words)
            words = ""
        yield part
    if words:
        yield Text(words)


def _conversation(number: int, line: str, folder: Path) -> Conversation:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError("this is no JSON.") from error
    if not isinstance(row, dict):
        raise DataError("this is no JSON object.")
    turns = row.get("conversations", row.get("messages"))
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise DataError("“conversations” or “messages” has to be a list of turns.")
    filler = _Filler(row, folder)
    read = tuple(_turn(turn, filler) for turn in turns)
    _check_order([role for role, _ in read])
    filler.check_used()
    _check_boxes([piece for _, pieces in read for piece in pieces])
    return Conversation(number, read)


def _turn(turn: dict[str, Any], filler: _Filler) -> tuple[Role, tuple[Piece, ...]]:
    name, content = turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))
    role = _ROLES.get(str(name))
    if role is None:
        raise DataError(f"“{name}” is no role. Use human and gpt, or user and assistant, or system.")
    if not isinstance(content, (str, list)):
        raise DataError(f"a turn of the {role} has no text.")
    pieces = tuple(filler.pieces(content) if isinstance(content, str) else filler.listed(content))
    if role == "assistant" and (not pieces or any(isinstance(piece, MediumFile) for piece in pieces)):
        raise DataError("an answer has to be text.")
    return role, pieces


def _check_order(roles: Sequence[Role]) -> None:
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if not spoken or len(spoken) % 2 or any(role != ("user", "assistant")[i % 2] for i, role in enumerate(spoken)):
        raise DataError("questions and answers have to take turns, a question first and an answer last.")


def _check_boxes(pieces: Sequence[Piece]) -> None:
    pictures = sum(isinstance(piece, MediumFile) and piece.kind == "image" for piece in pieces)
    if any(isinstance(piece, BoxOf) and not 0 <= piece.image < pictures for piece in pieces):
        raise DataError("a box belongs to a picture that the line does not have.")


class _Filler:
    """Puts a line's pictures, videos and boxes, in their order, where its texts have a placeholder."""

    def __init__(self, row: dict[str, Any], folder: Path) -> None:
        self._folder = folder
        self._left: dict[str, list[Any]] = {kind: self._files(row, kind) for kind in PLACEHOLDERS.values()}
        objects = row.get("objects") or {}
        if not isinstance(objects, dict):
            raise DataError("“objects” has to have lists named ref and bbox.")
        boxes = _list(objects.get("bbox"))
        images = _list(objects.get("image_id")) or [0] * len(boxes)
        if len(images) != len(boxes):
            raise DataError("“image_id” has to name a picture for every box.")
        self._left[BOX] = [_box(box, image) for box, image in zip(boxes, images, strict=True)]
        self._left[REFERENCE] = [Reference(str(text)) for text in _list(objects.get("ref"))]

    def pieces(self, text: str) -> Iterator[Piece]:
        """A text cut at its placeholders. A line break beside a picture only makes the file easier to read."""
        if found := _RESERVED.search(text):
            raise DataError(f"{found[0]} may not stand in a text; write <image> or <video> where one is shown.")
        start = 0
        for mark in _MARKS.finditer(text):
            yield from self._text(text[start : mark.start()], before=mark[0])
            yield self._next(PLACEHOLDERS.get(mark[0], mark[0]), mark[0])
            start = mark.end()
            if mark[0] in PLACEHOLDERS and text[start : start + 1] == "\n":
                start += 1
        yield from self._text(text[start:])

    def listed(self, parts: list[Any]) -> Iterator[Piece]:
        """Content as a list of typed parts, which name their own files."""
        for part in parts:
            kind = part.get("type") if isinstance(part, dict) else None
            if kind == "text" and isinstance(part.get("text"), str):
                yield from self.pieces(part["text"])
            elif kind in PLACEHOLDERS.values():
                yield self._file(str(kind), part.get(str(kind)))
            else:
                raise DataError("a part of a message has to be of the type text, image or video.")

    def check_used(self) -> None:
        for name, left in self._left.items():
            if left:
                mark = next((mark for mark, kind in PLACEHOLDERS.items() if kind == name), name)
                raise DataError(f"{mark} stands in the texts {len(left)} times less often than the line has values.")

    def _text(self, text: str, before: str = "") -> Iterator[str]:
        words = text.removesuffix("\n") if before in PLACEHOLDERS else text
        if words:
            yield words

    def _next(self, name: str, mark: str) -> Piece:
        if not self._left[name]:
            raise DataError(f"{mark} stands in the texts more often than the line has values.")
        piece: Piece = self._left[name].pop(0)
        return piece

    def _files(self, row: dict[str, Any], kind: Kind) -> list[MediumFile]:
        return [self._file(kind, value) for value in _list(row.get(kind, row.get(f"{kind}s")))]

    def _file(self, kind: str, value: object) -> MediumFile:
        if not isinstance(value, str) or not value:
            raise DataError(f"“{kind}” has to name a file.")
        path = self._folder / value.removeprefix("file://")
        if not path.is_file():
            raise DataError(f"there is no file {value[:80]}. Paths count from the folder of the JSONL file.")
        return MediumFile("image" if kind == "image" else "video", path)


def _list(value: object) -> list[Any]:
    """One value may stand for a list of one."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _box(box: object, image: object) -> BoxOf:
    numbers = [value for value in _list(box) if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) != 4 or len(_list(box)) != 4:
        raise DataError("a box has to be four numbers, x1, y1, x2, y2, in pixels of its picture.")
    if not isinstance(image, int):
        raise DataError("“image_id” has to count pictures from 0.")
    x1, y1, x2, y2 = (float(number) for number in numbers)
    return BoxOf((x1, y1, x2, y2), image)
