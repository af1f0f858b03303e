"""How data files are read: JSON, JSON lines and plain lines, each entry with the line at which it stands.

Knows the syntax, and says in one sentence what is wrong and where. Does not know what an entry means: tasks bring
pydantic models for that. Media are only looked for here, not opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app.validation import place_of, what_is_wrong
from model.errors import StudioError

Row = TypeVar("Row", bound=BaseModel)

_DECODER = json.JSONDecoder()
_SPACE = " \t\n\r"
_LINES_SUFFIXES = (".jsonl", ".ndjson")


class DataError(StudioError):
    """A data or results file that cannot be used; says which, where and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a file; `line` counts from 1. `key` is its name where it stands in an object."""

    value: Any
    line: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class DataFile:
    """The entries of a file: `rows` of a list or of lines; `members` of an object, its lists as lists of entries."""

    name: str
    rows: tuple[Entry, ...] = ()
    members: Mapping[str, Entry | tuple[Entry, ...]] = field(default_factory=dict)

    def list_of(self, key: str) -> tuple[Entry, ...]:
        """The entries of a list that the object has to have."""
        entries = self.members.get(key)
        if not isinstance(entries, tuple):
            raise DataError(f"{self.name}: a list “{key}” is missing.")
        return entries

    def has_lists(self, *keys: str) -> bool:
        return all(isinstance(self.members.get(key), tuple) for key in keys)

    def text(self, key: str) -> str:
        """A text among the members; empty without one."""
        entry = self.members.get(key)
        return entry.value if isinstance(entry, Entry) and isinstance(entry.value, str) else ""

    def error(self, entry: Entry, sentence: str) -> DataError:
        return DataError(f"{self.name}, line {entry.line}: {sentence}")

    def checked(self, kind: type[Row], entries: Iterable[Entry]) -> Iterator[tuple[Entry, Row]]:
        """Each entry with what it says; `DataError` for the first that does not fit."""
        for entry in entries:
            try:
                yield entry, kind.model_validate(entry.value)
            except ValidationError as error:
                raise self.error(entry, _sentence(error.errors())) from error


def read_data(path: Path) -> DataFile:
    """A file of JSON, or with one JSON value a line. Raises `DataError`."""
    text = _text_of(path)
    try:
        if path.suffix.lower() in _LINES_SUFFIXES or _looks_like_lines(text):
            return DataFile(path.name, rows=tuple(_json_lines(text)))
        return _Scanner(text).file(path.name)
    except json.JSONDecodeError as error:
        raise DataError(f"{path.name}, line {error.lineno}: this is not valid JSON ({error.msg}).") from error
    except RecursionError as error:
        raise DataError(f"{path.name}: this JSON is nested too deeply.") from error


def read_lines(path: Path) -> DataFile:
    """A file of plain lines; empty ones are left out. Raises `DataError`."""
    lines = enumerate(_text_of(path).splitlines(), 1)
    return DataFile(path.name, tuple(Entry(line, number) for number, line in lines if line.strip()))


def find_medium(folder: Path, name: str, endings: Sequence[str] = ()) -> Path | None:
    """The file of that name, an absolute path or one in the folder, if need be with one of the endings."""
    paths = (folder / f"{name}{ending}" for ending in ("", *endings))
    try:
        return next((path for path in paths if path.is_file()), None)
    except OSError:  # what is too long for a name, as a picture written into the row
        return None


def _text_of(path: Path) -> str:
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path.name}: there is no such file, or it cannot be read.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name}: this is not a text file in UTF-8.") from error
    if not text.strip():
        raise DataError(f"{path.name}: the file is empty.")
    return text


def _looks_like_lines(text: str) -> bool:
    """Whether the first of several lines is a JSON object of its own: such files are often named `.json`."""
    first, _, rest = text.strip().partition("\n")
    if not rest or not first.startswith("{"):
        return False
    try:
        json.loads(first)
    except json.JSONDecodeError:
        return False
    return True


def _json_lines(text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield Entry(json.loads(line), number)
            except json.JSONDecodeError as error:
                error.lineno = number
                raise


class _Scanner:
    """Walks through the outer one or two levels of a JSON text, so that each entry's line is known."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line, self._counted = 1, 0

    def file(self, name: str) -> DataFile:
        first = self._next()
        if first == "[":
            file = DataFile(name, rows=self._list())
        elif first == "{":
            file = DataFile(name, members=dict(self._object()))
        else:
            file = DataFile(name, rows=(self._entry(),))
        if self._next():
            raise self._error("Extra data")
        return file

    def _object(self) -> Iterator[tuple[str, Entry | tuple[Entry, ...]]]:
        for _ in self._items("{", "}"):
            key = self._entry().value
            if not isinstance(key, str):
                raise self._error("Expecting property name enclosed in double quotes")
            self._take(":")
            yield key, self._list() if self._next() == "[" else self._entry(key)

    def _list(self) -> tuple[Entry, ...]:
        return tuple(self._entry() for _ in self._items("[", "]"))

    def _items(self, opening: str, closing: str) -> Iterator[None]:
        """Stops before each item of a list or an object."""
        self._take(opening)
        while self._next() != closing:
            yield
            if self._next() != closing:
                self._take(",")
                if self._next() == closing:
                    raise self._error("Expecting value")
        self._take(closing)

    def _entry(self, key: str = "") -> Entry:
        self._next()
        line = self._line_here()
        value, self._at = _DECODER.raw_decode(self._text, self._at)
        return Entry(value, line, key)

    def _next(self) -> str:
        """The next character that is no space; empty at the end."""
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _take(self, expected: str) -> None:
        if self._next() != expected:
            raise self._error(f"Expecting '{expected}' delimiter")
        self._at += 1

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _error(self, message: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(message, self._text, self._at)


def _sentence(errors: Sequence[ErrorDetails]) -> str:
    """What is wrong with the first value that does not fit."""
    place = place_of(errors[0])
    own = (error["ctx"]["error"] for error in errors if error["type"] == "value_error")
    said = next(map(str, own), None) or what_is_wrong([error for error in errors if place_of(error) == place])
    return f"“{place}” {said}." if place else f"the entry {said}."
