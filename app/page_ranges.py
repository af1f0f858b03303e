"""Pages as people write them: "1-3, 7". Knows numbers; nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from model.errors import RequestError

_DASH = re.compile(r"\s*[-–]\s*")
_SEPARATOR = re.compile(r"[,;\s]+")
_RANGE = re.compile(r"(?P<first>\d{1,9})?(?P<dash>-)?(?P<last>\d{1,9})?")


def read_ranges(text: str, count: int) -> tuple[int, ...]:
    """The pages that `text` names, in order and each once, of a document with `count` pages; none named means all.

    "3-" is to the end and "-3" from the start. Raises `RequestError` for anything else, and for pages that are not
    there.
    """
    pages: set[int] = set()
    for part in filter(None, _SEPARATOR.split(_DASH.sub("-", text))):
        pages |= set(_range(part, count))
    return tuple(sorted(pages)) if pages else tuple(range(1, count + 1))


def write_ranges(pages: Iterable[int]) -> str:
    """The shortest text that names these pages: "1-3, 7"."""
    runs: list[list[int]] = []
    for page in sorted(set(pages)):
        if runs and page == runs[-1][-1] + 1:
            runs[-1][1:] = [page]
        else:
            runs.append([page])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _range(part: str, count: int) -> range:
    match = _RANGE.fullmatch(part)
    if match is None or part == "-":
        raise RequestError("Write pages as in “1-3, 7”.")
    first = int(match["first"] or 1)
    last = int(match["last"] or count) if match["dash"] else first
    if match["dash"] and last < first <= count:
        raise RequestError(f"Write {last}-{first}, the smaller page first.")
    if not 1 <= first <= last <= count:
        there = f"there are pages 1 to {count:,}" if count > 1 else "there is only page 1"
        raise RequestError(f"Pages {part} cannot be had: {there}.")
    return range(first, last + 1)
