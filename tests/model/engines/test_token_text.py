"""Decoding, thinking and loops, one token at a time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers.convert_slow_tokenizer import bytes_to_unicode

from model.engines.token_text import RepetitionDetector, ThinkingSplitter, TokenBytes, TokenDecoder

CHAR_OF = bytes_to_unicode()
BYTE_OF = {char: byte for byte, char in CHAR_OF.items()}


def decoder(dropped: frozenset[int] = frozenset()) -> TokenDecoder:
    """A vocabulary of the 256 bytes, one special token (256), and nothing above."""
    return TokenDecoder(TokenBytes(CHAR_OF.get, BYTE_OF, {256: "<|box_start|>"}), dropped)


def test_text_comes_as_soon_as_it_is_whole() -> None:
    decode = decoder()
    assert [decode.feed(byte) for byte in "aé😀".encode()] == ["a", "", "é", "", "", "", "😀"]


def test_special_tokens_are_text_and_dropped_ones_are_nothing() -> None:
    decode = decoder(dropped=frozenset({65}))
    assert [decode.feed(token) for token in (256, 65, 66)] == ["<|box_start|>", "", "B"]


def test_an_id_without_a_token_is_nothing() -> None:
    assert decoder().feed(300) == ""


@given(st.binary(max_size=60))
def test_streamed_text_is_what_decoding_at_once_gives(data: bytes) -> None:
    decode = decoder()
    streamed = "".join(decode.feed(byte) for byte in data) + decode.finish()
    assert streamed == data.decode("utf-8", errors="replace")


def split(pieces: list[str], opened: bool = False) -> tuple[str, str]:
    """All thinking and all answer of a text that comes in pieces."""
    splitter = ThinkingSplitter(opened)
    parts = [part for piece in pieces for part in splitter.feed(piece)] + splitter.finish()
    thinking, answer = ("".join(text for kind, text in parts if kind == wanted) for wanted in ("thinking", "text"))
    return thinking, answer


@pytest.mark.parametrize(
    ("text", "opened", "expected"),
    [
        ("Just an answer.", False, ("", "Just an answer.")),
        ("<think>\nHm.\n</think>\n\nYes.", False, ("Hm.\n", "Yes.")),
        ("\n<think>Hm.</think>Yes.", False, ("Hm.", "Yes.")),
        ("\nHm, so it is.\n</think>\n\nYes.", True, ("Hm, so it is.\n", "Yes.")),
        ("</think>Yes.", True, ("", "Yes.")),
        ("\n\n</think>\n\nYes.", True, ("", "Yes.")),
        ("Never ends", True, ("Never ends", "")),
        ("<think>cut in the tag</thi", False, ("cut in the tag</thi", "")),
        ("<thin", False, ("", "<thin")),
        ("Answer with <think>no thought</think> in it", False, ("", "Answer with <think>no thought</think> in it")),
        ("<think>a</think>b</think>c", False, ("a", "b</think>c")),
        ("a < b </thought> c</think>d", True, ("a < b </thought> c", "d")),
        ("  indented", False, ("", "  indented")),
        ("   ", False, ("", "   ")),
        ("", True, ("", "")),
    ],
)
def test_thinking_is_told_from_the_answer_however_the_text_is_cut(
    text: str, opened: bool, expected: tuple[str, str]
) -> None:
    assert split([text], opened) == expected
    assert split(list(text), opened) == expected
    for place in range(len(text)):
        assert split([text[:place], text[place:]], opened) == expected


def test_nothing_is_held_back_that_cannot_become_a_tag() -> None:
    splitter = ThinkingSplitter(opened=True)
    assert splitter.feed("I see <") == [("thinking", "I see ")]
    assert splitter.feed("b>") == [("thinking", "<b>")]
    splitter = ThinkingSplitter()
    assert splitter.feed("H") == [("text", "H")]


def first_alarm(tokens: list[int]) -> int | None:
    detector = RepetitionDetector()
    return next((index for index, token in enumerate(tokens) if detector.feed(token)), None)


@pytest.mark.parametrize("period", [1, 2, 7, 40, 150, 400])
def test_an_endless_loop_is_noticed_soon(period: int) -> None:
    prefix, block = list(range(5000, 5030)), list(range(period))
    alarm = first_alarm(prefix + block * (2000 // period + 5))
    assert alarm is not None
    assert alarm - len(prefix) + 1 == max(200, 4 * period)


def table_rows(count: int) -> list[int]:
    """Rows of a JSON answer: the same structure each time, other numbers."""
    return [token for row in range(count) for token in (1, 2, 3, 100 + row, 4, 200 + row * 7 % 50, 5, 6)]


@pytest.mark.parametrize(
    "tokens",
    [
        list(range(3000)),
        table_rows(300),
        [7] * 150,
        ([1, 2, 3, 4] * 30 + [9]) * 3,
        [*range(100), *range(100), *range(100), 5, 6, 7],
    ],
)
def test_what_only_looks_alike_is_no_loop(tokens: list[int]) -> None:
    assert first_alarm(tokens) is None


def test_the_cost_of_a_step_does_not_grow() -> None:
    detector = RepetitionDetector()

    def seconds(count: int, offset: int) -> float:
        start_s = time.perf_counter()
        for token in range(offset, offset + count):
            detector.feed(token)
        return time.perf_counter() - start_s

    seconds(2000, 0)
    early = min(seconds(2000, 10_000 + index * 2000) for index in range(3))
    seconds(20_000, 100_000)
    late = min(seconds(2000, 200_000 + index * 2000) for index in range(3))
    assert late < 5 * early
