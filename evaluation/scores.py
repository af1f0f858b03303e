"""One measurement of an ability."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Score:
    """One measurement: `value`, of a share between 0 and 1, under `name`; it counts `weight` times in a mean."""

    name: str
    value: float
    weight: float = 1.0
