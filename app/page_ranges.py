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
    pages, missing = ranges_there(text, count)
    if missing:
        raise _refusal(missing, count)
    return pages


def ranges_there(text: str, count: int) -> tuple[tuple[int, ...], str]:
    """The same of a document that may be shorter: the pages that it has, and those that it has not, as a text.

    Raises `RequestError` for what names no pages.
    """
    pages: set[int] = set()
    missing = []
    for part in filter(None, _SEPARATOR.split(_DASH.sub("-", text))):
        first, last = _bounds(part, count)
        pages |= set(range(first, min(last, count) + 1))
        if last > count or first > last:
            missing.append(_beyond(part, first, last, count))
    return tuple(sorted(pages)) if pages or missing else tuple(range(1, count + 1)), ", ".join(missing)


def write_ranges(pages: Iterable[int]) -> str:
    """The shortest text that names these pages: "1-3, 7"."""
    runs: list[list[int]] = []
    for page in sorted(set(pages)):
        if runs and page == runs[-1][-1] + 1:
            runs[-1][1:] = [page]
        else:
            runs.append([page])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _bounds(part: str, count: int) -> tuple[int, int]:
    """The first and the last page that a part names, whether there are such; "8-" of a document of 7 is 8 to 7."""
    match = _RANGE.fullmatch(part)
    if match is None or part == "-":
        raise RequestError("Write pages as in “1-3, 7”.")
    first = int(match["first"] or 1)
    last = int(match["last"] or count) if match["dash"] else first
    if match["last"] and last < first:
        raise RequestError(f"Write {last}-{first}, the smaller page first.")
    if first < 1:
        raise _refusal(part, count)
    return first, last


def _beyond(part: str, first: int, last: int, count: int) -> str:
    """What of a part is beyond the last page."""
    if first > count:
        return part
    return f"{count + 1}-{last}" if last > count + 1 else f"{last}"


def _refusal(pages: str, count: int) -> RequestError:
    missing = f"is no page {pages}" if pages.isdecimal() else f"are no pages {pages}"
    there = f"pages 1 to {count:,}" if count > 1 else "page 1"
    return RequestError(f"There {missing}, only {there}.")
