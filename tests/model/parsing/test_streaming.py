"""Reading while the text arrives: the same result however it is cut, a prefix of it at any cut, each object at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.catalog import PER_1000
from model.parsing import AnswerParser, parse_answer
from model.types import Answer, Block
from tests.model.parsing.answers import PICTURE, objects, streamed
from tests.model.parsing.strategies import OPEN_TEXTS, PAGES, TEXTS

MEDIA = [PICTURE]


@given(st.one_of(TEXTS, OPEN_TEXTS))
@settings(max_examples=150, deadline=None)
def test_every_object_of_a_valid_answer_is_found(valid: tuple[str, int]) -> None:
    text, count = valid
    answer = parse_answer(text, PER_1000, MEDIA)
    assert len(objects(answer)) == count
    assert not any("cut" in problem or "bracket" in problem for problem in answer.problems)


@given(TEXTS, st.lists(st.floats(0, 1), min_size=12, max_size=12))
@settings(max_examples=150, deadline=None)
def test_every_way_of_cutting_gives_the_first_objects(valid: tuple[str, int], places: list[float]) -> None:
    text, _ = valid
    whole = objects(parse_answer(text, PER_1000, MEDIA))
    for cut in {int(place * len(text)) for place in places}:
        found = objects(parse_answer(text[:cut], PER_1000, MEDIA))
        assert found == whole[: len(found)], text[:cut]


@given(OPEN_TEXTS, st.lists(st.floats(0, 1), min_size=12, max_size=12))
@settings(max_examples=100, deadline=None)
def test_every_way_of_cutting_objects_without_a_mark_leaves_only_the_last_in_doubt(
    valid: tuple[str, int], places: list[float]
) -> None:
    text, _ = valid
    whole = objects(parse_answer(text, PER_1000, MEDIA))
    for cut in {int(place * len(text)) for place in places}:
        parser = AnswerParser(PER_1000, MEDIA)
        growing = objects(parser.feed(text[:cut]))
        assert growing == whole[: len(growing)], text[:cut]
        ended = objects(parser.finish())
        assert ended[:-1] == whole[: max(len(ended) - 1, 0)], text[:cut]
        assert len(ended) <= len(whole)


@given(st.one_of(TEXTS, OPEN_TEXTS))
@settings(max_examples=40, deadline=None)
def test_objects_only_ever_come_at_the_end(valid: tuple[str, int]) -> None:
    parser = AnswerParser(PER_1000, MEDIA)
    before = objects(parser.feed(""))
    for character in valid[0]:
        now = objects(parser.feed(character))
        assert now[: len(before)] == before
        before = now
    assert objects(parser.finish())[: len(before)] == before


@given(st.one_of(TEXTS, OPEN_TEXTS), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_streamed_is_the_same_as_at_once(valid: tuple[str, int], step: int) -> None:
    text, _ = valid
    assert streamed(text, PER_1000, MEDIA, step) == parse_answer(text, PER_1000, MEDIA)


def blocks(answer: Answer) -> tuple[Block, ...]:
    return answer.document.blocks if answer.document else ()


@given(PAGES, st.integers(1, 40))
@settings(max_examples=80, deadline=None)
def test_every_block_of_a_valid_page_is_found(valid: tuple[str, int], step: int) -> None:
    text, count = valid
    answer = parse_answer(text, PER_1000, MEDIA)
    assert len(blocks(answer)) == count
    assert not any("cut" in problem for problem in answer.problems)
    assert streamed(text, PER_1000, MEDIA, step) == answer


@given(PAGES)
@settings(max_examples=30, deadline=None)
def test_blocks_only_ever_come_at_the_end(valid: tuple[str, int]) -> None:
    parser = AnswerParser(PER_1000, MEDIA)
    before: tuple[Block, ...] = ()
    for character in valid[0]:
        now = blocks(parser.feed(character))
        assert now[: len(before)] == before
        before = now
    assert blocks(parser.finish())[: len(before)] == before


@given(PAGES, st.lists(st.floats(0, 1), min_size=8, max_size=8))
@settings(max_examples=80, deadline=None)
def test_every_way_of_cutting_a_page_gives_its_first_blocks(valid: tuple[str, int], places: list[float]) -> None:
    """All but the last are whole, and of the last as much is there as came."""
    text, _ = valid
    whole = blocks(parse_answer(text, PER_1000, MEDIA))
    for cut in {int(place * len(text)) for place in places}:
        found = blocks(parse_answer(text[:cut], PER_1000, MEDIA))
        assert [(block.kind, block.text) for block in found[:-1]] == [
            (block.kind, block.text) for block in whole[: max(len(found) - 1, 0)]
        ], text[:cut]


AT_ONCE = {
    "object of a list": ('[{"bbox_2d": [1, 2, 3, 4], "label": "cup"}', ', {"bbox'),
    "single object": ('{"bbox_2d": [1, 2, 3, 4], "label": "cup"}', ""),
    "object in a wrapper": ('{"objects": [{"bbox_2d": [1, 2, 3, 4], "label": "cup"}', "]}"),
    "box of a list of boxes": ('{"object": "dog", "bboxes": [[1, 2, 3, 4]', ", [5, 6"),
    "points tag": ('<points x1="1" y1="2" alt="cup">', "cup</points>"),
    "tool call": ('<tool_call>{"name": "computer_use", "arguments": {"coordinate": [1, 2]}}', "</tool_call>"),
    "plain line": ("10,20,30,40 cup\n", "50,"),
}


@pytest.mark.parametrize("name", AT_ONCE)
def test_given_as_soon_as_the_last_bracket_arrives(name: str) -> None:
    text, rest = AT_ONCE[name]
    parser = AnswerParser(PER_1000, MEDIA)
    assert objects(parser.feed(text[:-1])) == []
    assert len(objects(parser.feed(text[-1]))) == 1
    assert len(objects(parser.feed(rest))) == 1


def test_range_keys_are_events_one_by_one() -> None:
    parser = AnswerParser(PER_1000, MEDIA)
    answer = parser.feed('{"00:01.00 - 00:02.00": "a",\n"00:03.00')
    assert [(event.label, event.start_s) for event in answer.events] == [("a", 1)]


def test_prose_is_there_while_it_streams() -> None:
    parser = AnswerParser(PER_1000, MEDIA)
    assert parser.feed("There is").text == "There is"
    assert parser.feed(" a cup").text == "There is a cup"
    assert parser.feed(".\n10,20,30,4").text == "There is a cup."
    assert parser.finish().text == "There is a cup."


def test_an_answer_given_does_not_change_with_later_text() -> None:
    parser = AnswerParser(PER_1000, MEDIA)
    early = parser.feed('{"a": 1}\n')
    late = parser.feed('{"b": 2}\n')
    assert early.fields == {"a": 1}
    assert late.fields == {"a": 1, "b": 2}


def test_drafts_of_thinking_give_way_to_the_answer() -> None:
    draft, final = ({"bbox_2d": [1, 2, 3, 4], "label": label} for label in ("draft", "final"))
    parser = AnswerParser(PER_1000, MEDIA)
    assert [box.label for box in parser.feed(json.dumps(draft)).boxes] == ["draft"]
    assert [box.label for box in parser.feed(f"</think>{json.dumps(final)}").boxes] == ["final"]


def test_a_call_that_is_too_long_is_passed_over_and_what_follows_is_read() -> None:
    text = "<function=f>" + "x" * 30_000 + '</function>\n[{"bbox_2d": [1, 2, 3, 4], "label": "cup"}]'
    answer = parse_answer(text, PER_1000, MEDIA)
    assert [box.label for box in answer.boxes] == ["cup"]
    assert streamed(text, PER_1000, MEDIA, step=997) == answer


def test_nothing_is_read_after_the_end() -> None:
    parser = AnswerParser(PER_1000, MEDIA)
    parser.feed('[{"bbox_2d": [1, 2, 3, 4], "label": "cup"}')
    ended = parser.finish()
    assert parser.feed(", more") == parser.finish() == ended
