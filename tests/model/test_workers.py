"""Work in processes of its own: results and errors come back, and what hangs, dies or swells is lost alone."""

from __future__ import annotations

import operator
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from model.workers import MEMORY_LIMIT_BYTES, WorkCancelled, WorkerLost, Workers

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    workers = Workers(1)
    yield workers
    workers.close()


def test_results_and_errors_come_back(workers: Workers) -> None:
    assert workers.run(operator.mul, 6, 7, limit_s=60) == 42
    assert workers.run(os.getpid, limit_s=60) != os.getpid()
    with pytest.raises(ZeroDivisionError):
        workers.run(operator.truediv, 1, 0, limit_s=60)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        pytest.param(time.sleep, (600,), id="hangs"),
        pytest.param(os.abort, (), id="dies"),
        pytest.param(
            bytearray,
            (MEMORY_LIMIT_BYTES,),
            id="swells",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux refuses the memory"),
        ),
    ],
)
def test_what_goes_wrong_is_lost_alone(
    workers: Workers, function: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    with pytest.raises(WorkerLost):
        workers.run(function, *arguments, limit_s=2)
    assert workers.run(operator.mul, 6, 7, limit_s=60) == 42


@pytest.mark.parametrize("wait_s", [0.0, 1.0], ids=["at once", "later"])
def test_a_process_that_dies_while_it_waits_for_work_is_replaced(workers: Workers, wait_s: float) -> None:
    psutil.Process(workers.run(os.getpid, limit_s=60)).kill()
    time.sleep(wait_s)
    assert workers.run(operator.mul, 6, 7, limit_s=60) == 42


def test_work_at_which_every_process_dies_before_it_begins_is_lost_alone(workers: Workers) -> None:
    with pytest.raises(WorkerLost):
        workers.run(Deadly(), limit_s=60)
    assert workers.run(operator.mul, 6, 7, limit_s=60) == 42


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (1,)

    def __call__(self) -> None:
        raise AssertionError("nobody gets as far as this")


def test_what_nobody_waits_for_any_more_is_ended(workers: Workers) -> None:
    cancel = threading.Event()
    assert workers.run(operator.mul, 6, 7, limit_s=60, cancel=cancel) == 42
    threading.Timer(0.3, cancel.set).start()
    with pytest.raises(WorkCancelled):
        workers.run(time.sleep, 600, limit_s=600, cancel=cancel)
    assert workers.run(operator.mul, 6, 7, limit_s=60) == 42


def test_a_program_that_ends_takes_its_processes_along_in_silence() -> None:
    program = """
import time
from model.workers import WorkerLost, Workers
if __name__ == "__main__":
    try:
        Workers(2).run(time.sleep, 600, limit_s=1)
    except WorkerLost:
        print("lost")
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "lost\n", "")


def test_a_program_that_is_killed_leaves_no_processes_behind() -> None:
    program = """
import os, time
from model.workers import Workers
if __name__ == "__main__":
    print(Workers(2).run(os.getpid, limit_s=60), flush=True)
    time.sleep(600)
"""
    running = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    with running.stdout as said:
        worker = psutil.Process(int(said.readline()))
        running.kill()
        running.wait()
    assert psutil.wait_procs([worker], timeout=30) == ([worker], [])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux refuses the memory")
def test_what_a_program_imports_does_not_count_against_the_memory_of_the_work(tmp_path: Path) -> None:
    """The processes import the main module of the program, too; this one takes more address space than is allowed."""
    program = tmp_path / "greedy.py"
    program.write_text(
        "import mmap\n"
        "from model.workers import MEMORY_LIMIT_BYTES, Workers\n"
        "taken = mmap.mmap(-1, MEMORY_LIMIT_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
        "if __name__ == '__main__':\n"
        "    print(len(Workers().run(bytes, 2**28, limit_s=60)))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.returncode) == (f"{2**28}\n", 0), done.stderr


def test_what_is_cancelled_already_does_not_begin() -> None:
    """However quick the work is: it would be done before anybody looked."""
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(WorkCancelled):
        Workers().run(operator.add, 1, 2, limit_s=60, cancel=cancel)
