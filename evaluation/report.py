"""What a run comes to: figures as a table for a person and as one JSON line for a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.results import Result, Results
from evaluation.tasks.base import Figures, Judged, Sample, Task

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Report:
    """The figures over `samples` of `total` samples; `failed` had no answer, `cut_off` reached the longest length."""

    task: str
    model: str
    data: str
    main: str
    figures: Figures
    samples: int
    total: int
    failed: int
    cut_off: int

    def table(self) -> str:
        """The figures as a Markdown table, the one that stands for the task first."""
        lines = [f"| {self.task} | {self.model} |", "|---|---|"]
        lines += [f"| {name} | {_shown(value)} |" for name, value in self.figures.items()]
        lines.append(f"| samples | {self.samples:,} of {self.total:,} |")
        lines += [f"| {name} | {count:,} |" for name, count in self._counts() if count]
        return "\n".join(lines)

    def json_line(self) -> str:
        figures = {name: value if value is None else round(value, _DIGITS) for name, value in self.figures.items()}
        return json.dumps(
            {
                "benchmark": self.task,
                "model": self.model,
                "data": self.data,
                "main": self.main,
                "value": figures.get(self.main),
                "figures": figures,
                "samples": self.samples,
                "total": self.total,
                "failed": self.failed,
                "cut_off": self.cut_off,
            },
            ensure_ascii=False,
        )

    def _counts(self) -> Sequence[tuple[str, int]]:
        return ("failed, counted as empty answers", self.failed), ("cut off at the longest length", self.cut_off)


def report(task: Task[Any, Any], model: str, data: str, samples: Sequence[Sample[Any]], results: Results) -> Report:
    """Of the samples that have a result by now."""
    pairs = [(sample, results.by_number[sample.number]) for sample in samples if sample.number in results.by_number]
    judged = [Judged(sample, result.found, result.scores) for sample, result in pairs]
    figures = task.figures(judged)
    return Report(
        task=task.name,
        model=model,
        data=data,
        main=task.main,
        figures={name: figures[name] for name in sorted(figures, key=lambda name: name != task.main)},
        samples=len(pairs),
        total=len(samples),
        failed=sum(bool(result.error) for _, result in pairs),
        cut_off=sum(result.finish_reason == "length" for _, result in pairs),
    )


def failures(samples: Sequence[Sample[Any]], results: Results) -> list[str]:
    """What failed, as sentences that name the medium."""
    found: list[tuple[Sample[Any], Result | None]] = [(one, results.by_number.get(one.number)) for one in samples]
    return [f"{sample.media[0].name}: {result.error}" for sample, result in found if result and result.error]


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.{_DIGITS}f}"
