"""Conversations about drawn pages: what the program and people ask to be read, and the exact answer.

Knows pages, words and how an answer is written (`transcripts`); nothing about networks. Each word of an answer points
at the visual tokens in which it stands on the page, so that the order of reading is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from model.prompts import FIELD_PRESETS, document_prompt, task_prompt
from training import transcripts, wordings
from training.dialogues import Cells, Spelled, Turn
from training.offtopic import FAMILY
from training.pages import Line, Page
from training.telling import Sight, Word, sentence, told, union
from training.transcripts import Transcript
from training.wordings import pick, typed

NO_TABLE = "There is no table in the image."
PRESETS = {"receipt": "receipt", "invoice": "invoice", "card": "business_card"}
"""Kinds of pages, and the program's name for the fields that one wants to know of them."""
PERSON = 0.4
"""Share of questions in a person's words, where the program has words of its own."""
_OTHER_FIELDS = ("color", "weight", "signature", "fax", "discount", "passport number")
_AROUND = ".,:;"


def read_text(page: Page, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """All the text, a row of the page a line."""
    said = told(Transcript((page.text,)), [_words(page.lines, sight)], [None])
    return [Turn(_question(rng, "text", document_prompt(FAMILY, "text")), said, "text")]


def read_markdown(page: Page, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    said = _told_of_blocks(transcripts.to_markdown(page), page, sight)
    return [Turn(_question(rng, "markdown", document_prompt(FAMILY, "markdown")), said, "markdown")]


def read_layout(page: Page, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """QwenVL HTML, which nobody asks for in other words."""
    return [Turn(document_prompt(FAMILY, "layout"), _told_of_blocks(transcripts.to_html(page), page, sight), "layout")]


def read_lines(page: Page, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """Every line with its box."""
    words = [_words([line], sight) for line in page.lines]
    said = told(transcripts.to_lines(page), words, [sight.cells(line.xyxy) for line in page.lines])
    return [Turn(_question(rng, "lines", task_prompt(FAMILY, "read", "")), said, "lines")]


def read_tables(page: Page, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    question = _question(rng, "tables", document_prompt(FAMILY, "tables"))
    tables = [index for index, block in enumerate(page.blocks) if block.table is not None]
    if not tables:
        return [Turn(question, ((NO_TABLE, ()),), "tables")]
    words = [_words_of_block(page, index, sight) for index in tables]
    said = told(transcripts.to_tables(page), words, [sight.cells(_box(page, index)) for index in tables])
    return [Turn(question, said, "tables")]


def read_fields(page: Page, sight: Sight, rng: np.random.Generator) -> list[Turn]:
    """The fields that one wants to know of such a page, or some of those that it has and maybe one that it lacks."""
    names = list(FIELD_PRESETS[PRESETS[page.kind]].fields) if page.kind in PRESETS else list(page.fields)
    if page.kind not in PRESETS or rng.random() < 0.5:
        names = [*names, pick(rng, _OTHER_FIELDS)] if rng.random() < 0.3 else names
        names = rng.permutation(names)[: int(rng.integers(1, len(names) + 1))].tolist()
    words = [_words_of_field(page, page.fields.get(name, ""), sight) for name in names]
    said = told(transcripts.to_fields(page, names), words, [_all_of(inside) for inside in words])
    asked = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return [Turn(_question(rng, "fields", document_prompt(FAMILY, "fields", names), asked), said, "fields")]


def ask_field(
    page: Page, sight: Sight, rng: np.random.Generator, forms: Sequence[str] = wordings.READ["field"]
) -> list[Turn]:
    """ "What is the total?" - "The total is 12.50." """
    names = [name for name, value in page.fields.items() if isinstance(value, str)]
    if not names:
        return []
    name = pick(rng, names)
    value = page.fields[name]
    cells = _all_of(_words_of_field(page, value, sight))
    question = typed(rng, pick(rng, forms).format(name))
    said = sentence((f"The {name} is", cells), (Spelled(f" {value}"), cells))
    return [Turn(question, said, "field", () if cells is None else ((name, cells),))]


READERS: Mapping[str, Callable[[Page, Sight, np.random.Generator], list[Turn]]] = {
    "text": read_text,
    "markdown": read_markdown,
    "layout": read_layout,
    "lines": read_lines,
    "tables": read_tables,
    "fields": read_fields,
    "field": ask_field,
}


def _question(rng: np.random.Generator, task: str, program: str, asked: str = "") -> str:
    return typed(rng, pick(rng, wordings.READ[task]).format(asked)) if rng.random() < PERSON else program


def _told_of_blocks(transcript: Transcript, page: Page, sight: Sight) -> tuple[tuple[str, Cells | None], ...]:
    numbers = range(len(page.blocks))
    words = [_words_of_block(page, index, sight) for index in numbers]
    return told(transcript, words, [sight.cells(_box(page, index)) for index in numbers])


def _box(page: Page, block: int) -> tuple[float, float, float, float]:
    xyxy = page.blocks[block].xyxy
    if xyxy is None:
        raise ValueError("every block of a drawn page has a box")
    return xyxy


def _words(lines: Sequence[Line], sight: Sight) -> list[Word]:
    words: list[Word] = []
    for line in lines:
        letters = map(sight.cell_at, line.letters_xy)
        words += [Word(text, sight.cells(xyxy), tuple(islice(letters, len(text)))) for text, xyxy in line.words]
    return words


def _words_of_block(page: Page, block: int, sight: Sight) -> list[Word]:
    return _words([line for line in page.lines if line.block == block], sight)


def _words_of_field(page: Page, value: Any, sight: Sight) -> list[Word]:
    """A field's words where they stand on the page; those of a list of objects each in the row that has its name."""
    if isinstance(value, str):
        return _where(value, _words(page.lines, sight))
    found: list[Word] = []
    rows = [
        _words([line for line in page.lines if line.row == row], sight) for row in {line.row for line in page.lines}
    ]
    for item in value:
        row = next((row for row in rows if _all_of(_where(item["name"], row)) is not None), [])
        found += [word for text in item.values() for word in _where(text, row)]
    return found


def _where(text: str, words: Sequence[Word]) -> list[Word]:
    """The words of a text with their places wherever all of them stand in a row; without any where they do not."""
    wanted = text.split()
    plain = [word.text.strip(_AROUND) for word in words]
    sought = [word.strip(_AROUND) for word in wanted]
    starts = [start for start in range(len(plain)) if plain[start : start + len(sought)] == sought]
    if not starts:
        return [Word(word, None) for word in wanted]
    return [
        Word(word, union(cells for start in starts if (cells := words[start + index].cells) is not None))
        for index, word in enumerate(wanted)
    ]


def _all_of(words: Sequence[Word]) -> Cells | None:
    """All the places of some words; None where one of them is not told, or there are none."""
    cells = [word.cells for word in words if word.cells is not None]
    return union(cells) if cells and len(cells) == len(words) else None
