"""One measurement of an ability."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """One measurement: `value` between 0 and 1, under `name`."""

    name: str
    value: float
