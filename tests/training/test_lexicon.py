"""Words and sums of money are written as people write them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from training import lexicon
from training.lexicon import MONEY, Money


@pytest.mark.parametrize(
    ("money", "cents", "text"),
    [
        (MONEY[0], 5, "$0.05"),
        (MONEY[3], 123_456, "1,234.56 EUR"),
        (Money("GBP", before="£"), -250, "-£2.50"),
        (Money(""), 100_000_000, "1,000,000.00"),
    ],
)
def test_amounts(money: Money, cents: int, text: str) -> None:
    assert money.text(cents) == text


@pytest.mark.parametrize(
    ("noun", "plural"), [("garden", "gardens"), ("factory", "factories"), ("valley", "valleys"), ("branch", "branches")]
)
def test_plurals(noun: str, plural: str) -> None:
    assert lexicon.plural(noun) == plural


def test_a_paragraph_is_whole_sentences_and_no_longer_than_it_may_be() -> None:
    rng = np.random.default_rng(0)
    for characters in range(160, 500, 20):
        text = lexicon.paragraph(rng, characters)
        assert len(text) <= characters
        assert text[0].isupper()
        assert text[-1] in ".?"


def test_a_day_is_written_in_many_ways() -> None:
    rng = np.random.default_rng(0)
    ways = {lexicon.date_form(rng)(date(2024, 3, 9)) for _ in range(100)}
    assert ways == {"2024-03-09", "09/03/2024", "09.03.2024", "9 March 2024", "Mar 9, 2024", "09-Mar-2024"}


def test_names_are_hardly_ever_the_same() -> None:
    rng = np.random.default_rng(0)
    assert len({lexicon.company(rng) for _ in range(300)}) > 230


def test_strange_words_have_the_shape_of_the_others() -> None:
    text = "The 12 Brave sheep, €3.50"
    changed = lexicon.strange(np.random.default_rng(1), text)
    assert changed != text
    for letter, other in zip(text, changed, strict=True):
        assert letter == other or (letter.isalnum() and other.isalnum())
        assert (letter.isdigit(), letter.isupper()) == (other.isdigit(), other.isupper())
