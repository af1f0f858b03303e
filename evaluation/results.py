"""The file of results: JSON lines, one for each sample, behind one that says what the run is.

Knows how a run goes on where it was broken off, and when it must not. Does not know what is asked or scored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from evaluation.data_files import DataError
from model.types import FinishReason

_OTHER_FILE = "Name another file with --out, or start anew with --restart."

_HEAD = b'{"run": '

Run = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one sample. `found` is what was read from the answer, `error` a sentence where none came."""

    number: int
    id: str
    answer: str
    found: Any
    scores: Mapping[str, float]
    finish_reason: FinishReason | None
    prompt_tokens: int
    generated_tokens: int
    seconds: float
    error: str = ""


class Results:
    """A file of results that is open for more; a context manager. `by_number` has the latest of each sample.

    A line that was cut when the run was broken off is dropped. Raises `DataError` for a file that holds the results of
    another run, or that cannot be used.
    """

    def __init__(self, path: Path, run: Run, *, restart: bool = False) -> None:
        self.path = path
        self.by_number: dict[int, Result] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and not restart:
                self._go_on(run)
            self._file = path.open("w" if restart else "a", encoding="utf-8", newline="\n")
            if self._file.tell() == 0:
                self._write({"run": dict(run)})
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path.name}: the results cannot be written there. Choose another file with --out."
            ) from error

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, result: Result) -> None:
        self.by_number[result.number] = result
        self._write(asdict(result))

    def is_done(self, number: int) -> bool:
        """Whether there is an answer; what failed is tried again."""
        return number in self.by_number and not self.by_number[number].error

    def _write(self, value: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(value, ensure_ascii=False) + "\n")
        self._file.flush()

    def _go_on(self, run: Run) -> None:
        """Take over the lines that are there; only a file that proves to be of this run is changed."""
        data = self.path.read_bytes()
        whole, _, cut = data.rpartition(b"\n")
        if not whole and not cut.startswith(_HEAD[: len(cut)]):
            raise self._not_ours(1)
        for number, line in enumerate(whole.decode("utf-8").split("\n") if whole else (), 1):
            try:
                self._take(json.loads(line), run, is_first=number == 1)
            except (ValueError, KeyError, TypeError) as error:
                raise self._not_ours(number) from error
        if cut:
            with self.path.open("r+b") as file:
                file.truncate(len(data) - len(cut))

    def _not_ours(self, line: int) -> DataError:
        return DataError(f"{self.path.name}, line {line}: this is not a line of results. {_OTHER_FILE}")

    def _take(self, value: Mapping[str, Any], run: Run, *, is_first: bool) -> None:
        if is_first:
            _check_same(self.path.name, value["run"], run)
        else:
            result = Result(**value)
            self.by_number[result.number] = result


def _check_same(name: str, before: Run, now: Run) -> None:
    """`DataError` unless both runs ask the same of the same."""
    different: Sequence[str] = [key for key in now if before.get(key) != now[key]]
    if different:
        what = ", ".join(key.replace("_", " ") for key in different)
        raise DataError(f"{name}: these are the results of another run, with a different {what}. {_OTHER_FILE}")
