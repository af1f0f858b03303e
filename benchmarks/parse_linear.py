"""`python -m benchmarks.parse_linear`: whether reading an answer takes time in proportion to its length.

Each kind of text is read at one length and at four times that length, in turns, at once and in pieces of four
characters as it streams. The ratio of seconds a character counts, of the longer to the shorter: 1 is linear, 4
quadratic. The result is the worst median over rounds; `slowest_s` is the longest text at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping

from model.catalog import PER_1000
from model.parsing import AnswerParser, parse_answer
from model.types import MediumInput

PICTURE = MediumInput(source_size_wh=(1000, 1000), input_size_wh=(1000, 1000), tokens=1)
PIECE_CHARS = 4
GROWTH = 4

UNITS: Mapping[str, str] = {
    "boxes": '\t{"bbox_2d": [10, 20, 300, 400], "label": "red circle"},\n',
    "tags": "<ref>dog</ref><box>(1,2),(30,40)</box> ",
    "stripped tags on one line": "dog(1,2),(30,40) ",
    "plain lines": "10,20,300,400 dog\n",
    "times on one line": "in 1.0 - 2.0 seconds ",
    "open lists": "[",
    "open objects": '{"a":',
    "quotes that do not close": "a'a ",
    "beginnings of tags": "<",
    "prose": "A sentence of the answer, with some words. ",
}
BEGINNINGS: Mapping[str, str] = {"boxes": "```json\n[\n", "quotes that do not close": "{'a': '"}


def text_of(kind: str, length: int) -> str:
    unit = UNITS[kind]
    return BEGINNINGS.get(kind, "") + unit * (length // len(unit))


def at_once(text: str) -> None:
    parse_answer(text, PER_1000, [PICTURE])


def in_pieces(text: str) -> None:
    parser = AnswerParser(PER_1000, [PICTURE])
    for start in range(0, len(text), PIECE_CHARS):
        parser.feed(text[start : start + PIECE_CHARS])
    parser.finish()


def seconds(read: Callable[[str], None], text: str) -> float:
    """Processor time, so that what else runs on the machine counts less."""
    started = time.process_time()
    read(text)
    return time.process_time() - started


def growth(read: Callable[[str], None], kind: str, length: int, rounds: int) -> float:
    """How many times longer a character of the long text takes than one of the short text."""
    short, long = text_of(kind, length // GROWTH), text_of(kind, length)
    ratios = [seconds(read, long) / len(long) / (max(seconds(read, short), 1e-6) / len(short)) for _ in range(rounds)]
    return statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chars", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    ratios = {
        f"{kind}, {read.__name__.replace('_', ' ')}": growth(read, kind, arguments.chars, arguments.rounds)
        for kind in UNITS
        for read in (at_once, in_pieces)
    }
    slowest_s = max(seconds(at_once, text_of(kind, arguments.chars)) for kind in UNITS)
    result = {"benchmark": "parse_linear", "ratio": round(max(ratios.values()), 3), "target": 2.0}
    details = {name: round(ratio, 3) for name, ratio in ratios.items()}
    print(json.dumps(result | {"slowest_s": round(slowest_s, 3), "chars": arguments.chars, "ratios": details}))


if __name__ == "__main__":
    main()
