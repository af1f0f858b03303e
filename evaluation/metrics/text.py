"""How well a short answer or a page's text agrees with what is right.

Knows strings. Similarity is rapidfuzz's and errors are counted by jiwer; what is here are the definitions on top.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
from rapidfuzz.distance import Levenshtein

ANLS_THRESHOLD = 0.5
RELATIVE_TOLERANCE = 0.05

# What VQA's evaluation reads alike: numbers as words, articles, and contractions written without their apostrophe.
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMBERS)}}
_ARTICLES = ("a", "an", "the")
# fmt: off
_CONTRACTIONS = (
    "ain't", "aren't", "can't", "could've", "couldn't", "couldn't've", "didn't", "doesn't", "don't", "hadn't",
    "hadn't've", "hasn't", "haven't", "he'd", "he'd've", "he's", "how'd", "how'll", "how's", "i'd've", "i'm",
    "i've", "isn't", "it'd", "it'd've", "it'll", "ma'am", "mightn't", "mightn't've", "might've", "mustn't",
    "must've", "needn't", "not've", "o'clock", "oughtn't", "shan't", "she'd've", "should've", "shouldn't",
    "shouldn't've", "somebody'd", "somebody'll", "somebody's", "someone'd", "someone'll", "someone's",
    "something'd", "something'll", "that's", "there'd", "there're", "there's", "they'd", "they'd've", "they'll",
    "they're", "they've", "wasn't", "we'd've", "we've", "weren't", "what'll", "what're", "what's", "what've",
    "when's", "where'd", "where's", "where've", "who'd", "who'd've", "who'll", "who's", "who've", "why'll",
    "why're", "why's", "won't", "would've", "wouldn't", "wouldn't've", "y'all", "you'd", "you'd've", "you'll",
    "you're", "you've",
)
# fmt: on
_WITH_APOSTROPHE = {
    spelled: word
    for word in _CONTRACTIONS
    for spelled in (word.replace("'", ""), word.replace("'", "", 1), "".join(word.rsplit("'", 1)))
}
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_PERIOD_NOT_IN_NUMBER = re.compile(r"\.(?!\d)")


@dataclass(frozen=True, slots=True)
class Errors:
    """Edits (substitutions, deletions, insertions) that turn an answer into the reference, and its `length`."""

    edits: int
    length: int


def one_line(text: str) -> str:
    """In Unicode's composed form, each run of white space a blank."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def anls(answer: str, references: Sequence[str]) -> float:
    """Normalised Levenshtein similarity to the nearest reference, in lower case; 0 below one half.

    The mean over questions is ANLS, as the evaluation of DocVQA's Robust Reading Competition computes it (Biten et al.,
    "Scene Text Visual Question Answering", 2019).
    """
    said = one_line(answer).lower()
    best = max(Levenshtein.normalized_similarity(said, one_line(text).lower()) for text in references)
    return best if best >= ANLS_THRESHOLD else 0.0


def exact_match(answer: str, references: Sequence[str]) -> float:
    """Whether the answer is one of the references, apart from case and white space."""
    return float(one_line(answer).casefold() in {one_line(text).casefold() for text in references})


def relaxed_match(answer: str, references: Sequence[str]) -> float:
    """Whether a number is within 5% of one of the references, or the text is the same apart from case.

    The mean over questions is ChartQA's relaxed accuracy (Masry et al., "ChartQA", 2022, section 5.1). As in the
    evaluations that published figures come from, `12%` is 0.12, and a reference of 0 has to be matched as text.
    """
    return float(any(_is_close(answer.strip(), reference.strip()) for reference in references))


def _is_close(answer: str, reference: str) -> bool:
    said, true = _number(answer), _number(reference)
    if said is not None and true:
        return abs(said - true) <= RELATIVE_TOLERANCE * abs(true)
    return answer.lower() == reference.lower()


def _number(text: str) -> float | None:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def vqa_accuracy(answer: str, references: Sequence[str]) -> float:
    """How many people gave this answer: `min(1, matches / 3)`, averaged over leaving out each of them in turn.

    Antol et al., "VQA: Visual Question Answering", 2015, and its evaluation code; answers are always normalised as
    there, also where all people agree. `references` has one answer a person, usually ten.
    """
    said, given = normalized_for_vqa(answer), [normalized_for_vqa(text) for text in references]
    matches = given.count(said)
    without = [matches - (reference == said) for reference in given]
    return sum(min(1.0, count / 3) for count in without) / len(without)


def normalized_for_vqa(text: str) -> str:
    """Lower case without punctuation and articles, numbers as digits, contractions with their apostrophe."""
    text = text.replace("\n", " ").replace("\t", " ").strip()
    has_number = _COMMA_IN_NUMBER.search(text) is not None
    for mark in _PUNCTUATION:
        at_a_word = f"{mark} " in text or f" {mark}" in text
        text = text.replace(mark, "" if at_a_word or has_number else " ")
    words = (_DIGITS.get(word, word) for word in _PERIOD_NOT_IN_NUMBER.sub("", text).lower().split())
    return " ".join(_WITH_APOSTROPHE.get(word, word) for word in words if word not in _ARTICLES)


def character_errors(answer: str, reference: str) -> Errors:
    """For the character error rate: the sum of edits over the sum of lengths."""
    return _errors(jiwer.process_characters(one_line(reference), one_line(answer)))


def word_errors(answer: str, reference: str) -> Errors:
    """For the word error rate: the sum of edits over the sum of lengths."""
    return _errors(jiwer.process_words(one_line(reference), one_line(answer)))


def _errors(output: jiwer.CharacterOutput | jiwer.WordOutput) -> Errors:
    kept = output.hits + output.substitutions + output.deletions
    return Errors(output.substitutions + output.deletions + output.insertions, kept)
