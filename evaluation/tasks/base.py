"""What a task is: how its files are read, how the model is asked, what an answer says, and how that is scored.

Knows the shape of all tasks; each of them is a value in a module of its own. Does not know engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from evaluation.data_files import DataError, DataFile, Entry, find_medium
from model.types import MediumInput

Truth = TypeVar("Truth")
Found = TypeVar("Found")

Scores = Mapping[str, float]
Figures = Mapping[str, float | None]

VIDEO_ENDINGS = (".mp4", ".mkv", ".webm", ".mov", ".avi")
PICTURE_ENDINGS = (".jpg", ".png", ".jpeg")
_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Source:
    """The user's files: the data, the folder that names of media count from, and answers that come by themselves."""

    data: Path
    media: Path
    annotations: Path | None = None

    def medium(self, file: DataFile, entry: Entry, name: str, endings: Sequence[str] = ()) -> Path:
        """The file of a picture or video; raises `DataError` when there is none."""
        found = find_medium(self.media, name, endings)
        if found is None:
            shown = name if len(name) <= _NAME_CHARS else f"{name[:_NAME_CHARS]}…"
            raise file.error(entry, f"there is no file “{shown}” in the folder of media; name the folder with --media.")
        return found


@dataclass(frozen=True, slots=True)
class Sample(Generic[Truth]):
    """One question: `number` is its place in the data from 1, `id` its name there. `words` are what is asked about:
    a question, an expression, categories, an event; empty where the media alone are the question.
    """

    number: int
    id: str
    media: tuple[Path, ...]
    words: str
    truth: Truth


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's whole answer, with the sizes that its coordinates are to be read with; empty when there was none."""

    text: str
    family: str
    media: tuple[MediumInput, ...] = ()
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Judged(Generic[Truth, Found]):
    """A sample with what was found in its answer and how that scores."""

    sample: Sample[Truth]
    found: Found
    scores: Scores


@dataclass(frozen=True, slots=True)
class Task(Generic[Truth, Found]):
    """A kind of benchmark. `measures` and `accepts` are sentences for a person: the metric, and the forms of files.

    `prompt` makes the text of the question from the family's key and the sample's words. What is found must be a value
    that JSON keeps as it is. `main` names the figure that stands for the task. An answer may have `min_new_tokens`,
    whatever the preset says.
    """

    name: str
    measures: str
    accepts: str
    main: str
    read: Callable[[Source], Iterator[Sample[Truth]]]
    prompt: Callable[[str, str], str]
    find: Callable[[Reply], Found]
    score: Callable[[Found, Truth], Scores]
    figures: Callable[[Sequence[Judged[Truth, Found]]], Figures]
    min_new_tokens: int = 0


def means(judged: Sequence[Judged[Truth, Found]]) -> Figures:
    """The mean of each score."""
    names = judged[0].scores if judged else ()
    return {name: sum(one.scores[name] for one in judged) / len(judged) for name in names}


def unread(file: DataFile, accepts: str) -> DataError:
    """For a file whose form no reader of the task knows."""
    return DataError(f"{file.name}: this is not a file for this task, which takes {accepts}.")
