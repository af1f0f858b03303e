"""Questions about pictures with short answers: DocVQA, ChartQA, VQA, TextVQA and any other rows of that shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from evaluation.data_files import read_data
from evaluation.metrics.text import anls, exact_match, relaxed_match, vqa_accuracy
from evaluation.tasks.base import PICTURE_ENDINGS, Reply, Sample, Source, Task, means, unread

SHORT = "\nAnswer the question using a single word or phrase."
"""What the families are told for short answers in their own evaluations."""

_PEOPLE = 4  # with fewer, leaving one out leaves too few for a full score
_ROWS = "a list or lines of objects with image (or images), question and answer (or answers)"


def _texts(value: Any) -> Any:
    """One answer or several, each a text, a number, or an object with the answer in it, as texts."""
    answers = value if isinstance(value, list) else [value]
    return [_text(answer["answer"] if _has_answer(answer) else answer) for answer in answers]


def _has_answer(value: Any) -> bool:
    return isinstance(value, dict) and "answer" in value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Texts = Annotated[list[str], BeforeValidator(_texts), Field(min_length=1)]
Name = Annotated[str, BeforeValidator(_text)]


class _Question(BaseModel):
    """A row in the forms of DocVQA, InfographicVQA, ChartQA, TextVQA and of Qwen-VL's own evaluation files."""

    images: Annotated[list[Name], BeforeValidator(_list), Field(min_length=1)] = Field(
        validation_alias=AliasChoices("image", "images", "imgname", "image_local_name", "file_name", "image_id")
    )
    question: str = Field(validation_alias=AliasChoices("question", "query"))
    answers: Texts = Field(validation_alias=AliasChoices("answers", "answer", "label"))
    id: Name = Field("", validation_alias=AliasChoices("question_id", "questionId", "id"))


class _VqaQuestion(BaseModel):
    """An entry of `questions` in VQA's file of questions."""

    image_id: int
    question: str
    question_id: int


class _VqaAnswers(BaseModel):
    """An entry of `annotations` in VQA's file of answers."""

    question_id: int
    answers: Texts


def _questions(fewest_answers: int = 1) -> Callable[[Source], Iterator[Sample[list[str]]]]:
    """A reader of rows of their own, or in the list `data` of DocVQA's and TextVQA's files."""

    def read(source: Source) -> Iterator[Sample[list[str]]]:
        file = read_data(source.data)
        entries = file.list_of("data") if file.has_lists("data") else file.rows
        if not entries:
            raise unread(file, _ROWS)
        for number, (entry, row) in enumerate(file.checked(_Question, entries), 1):
            if len(row.answers) < fewest_answers:
                raise file.error(entry, f"“answers” has to hold those of {fewest_answers} people or more, usually 10.")
            media = tuple(source.medium(file, entry, name, PICTURE_ENDINGS) for name in row.images)
            yield Sample(number, row.id, media, row.question, row.answers)

    return read


def _vqa(source: Source) -> Iterator[Sample[list[str]]]:
    """VQA's pair of files, or rows with the answers of several people."""
    return _vqa_pair(source, source.annotations) if source.annotations else _questions(_PEOPLE)(source)


def _vqa_pair(source: Source, annotations: Path) -> Iterator[Sample[list[str]]]:
    asked, told = read_data(source.data), read_data(annotations)
    answers = {row.question_id: row.answers for _, row in told.checked(_VqaAnswers, told.list_of("annotations"))}
    subset = asked.text("data_subtype")
    for number, (entry, row) in enumerate(asked.checked(_VqaQuestion, asked.list_of("questions")), 1):
        if row.question_id not in answers:
            raise asked.error(entry, f"{told.name} has no answers to question {row.question_id}.")
        medium = source.medium(asked, entry, f"COCO_{subset}_{row.image_id:012d}.jpg")
        yield Sample(number, str(row.question_id), (medium,), row.question, answers[row.question_id])


def _short(_family: str, question: str) -> str:
    return question + SHORT


def _said(reply: Reply) -> str:
    return reply.text.strip()


def _task(
    name: str,
    measures: str,
    accepts: str,
    main: str,
    metric: Callable[[str, Sequence[str]], float],
    read: Callable[[Source], Iterator[Sample[list[str]]]],
) -> Task[list[str], str]:
    return Task(
        name=name,
        measures=measures,
        accepts=accepts,
        main=main,
        read=read,
        prompt=_short,
        find=_said,
        score=lambda said, answers: {main: metric(said, answers)},
        figures=means,
    )


TASKS = (
    _task("docvqa", "ANLS", f"DocVQA's or InfographicVQA's JSON, or {_ROWS}", "anls", anls, _questions()),
    _task(
        "chartqa",
        "relaxed accuracy: numbers within 5%",
        f"ChartQA's JSON (imgname, query, label), or {_ROWS}",
        "relaxed_accuracy",
        relaxed_match,
        _questions(),
    ),
    _task(
        "vqa",
        "VQA accuracy",
        f"VQA's file of questions, with its file of answers as --annotations; TextVQA's JSON; or {_ROWS} of "
        f"{_PEOPLE} people or more",
        "vqa_accuracy",
        vqa_accuracy,
        _vqa,
    ),
    _task(
        "exact_match",
        "answers that are right but for case and white space",
        _ROWS,
        "exact_match",
        exact_match,
        _questions(),
    ),
)
