"""`python app.py` as a person starts it: in a process of its own, without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Program:
    """A running program and what it said at the terminal so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []

    def read_until(self, words: str) -> str:
        """Read the terminal up to a line with these words; returns that line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if words in line:
                return line
        raise AssertionError(f"the program ended without saying {words!r}, but: {''.join(self.said)}")

    def url(self) -> str:
        """Wait for the page; returns its address."""
        found = re.search(r"http://\S+:\d+", self.read_until("Qwen-VL Studio: "))
        assert found is not None
        return found.group()


@contextmanager
def program(*arguments: str, data_dir: Path) -> Iterator[Program]:
    """Start `python app.py` with these arguments; it is ended when the block is."""
    process = subprocess.Popen(
        [sys.executable, "app.py", "--data-dir", str(data_dir), *arguments],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Program(process)
    finally:
        process.terminate()
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
