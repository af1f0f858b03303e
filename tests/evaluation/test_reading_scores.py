"""What counts as well read: by hand, and by engines that say everything or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.document_reading import Reading, ReadingAsk
from evaluation import reading
from evaluation.pocket import TARGETS, main, run, summary, table
from evaluation.scores import Score
from model.catalog import PER_1000
from model.engines.base import Events
from model.engines.fake import FakeEngine
from model.parsing import parse_answer
from model.types import Block, Chunk, Document, GenerationOptions, MediumInput, Prompt
from tests.training.fonts import needs_fonts
from training import displays, transcripts
from training.charts import Chart
from training.controls import Element
from training.pages import Line, Page, corners
from training.screens import Screen
from training.typesetting import Xyxy

SIZE_WH = (100, 100)
READ = ("line CER", "page CER", "line boxes recall", "blocks recall", "tables TEDS", "fields", "screen clicks")


def reading_of(*blocks: Block) -> Reading:
    medium = MediumInput(SIZE_WH, SIZE_WH, 1)
    return Reading(1, ReadingAsk(), "fake", "Qwen3-VL", medium, document=Document(blocks))


def page_with(*boxes: Xyxy) -> Page:
    lines = tuple(Line("word", corners(box), index, index) for index, box in enumerate(boxes))
    blocks = tuple(Block("text", "word", xyxy=box) for box in boxes)
    return Page("article", np.zeros((*SIZE_WH, 3), np.uint8), lines, blocks, (), {})


def test_the_character_error_rate_is_of_all_characters_together() -> None:
    """One wrong of ten and none of thirty are one of forty."""
    ten = reading.text_score("line CER", reading_of(Block("text", "abcde fghX")), "abcde fghi")
    two = reading_of(Block("text", "a" * 15), Block("text", "b" * 14))
    thirty = reading.text_score("line CER", two, "a" * 15 + "\n" + "b" * 14)
    assert ten == Score("line CER", 0.1, weight=10)
    rows = summary([ten, thirty])
    assert (rows["line CER"]["value"], rows["line CER"]["n"]) == (0.025, 2)
    assert "| line CER | 0.025 | ≤ 0.03 | 2 |" in table(rows)
    assert reading.text_score("line CER", reading_of(), "abc").value == 1.0


def test_a_box_finds_one_thing_and_the_best_pairs_come_first() -> None:
    true: list[Xyxy] = [(0, 0, 10, 10), (0, 0, 10, 14)]
    assert reading.found([(0, 0, 10, 13), (0, 0, 10, 10)], true) == 2
    assert reading.found([(0, 0, 10, 10), (0, 0, 10, 10)], [(0, 0, 10, 10)]) == 1
    assert reading.found([(0, 0, 10, 10)], [(0, 0, 10, 10), (0, 0, 10, 11)]) == 1
    assert reading.found([(0, 0, 10, 4)], [(0, 0, 10, 10)]) == 0
    assert reading.found([], true) == 0


def test_lines_and_blocks_are_counted_over_what_is_there() -> None:
    page = page_with((0, 0, 50, 10), (0, 20, 50, 30), (0, 40, 50, 50))
    heading = Block("heading", "y", xyxy=(0, 20, 50, 30))
    said = reading_of(Block("text", "x", xyxy=(0, 1, 50, 11)), heading, Block("text", "z"))
    assert [score.value for score in reading.line_scores(said, page)] == [1.0, 1.0, 0.0]
    assert [score.value for score in reading.block_scores(said, page)] == [1.0, 0.0, 0.0]


def test_fields_are_right_when_they_are_the_same_but_for_case_and_blanks() -> None:
    true = {"total": "12.50", "company": "Blue Oak", "items": [{"name": "Tea", "price": "3.00"}], "date": "1 May"}
    items = [{"name": "tea", "price": "3.00", "more": "x"}]
    said = {"total": "12.05", "company": "BLUE  oak", "items": items, "date": None}
    scores = [score.value for score in reading.field_scores(said, true, ("total", "company", "items", "date"))]
    assert scores == [0.0, 1.0, 1.0, 0.0]
    fewer = said | {"items": []}
    assert [score.value for score in reading.field_scores(fewer, true, ["items"])] == [0.0]


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ('{"action": "left_click", "coordinate": [500, 500]}', 1.0),
        ('{"action": "click", "coordinate": [400, 600]}', 1.0),
        ('{"action": "left_click", "coordinate": [700, 500]}', 0.0),
        ('{"action": "type", "coordinate": [500, 500], "text": "x"}', 0.0),
        ('{"action": "left_click"}', 0.0),
    ],
    ids=["middle", "touch", "beside", "typed", "nowhere"],
)
def test_a_click_has_to_be_inside(call: str, value: float) -> None:
    text = f'<tool_call>\n{{"name": "computer_use", "arguments": {call}}}\n</tool_call>'
    answer = parse_answer(text, PER_1000, [MediumInput(SIZE_WH, SIZE_WH, 1)])
    assert reading.click_score(answer, Element("button", "OK", (40, 40, 60, 60))) == Score("screen clicks", value)
    assert reading.click_score(parse_answer("Hm.", PER_1000), Element("button", "OK", (0, 0, 9, 9))).value == 0.0


@pytest.mark.parametrize(
    ("said", "value"),
    [("51.5", 1.0), ("48.4", 0.0), ("In 2014 it is 49.", 1.0), ("about 5,000", 0.0), ("50%", 1.0), ("Nothing", 0.0)],
)
def test_values_are_right_within_three_percent(said: str, value: float) -> None:
    assert reading.value_score("bar values", said, "The value of 2014 is 50.").value == value


def test_thousands_may_be_parted() -> None:
    assert reading.value_score("bar values", "1,234,500.", "The value of Q1 is 1234500.").value == 1.0


class Truthful(FakeEngine):
    """Answers as the truth has it of what was drawn last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, is_pocket: bool = False) -> None:
        super().__init__(info=replace(FakeEngine().info, is_pocket=is_pocket))
        self.answers = 0
        self.drawn: Page | Screen | Chart | None = None
        for name in ("random_page", "random_screen", "random_chart"):
            monkeypatch.setattr(reading, name, self._seeing(getattr(reading, name)))

    def _seeing(self, draw: Callable[..., Page | Screen | Chart]) -> Callable[..., Page | Screen | Chart]:
        def drawing(*arguments: Any, **options: Any) -> Page | Screen | Chart:
            assert options["held_out"]
            self.drawn = draw(*arguments, **options)
            return self.drawn

        return drawing

    def stream(self, prompt: Prompt, options: GenerationOptions, cancel: threading.Event) -> Events:
        assert self.drawn is not None
        self.answers += 1
        assert prompt.media[0].source_size_wh == self.drawn.size_wh
        yield Chunk(truth_of(self.drawn, prompt.messages[-1].text), finish_reason="stop")


def truth_of(drawn: Page | Screen | Chart, asked: str) -> str:
    if isinstance(drawn, Screen):
        named = [element for element in drawn.elements if element.name in asked]
        return displays.click(drawn, max(named, key=lambda element: len(element.name))) + "}}\n</tool_call>"
    if isinstance(drawn, Chart):
        asked_of = [mark for mark in drawn.marks if displays.name_of(mark).lower() in asked.lower()]
        return f"It is {max(asked_of, key=lambda mark: len(displays.name_of(mark))).value}."
    for beginning, answer in ANSWERS.items():
        if asked.startswith(beginning):
            return answer(drawn)
    name = max((name for name in drawn.fields if name in asked.lower()), key=len)
    return f"The {name} is {drawn.fields[name]}."


ANSWERS: Mapping[str, Callable[[Page], str]] = {
    "Read all the text": lambda page: page.text,
    "Spotting all the text": lambda page: transcripts.to_lines(page).text,
    "qwenvl html": lambda page: transcripts.to_html(page).text,
    "Write every table": lambda page: transcripts.to_tables(page).text,
    "Extract the key-value": lambda page: transcripts.to_fields(page, list(page.fields)).text,
}


@needs_fonts
def test_whoever_knows_the_truth_reads_without_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Truthful(monkeypatch)
    scores = [score for index in range(3) for score in reading.sample(engine, (5, index))]
    assert {score.name for score in scores} == {*READ, "field asked", "bar values", "point and slice values"}
    assert {(score.name, score.value) for score in scores} == {
        (score.name, float(not score.name.endswith("CER"))) for score in scores
    }


@needs_fonts
def test_whoever_says_nothing_has_read_nothing() -> None:
    scores = list(reading.sample(FakeEngine(()), (5, 0)))
    assert {score.name for score in scores} >= set(READ)
    assert all(score.value == float(score.name.endswith("CER")) for score in scores)


@needs_fonts
def test_what_the_program_refuses_counts_as_nothing_and_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Truthful(monkeypatch, is_pocket=True)
    monkeypatch.setattr("app.document_reading.POCKET_LEARNED", frozenset({"text"}))
    scores = list(reading.sample(engine, (5, 0)))
    assert {score.name for score in scores} >= set(READ)
    assert {score.value for score in scores if score.name.endswith("CER")} == {0.0}
    assert not any(score.value for score in scores if not score.name.endswith("CER"))
    assert engine.answers == 2


def test_what_is_read_has_a_target() -> None:
    assert set(READ) | {"bar values"} <= set(TARGETS)


@needs_fonts
def test_pages_are_read_only_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.abilities.sample", lambda engine, index: iter([Score("count", 1.0)]))
    monkeypatch.setattr("model.loading.load_engine", lambda *_: FakeEngine(()))
    assert {score.name for score in run([0, 1], clips=0)} == {"count"}
    scores = run([0, 1], clips=0, pages=1)
    assert {score.name for score in scores} >= {"count", *READ}
    assert [score.name for score in scores].count("line CER") == 1


def test_missing_fonts_are_told_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("evaluation.pocket.missing_packages", lambda: ["fonts-cabin"])
    monkeypatch.setattr("sys.argv", ["pocket", "--pages", "1"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "not on this machine: fonts-cabin" in capsys.readouterr().err
