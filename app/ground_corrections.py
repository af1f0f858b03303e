"""What a person corrected in the viewer, kept while the model's own results are read anew.

Knows results by the words of the answer that they were read from. Does not know coordinates or widgets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from app.wire import to_wire
from model.types import Action, Region

Item = TypeVar("Item", bound=Region | Action)

_BY_HAND = ("kind", "label", "xyxy", "xy", "to_xy")
"""What can be changed in the viewer, in the form in which it travels there: rounded. All else is the model's."""


def read_anew(shown: Sequence[Item], before: Sequence[Item], after: Sequence[Item]) -> tuple[tuple[Item, ...], int]:
    """`shown` with what was left alone replaced by its new reading, and how many of the model's results were not.

    `before` and `after` are two readings of one answer, `shown` is the first with a person's corrections: what was
    changed, removed or drawn by hand stays so.
    """
    new = dict(_with_keys(after))
    alone: dict[Any, list[Any]] = defaultdict(list)
    for key, item in _with_keys(before):
        alone[_look(item)].append(key)
    kept: list[Item] = []
    for item in shown:
        keys = alone.get(_look(item))
        place = keys.pop(0) if keys else None
        if place is None:
            kept.append(item)
        elif place in new:
            kept.append(new.pop(place))
    known = {key for key, _ in _with_keys(before)}
    kept += [item for key, item in new.items() if key not in known]
    return tuple(kept), sum(map(len, alone.values()))


def _with_keys(items: Sequence[Item]) -> Iterator[tuple[Any, Item]]:
    """Each with its words and, as several may share them, its number among those."""
    count: Counter[Any] = Counter()
    for item in items:
        count[item.span] += 1
        yield (item.span, count[item.span]), item


def _look(item: Region | Action) -> Any:
    wire = to_wire(item, 0, None)
    return item.span, str([wire.get(name) for name in _BY_HAND])
