"""Numbers, constants and the insides of strings, as JSON or Python write them.

Knows single literals. Does not know brackets.
"""

from __future__ import annotations

import re
from typing import Any

CONSTANTS: dict[str, Any] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
    "NaN": float("nan"),
    "nan": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
    "inf": float("inf"),
    "-inf": float("-inf"),
}

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/", "\n": ""}
SURROGATE = re.compile("[\ud800-\udfff]")


def to_number(word: str) -> int | float:
    """A number in its own kind; what is too long for an integer of a sane size becomes a float."""
    if len(word) <= 40 and word.lstrip("+-").isdigit():
        return int(word)
    return float(word)


def unescape(raw: str) -> str:
    """The characters that a string's escapes stand for. An escape that does not exist stays as it was written."""
    if "\\" not in raw:
        return raw
    text = ESCAPE.sub(_escaped, raw)
    if SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _escaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    return ESCAPED.get(match[2], match[0])
