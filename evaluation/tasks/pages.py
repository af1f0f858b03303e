"""Pages as pictures: all of their text, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import AliasChoices, BaseModel, Field

from evaluation.data_files import DataFile, Entry, read_data, read_lines
from evaluation.metrics.tables import teds
from evaluation.metrics.text import character_errors, word_errors
from evaluation.tasks.base import Figures, Judged, Reply, Sample, Scores, Source, Task, means, unread
from model.catalog import FAMILIES, SOURCE_PIXELS
from model.parsing import read_document
from model.prompts import document_prompt
from model.types import Table

_LINES_SUFFIXES = (".txt", ".tsv")
_PAGE_MIN_NEW_TOKENS = 8192  # a dense page has several thousand
_TEXTS = (
    "lines or a list of objects with file_name (or image) and text, as the metadata.jsonl of an image folder; or lines "
    "of a .txt or .tsv file: the picture's name, a tab, its text"
)
_TABLES = "PubTabNet's JSON lines; an object of file names, each with its html; or objects with image and html"

_IMAGE = AliasChoices("image", "file_name", "filename", "img")


class _Page(BaseModel):
    image: str = Field(validation_alias=_IMAGE)
    text: str = Field(validation_alias=AliasChoices("text", "transcription", "label"))


class _Tokens(BaseModel):
    tokens: list[str]


class _PubTabNet(BaseModel):
    """PubTabNet writes a table as tokens: those of its structure, and those in each cell in turn."""

    cells: list[_Tokens]
    structure: _Tokens

    def html(self) -> str:
        cells = iter(self.cells)
        return "".join(
            "".join(next(cells, _Tokens(tokens=[])).tokens) + token if token == "</td>" else token
            for token in self.structure.tokens
        )


class _TableRow(BaseModel):
    image: str = Field(validation_alias=_IMAGE)
    html: str | _PubTabNet

    @property
    def table(self) -> Table | None:
        return first_table(self.html if isinstance(self.html, str) else f"<table>{self.html.html()}</table>")


def first_table(text: str) -> Table | None:
    """The first table of a text in HTML, Markdown or LaTeX."""
    blocks = read_document(text, "tables", SOURCE_PIXELS).blocks
    return next((block.table for block in blocks if block.table and block.table.rows), None)


def _pages(source: Source) -> Iterator[Sample[str]]:
    if source.data.suffix.lower() in _LINES_SUFFIXES:
        file = read_lines(source.data)
        rows = [(entry, *_split(file, entry)) for entry in file.rows]
    else:
        file = read_data(source.data)
        rows = [(entry, row.image, row.text) for entry, row in file.checked(_Page, file.rows)]
    if not rows:
        raise unread(file, _TEXTS)
    for number, (entry, image, text) in enumerate(rows, 1):
        yield Sample(number, "", (source.medium(file, entry, image),), "", text)


def _split(file: DataFile, entry: Entry) -> tuple[str, str]:
    image, tab, text = entry.value.partition("\t")
    if not tab:
        raise file.error(entry, "there is no tab between the picture's name and its text.")
    return image.strip(), text


def _text(reply: Reply) -> str:
    """The page's words in their order, without the fences or boxes that an answer may have around them."""
    medium = reply.media[0] if reply.media else None
    blocks = read_document(reply.text, "text", FAMILIES[reply.family].convention, medium).blocks
    return "\n".join(block.text for block in blocks)


def _text_scores(said: str, true: str) -> Scores:
    """Counts, which add up over pages; rates do not."""
    characters, words = character_errors(said, true), word_errors(said, true)
    return {
        "character_edits": characters.edits,
        "characters": characters.length,
        "word_edits": words.edits,
        "words": words.length,
    }


def _rates(judged: Sequence[Judged[str, str]]) -> Figures:
    """Errors of all pages over the length of all pages."""

    def total(name: str) -> float:
        return sum(one.scores[name] for one in judged)

    return {
        "cer": total("character_edits") / total("characters") if total("characters") else None,
        "wer": total("word_edits") / total("words") if total("words") else None,
    }


def _tables(source: Source) -> Iterator[Sample[Table]]:
    file = read_data(source.data)
    entries = file.rows or tuple(_of_member(member) for member in file.members.values() if isinstance(member, Entry))
    if not entries:
        raise unread(file, _TABLES)
    for number, (entry, row) in enumerate(file.checked(_TableRow, entries), 1):
        table = row.table
        if table is None:
            raise file.error(entry, "“html” holds no table.")
        yield Sample(number, "", (source.medium(file, entry, row.image),), "", table)


def _of_member(member: Entry) -> Entry:
    """A file of ground truth as PubTabNet's evaluation has it: the name of the picture is the key."""
    value = {"image": member.key, **member.value} if isinstance(member.value, Mapping) else member.value
    return Entry(value, member.line)


def _answer(reply: Reply) -> str:
    return reply.text.strip()


def _table_scores(said: str, true: Table) -> Scores:
    table = first_table(said)
    return {"teds": teds(table, true), "teds_structure": teds(table, true, structure_only=True)}


TASKS: tuple[Task[Any, Any], ...] = (
    Task(
        name="ocr",
        measures="character and word error rates (lower is better)",
        accepts=_TEXTS,
        main="cer",
        read=_pages,
        prompt=lambda family, _words: document_prompt(family, "text"),
        find=_text,
        score=_text_scores,
        figures=_rates,
        min_new_tokens=_PAGE_MIN_NEW_TOKENS,
    ),
    Task(
        name="tables",
        measures="TEDS of the first table, and TEDS of its structure alone",
        accepts=_TABLES,
        main="teds",
        read=_tables,
        prompt=lambda family, _words: document_prompt(family, "tables"),
        find=_answer,
        score=_table_scores,
        figures=means,
        min_new_tokens=_PAGE_MIN_NEW_TOKENS,
    ),
)
