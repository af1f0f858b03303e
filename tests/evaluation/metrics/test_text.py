"""Metrics of text beside values that were worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evaluation.metrics.text import (
    Errors,
    anls,
    character_errors,
    exact_match,
    normalized_for_vqa,
    relaxed_match,
    vqa_accuracy,
    word_errors,
)


@pytest.mark.parametrize(
    ("answer", "references", "expected"),
    [
        ("Hallo", ["hello"], 4 / 5),
        ("hello  world\n", ["Hello World"], 1.0),
        ("abxy", ["abcd"], 0.5),
        ("axyz", ["abcd"], 0.0),
        ("12", ["nothing like it", "123"], 2 / 3),
        ("", ["word"], 0.0),
        ("cafe\u0301", ["café"], 1.0),
    ],
    ids=["one of five letters", "case and blanks", "just half", "below half", "nearest", "empty", "composed accents"],
)
def test_anls(answer: str, references: Sequence[str], expected: float) -> None:
    assert anls(answer, references) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("105", "100", 1.0),
        ("105.1", "100", 0.0),
        ("-95", "-100", 1.0),
        ("5", "-5", 0.0),
        ("12%", "0.12", 1.0),
        ("12", "12%", 0.0),
        ("Blue ", "blue", 1.0),
        ("bluish", "blue", 0.0),
        ("0", "0", 1.0),
        ("0.001", "0", 0.0),
        ("nan", "NaN", 1.0),
        ("about 100", "100", 0.0),
    ],
    ids=[
        *(
            "5% above",
            "more than 5%",
            "5% of a negative",
            "other sign",
            "percent as a fraction",
            "percent is not a number",
        ),
        *("case and blanks", "other word", "zero", "near zero", "not a number", "words around a number"),
    ],
)
def test_relaxed_match(answer: str, reference: str, expected: float) -> None:
    assert relaxed_match(answer, [reference]) == expected


def test_one_of_several_references_is_enough() -> None:
    assert relaxed_match("7", ["many", "7"]) == 1.0
    assert exact_match("seven", ["7", "Seven"]) == 1.0


def test_exact_match_minds_everything_but_case_and_white_space() -> None:
    assert exact_match(" Red  circle\n", ["red circle"]) == 1.0
    assert exact_match("red circle.", ["red circle"]) == 0.0


@pytest.mark.parametrize(
    ("matching", "expected"),
    [(0, 0.0), (1, 9 * (1 / 3) / 10), (2, (2 * (1 / 3) + 8 * (2 / 3)) / 10), (3, (3 * (2 / 3) + 7) / 10), (4, 1.0)],
)
def test_vqa_accuracy_counts_people(matching: int, expected: float) -> None:
    people = ["yes"] * matching + [f"no {number}" for number in range(10 - matching)]
    assert vqa_accuracy("Yes.", people) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The two Dogs", "2 dogs"),
        ("None", "0"),
        ("dont know", "don't know"),
        ("couldntve", "couldn't've"),
        ("1,000", "1000"),
        ("red, white", "red white"),
        ("red/white", "red white"),
        ("3.5 m.", "3.5 m"),
        ("left\nright", "left right"),
        ("we were well", "we were well"),
    ],
)
def test_answers_are_normalised_as_by_vqa(text: str, expected: str) -> None:
    assert normalized_for_vqa(text) == expected


def test_errors_of_characters_and_words() -> None:
    # kitten -> sitting: two substitutions and an insertion
    assert character_errors("sitting", "kitten") == Errors(3, 6)
    assert word_errors("the small cat", "the  cat\nsat") == Errors(2, 3)
    assert character_errors("", "abc") == Errors(3, 3)
    assert character_errors("abc", "") == Errors(3, 0)
    assert word_errors("a b", "A b") == Errors(1, 2)
