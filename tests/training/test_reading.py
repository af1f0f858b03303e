"""Talk about pages, screens and charts: answers that the program reads back, and words that point at their places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest

from model.catalog import FAMILIES, PER_1000
from model.parsing import parse_answer, read_document
from model.types import MediumInput
from tests.training.fonts import needs_fonts
from training import dictation, displays, wordings
from training.charts import KINDS, Kind, random_chart
from training.dialogues import Piece, Spelled, Turn
from training.documents import random_page
from training.offtopic import FAMILY
from training.pages import Page
from training.reading import KINDS_OF, LESSONS, MOST_TURNS, SHORT, Lesson, Talk, random_talk
from training.screens import random_screen
from training.telling import Sight, Word, told
from training.transcripts import Transcript, spellings

pytestmark = needs_fonts

_SIGNS = re.compile(r'```\w*|<[^>]*>|\\[a-z]+(?:\{[\w|*]*\})*|"[^"]*": (?:\[[\d, ]+\])?')
TASKS = [*dict.fromkeys(task for lesson in LESSONS.values() for task in lesson.tasks)]


def grid_of(size_wh: tuple[int, int]) -> tuple[int, int]:
    return max(1, round(size_wh[1] / 32)), max(1, round(size_wh[0] / 32))


def page_of(kind: str, seed: int) -> tuple[Page, Sight]:
    page = random_page(np.random.default_rng([seed, 5]), kind, worn_share=0.5)
    return page, Sight(page.size_wh, grid_of(page.size_wh))


def talk_of(task: str, seed: int) -> Talk:
    return random_talk(np.random.default_rng([seed, 4]), Lesson({task: 1.0}), grid_of)


def medium_of(size_wh: tuple[int, int]) -> MediumInput:
    return MediumInput(size_wh, size_wh, 0)


@pytest.mark.parametrize(
    ("xyxy", "cells"),
    [
        ((0, 0, 100, 50), (0,)),
        ((10, 10, 20, 20), (0,)),
        ((90, 0, 290, 50), (1, 2)),
        ((0, 0, 400, 100), (0, 1, 2, 3, 4, 5, 6, 7)),
        ((95, 45, 105, 55), (0, 1, 4, 5)),
        ((399, 99, 420, 130), (7,)),
        ((350, 60, 350, 60), (7,)),
    ],
    ids=["one cell", "within one", "a tenth of one", "all", "a corner", "beyond the edge", "a point"],
)
def test_cells_that_show_a_box(xyxy: tuple[int, int, int, int], cells: tuple[int, ...]) -> None:
    """Cells of 100 x 50 pixels, four beside and two below each other."""
    assert Sight((400, 100), (2, 4)).cells(xyxy) == cells
    assert Sight((400, 100), (2, 4), first_cell=8).cells(xyxy) == tuple(8 + cell for cell in cells)


def test_the_cell_at_a_point_is_the_nearest_one() -> None:
    sight = Sight((400, 100), (2, 4), first_cell=8)
    assert [sight.cell_at(xy) for xy in ((0, 0), (399, 99), (150, 60), (-5, 120), (400, 100))] == [8, 15, 13, 12, 15]


def test_words_are_found_in_what_is_written_of_them_and_signs_are_not_words() -> None:
    transcript = Transcript(('<p data-bbox="1 2 3 4">Tea &amp; 1</p>', "<table><td>p</td></table>"), "{", "|", "}")
    words: list[list[Word]] = [
        [Word("Tea", (1,)), Word("9", (7,)), Word("&", (2,), (2,)), Word("1", None)],
        [Word("p", (3,), (3,))],
    ]
    assert told(transcript, words, [(1, 2), (3, 4)]) == (
        ('{<p data-bbox="1 2 3 4">', (1, 2)),
        ("Tea", (1,)),
        (" &amp;", (2,)),
        (" 1", None),
        ("</p>|<table><td>", (3, 4)),
        ("p", (3,)),
        ("</td></table>}", ()),
    )


def test_words_are_spelled_and_signs_between_them_are_not() -> None:
    words: list[Word] = [Word("Black tea", (1,)), Word("£2", (2,))]
    said = told(Transcript(("<tr><td>Black tea</td><td> £2</td></tr>",)), [words], [(1, 2)])
    assert [(text, isinstance(text, Spelled)) for text, _ in said] == [
        ("<tr><td>", False),
        ("Black tea", True),
        ("</td><td> ", False),
        ("£2", True),
        ("</td></tr>", False),
    ]
    assert [cells for _, cells in said] == [(1, 2), (1,), (2,), (2,), ()]


def test_each_letter_is_about_its_own_place_and_a_blank_about_the_next() -> None:
    words = [Word("to", (0, 1), (0, 1)), Word("us", (1, 2), (1, 2))]
    assert told(Transcript(("to us",)), [words], [(0, 1, 2)])[:-1] == (
        *(("t", (0,)), ("o", (1,)), (" ", (1,))),
        *(("u", (1,)), ("s", (2,))),
    )


@pytest.mark.parametrize("task", ["text", "markdown", "layout", "lines", "fields"])
def test_all_that_is_read_of_a_page_is_spelled(task: str) -> None:
    """Whatever else is written are tags, commands, keys and places."""
    for kind in sorted(set(KINDS_OF[task])):
        page, sight = page_of(kind, 6)
        (turn,) = dictation.READERS[task](page, sight, np.random.default_rng(1))
        around = "".join("…" if isinstance(text, Spelled) else text for text, _ in turn.said)
        assert "…" in around
        assert not re.search(r"\w", _SIGNS.sub("", around)), kind


@pytest.mark.parametrize("kind", ["line", "article", "table", "receipt", "invoice", "form", "card"])
@pytest.mark.parametrize("task", ["text", "lines", "layout", "markdown"])
def test_every_letter_of_a_page_is_told_in_order_where_it_stands(kind: str, task: str) -> None:
    """But for the numbers of a list, which HTML does not write, and letters that are written as more than one."""
    page, sight = page_of(kind, 2)
    (turn,) = dictation.READERS[task](page, sight, np.random.default_rng(0))
    said = [(text, cells) for text, cells in turn.said if len(text) == 1 and not text.isspace()]
    letters: list[Piece] = [
        (letter, (sight.cell_at(xy),))
        for line in page.lines
        for letter, xy in zip("".join(line.text.split()), line.letters_xy, strict=True)
    ]
    if task == "text":
        assert said == letters
        assert turn.said[-1] == ("", ())
    words = [word for line in page.lines for word in line.text.split()]
    numbers = [word for word in words if task == "layout" and word.rstrip(".").isdigit()]
    longer = [word for word in words if len(spellings(word)) > 1]
    missing = Counter(one for one in letters if one[0].isalnum()) - Counter(said)
    assert missing.total() <= sum(map(len, numbers + longer))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["receipt", "invoice", "card", "form"])
def test_fields_point_at_where_they_are_written(kind: str, seed: int) -> None:
    page, sight = page_of(kind, seed)
    (turn,) = dictation.read_fields(page, sight, np.random.default_rng(seed))
    names = [text.split('"')[1] for text in turn.answer.split("\n\t")[1:]]
    read = read_document(turn.answer, "fields", PER_1000, medium_of(page.size_wh), fields=names)
    assert read.fields == {name: page.fields.get(name) for name in names}
    told_at = {text.split("\t")[1].split('"')[1]: cells for text, cells in turn.said if "\t" in text}
    for name in set(names) & set(page.fields):
        with_it = [line.xyxy for line in page.lines if f" {page.fields[name]} " in f" {line.text} "]
        if with_it:
            at = set(told_at[name] or ())
            assert at, name
            assert at <= set(sight.cells(*with_it)), name


def test_a_page_without_a_table_has_none() -> None:
    page, sight = page_of("card", 0)
    (turn,) = dictation.read_tables(page, sight, np.random.default_rng(0))
    assert turn.said == (("There is no table in the image.", ()),)


@pytest.mark.parametrize("seed", range(12))
def test_the_click_that_is_learnt_is_in_the_element_that_is_named(seed: int) -> None:
    screen = random_screen(np.random.default_rng([seed, 4]))
    sight = Sight(screen.size_wh, grid_of(screen.size_wh))
    (turn,) = displays.act(screen, sight, np.random.default_rng(seed))
    (action,) = parse_answer(
        turn.answer, PER_1000, [medium_of(screen.size_wh)], action_convention=FAMILIES[FAMILY].action_convention
    ).actions
    is_phone = screen.size_wh[1] > screen.size_wh[0]
    assert action.name == ("mobile_use" if is_phone else "computer_use")
    assert action.arguments["action"] == ("click" if is_phone else "left_click")
    assert action.name in displays.system_of(screen)
    assert action.xy is not None
    x, y = action.xy
    hit = [e for e in screen.elements if e.xyxy[0] <= x <= e.xyxy[2] and e.xyxy[1] <= y <= e.xyxy[3]]
    named, cells = turn.named[0]
    assert any(named.endswith(element.name) and sight.cells(element.xyxy) == cells for element in hit)
    assert turn.said[0][1] == cells


@pytest.mark.parametrize("seed", range(8))
def test_found_elements_and_states_are_those_of_the_screen(seed: int) -> None:
    screen = random_screen(np.random.default_rng([seed, 4]))
    sight = Sight(screen.size_wh, grid_of(screen.size_wh))
    (found,) = displays.find(screen, sight, np.random.default_rng(seed))
    (box,) = parse_answer(found.answer, PER_1000, [medium_of(screen.size_wh)]).boxes
    element = next(element for element in screen.elements if f"{element.name} {element.kind}" == box.label)
    assert box.xyxy == pytest.approx(element.xyxy, abs=0.6)
    for turn in displays.state(screen, sight, np.random.default_rng(seed)):
        element = screen.named(turn.named[0][0])
        if element.kind == "field":
            assert f'"{element.value}"' in turn.answer if element.value else "is empty" in turn.answer
        else:
            assert turn.answer == (f"Yes, {element.name} is on." if element.is_on else f"No, {element.name} is off.")


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_a_chart_are_those_of_its_marks(kind: Kind) -> None:
    chart = random_chart(np.random.default_rng(3), kind)
    sight = Sight(chart.size_wh, grid_of(chart.size_wh))
    (turn,) = displays.value(chart, sight, np.random.default_rng(1))
    name = turn.named[0][0]
    mark = next(mark for mark in chart.marks if displays.name_of(mark) == name)
    before, _, number = turn.answer.rstrip(".").rpartition(" ")
    assert before == f"The value of {name} is"
    assert float(number.removesuffix("%")) == pytest.approx(mark.value)
    assert number.endswith("%") == (kind == "pie")
    assert turn.said[1][1] == sight.cells(mark.xyxy)
    values = [mark.value for mark in chart.marks]
    for turn in displays.most(chart, sight, np.random.default_rng(2)):
        number = turn.answer.rstrip(".").rpartition(" ")[2]
        assert float(number.removesuffix("%")) == (max(values) if "highest" in turn.answer else min(values))
    (turn,) = displays.title(chart, sight, np.random.default_rng(2))
    assert turn.answer == chart.title


@pytest.mark.parametrize("task", TASKS)
def test_every_task_can_be_drawn_and_points_into_its_picture(task: str) -> None:
    for seed in range(2):
        talk = talk_of(task, seed)
        rows, columns = talk.grid_hw
        assert [turn.pictures for turn in talk.turns] == [1, *[0] * (len(talk.turns) - 1)]
        assert 1 <= len(talk.turns) <= (MOST_TURNS if task in SHORT else 1)
        assert bool(talk.system) == (task == "act")
        for turn in talk.turns:
            assert_places_are_in(turn, rows * columns)


def assert_places_are_in(turn: Turn, cells: int) -> None:
    for _, told_cells in (*turn.said, *turn.named):
        assert told_cells is None or set(told_cells) <= set(range(cells))
    assert all(phrase.lower() in turn.question.lower() for phrase, _ in turn.named)


def test_lessons_go_from_large_and_short_to_all() -> None:
    lessons = list(LESSONS.values())
    assert [lesson.most_characters for lesson in lessons] == sorted(lesson.most_characters for lesson in lessons)
    assert [lesson.text_px for lesson in lessons] == sorted((lesson.text_px for lesson in lessons), reverse=True)
    assert set(lessons[-1].tasks) == {*KINDS_OF, *displays.SCREEN_TALK, *displays.CHART_TALK}
    words = [random_talk(np.random.default_rng(seed), LESSONS["words"], grid_of) for seed in range(5)]
    assert max(len(talk.turns[0].answer) for talk in words) <= 16


def test_the_same_seed_gives_the_same_talk() -> None:
    first, second = (random_talk(np.random.default_rng(9), LESSONS["short"], grid_of) for _ in range(2))
    assert np.array_equal(first.pixels, second.pixels)
    assert first.turns == second.turns


def test_what_is_held_out_is_not_learnt_from() -> None:
    learnt = [*wordings.READ.values(), *wordings.GOALS.values(), wordings.CHART_VALUE]
    assert not bare(learnt) & bare(wordings.READ_HELD_OUT.values())


def bare(groups: Iterable[Iterable[str]]) -> set[str]:
    return {form.lower().rstrip(".?") for forms in groups for form in forms}
