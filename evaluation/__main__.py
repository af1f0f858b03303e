"""`python -m evaluation run --task T --data FILE --model M`: a standard benchmark on the user's own copy of its files.

Knows the command line. The answers stream into a file of JSON lines, so that the same command goes on with a run that
was broken off; the end is a table and one JSON line. The status is 0 when all samples were answered, 1 when some were
not, 2 when something cannot be used, 130 after Ctrl+C.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import signal
import sys
import textwrap
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any, get_args

from evaluation.data_files import DataError
from evaluation.report import failures, report
from evaluation.results import Results, Run
from evaluation.runner import PLACE_OF_WORDS, Asking, run
from evaluation.tasks import TASKS
from evaluation.tasks.base import Sample, Source, Task
from model.catalog import FAMILIES, POCKET_NAME
from model.engines.base import Engine
from model.errors import ModelError, StudioError
from model.files import POCKET_DIR
from model.loading import ModelSpec, Quantization, load_engine

FAILED, NOT_USABLE, STOPPED = 1, 2, 128 + signal.SIGINT
_SHOWN_FAILURES = 10
_IN_FLIGHT_AT_SERVER = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except ModelError as error:
        print(error, file=sys.stderr)
        return FAILED
    except StudioError as error:
        print(error, file=sys.stderr)
        return NOT_USABLE
    except KeyboardInterrupt:  # before the first question
        return STOPPED


def _run(options: argparse.Namespace) -> int:
    _check_server(options)
    task = TASKS[options.task]
    source = Source(options.data, options.media or options.data.parent, options.annotations)
    samples = list(islice(task.read(source), options.limit))
    if options.prompt and PLACE_OF_WORDS not in options.prompt and len({sample.words for sample in samples}) > 1:
        raise DataError(f"--prompt: the words of the question are missing; write {PLACE_OF_WORDS} where they go.")
    out = options.out or _default_out(options)
    with Results(out, _described(options), restart=options.restart) as results:
        ended = _ask_what_is_left(options, task, samples, results)
        failed = failures(samples, results)
        for sentence in failed[:_SHOWN_FAILURES]:
            print(f"  {sentence}", file=sys.stderr)
        print(f"Answers: {out}", file=sys.stderr)
        whole = report(task, _name(options), options.data.name, samples, results)
    print(f"{whole.table()}\n\n{whole.json_line()}")
    return STOPPED if not ended else FAILED if failed else 0


def _check_server(options: argparse.Namespace) -> None:
    """`DataError` for options that say how a model is loaded, where a server has loaded it."""
    if options.base_url and _spec(options) != ModelSpec(options.model):
        raise DataError(
            "--base-url: the server has loaded its model already; leave out --adapter, --quantization, --device and "
            "--dtype."
        )
    if options.family and not options.base_url:
        raise DataError("--family: this is for the model of a server; a model that is loaded here tells it itself.")


def _ask_what_is_left(
    options: argparse.Namespace, task: Task[Any, Any], samples: Sequence[Sample[Any]], results: Results
) -> bool:
    """Whether all are asked now; no model is loaded where nothing is left."""
    if all(results.is_done(sample.number) for sample in samples):
        return True
    asking = Asking(options.prompt, options.preset, options.max_new_tokens)
    in_flight = options.in_flight or (_IN_FLIGHT_AT_SERVER if options.base_url else 1)
    engine = _engine(options)
    try:
        return run(engine, task, samples, asking, results, in_flight=in_flight)
    finally:
        engine.close()


def _engine(options: argparse.Namespace) -> Engine:
    """The model in this process, or on the server that is named."""
    if options.base_url:
        from model.engines.remote import connect  # late, because it brings torch along

        print(f"Asking the server for the model: {_name(options)}", file=sys.stderr)
        return connect(options.base_url, options.model, options.family)
    print(f"Loading the model: {_name(options)}", file=sys.stderr)
    return load_engine(_spec(options), lambda _: None, Event())


def _spec(options: argparse.Namespace) -> ModelSpec:
    return ModelSpec(options.model, options.quantization, options.device, options.dtype, options.adapter)


def _described(options: argparse.Namespace) -> Run:
    """What makes this run another than one before: answers of different runs must not mix.

    A server's address is not part of it: the same model can be served elsewhere tomorrow.
    """
    return {
        "task": options.task,
        "data": _digest(options.data),
        "annotations": _digest(options.annotations) if options.annotations else None,
        "model": options.model,
        "server": "yes" if options.base_url else None,
        "family": options.family or None,
        "weights": None if options.base_url else _weights(_folder(options.model)),
        "adapter": options.adapter,
        "adapter_weights": _weights(Path(options.adapter)) if options.adapter else None,
        "quantization": options.quantization,
        "dtype": options.dtype,
        "prompt": options.prompt,
        "preset": options.preset,
        "max_new_tokens": options.max_new_tokens,
    }


def _folder(model: str) -> Path:
    return POCKET_DIR if model == POCKET_NAME else Path(model)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _weights(folder: Path) -> str | None:
    """A mark of a folder's weights, by sizes and times of files: it may get others. None for what is no folder."""
    folder = folder.expanduser()
    if not folder.is_dir():
        return None
    files = ((path.name, path.stat()) for path in sorted(folder.glob("*.safetensors")))
    marks = [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in files]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()


def _default_out(options: argparse.Namespace) -> Path:
    parts = (options.task, options.data.stem, _name(options).rpartition("/")[2])
    name = "-".join(re.sub(r"[^\w.+-]+", "_", part) for part in parts)
    return Path("results") / f"{name}.jsonl"


def _name(options: argparse.Namespace) -> str:
    """ "pocket", a hub id, a server's name, or the last part of a folder's path; with the adapter's behind it."""
    folder = Path(options.model).expanduser()
    name = folder.resolve().name if folder.is_dir() and not options.base_url else options.model
    return f"{name}+{Path(options.adapter).expanduser().resolve().name}" if options.adapter else name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m evaluation", description="Standard benchmarks on your own files.")
    commands = parser.add_subparsers(required=True, metavar="run")
    command = commands.add_parser(
        "run",
        help="ask a model about every sample of a file and score the answers",
        description="Ask a model about every sample of a file and score the answers. A run that was broken off goes on "
        "with the same command. Ends with a table and one JSON line.",
        epilog=_tasks_in_words(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("--task", required=True, choices=TASKS, metavar="TASK", help=f"one of {', '.join(TASKS)}; see below")
    add("--data", required=True, type=Path, metavar="FILE", help="the benchmark's file, in a form named below")
    add("--model", default=POCKET_NAME, help="pocket, a hub id or a folder (default: %(default)s), or a server's name")
    add("--base-url", default="", metavar="URL", help="ask a server with OpenAI's API for the model, as vLLM's is")
    add("--family", default="", choices=FAMILIES, help="of the server's model, where its name does not tell")
    add("--media", type=Path, metavar="DIR", help="where pictures and videos lie (default: beside the data file)")
    add("--annotations", type=Path, metavar="FILE", help="the answers, for the task vqa, whose answers are apart")
    add("--out", type=Path, metavar="FILE", help="where answers are kept (default: a name of its own in results/)")
    add("--restart", action="store_true", help="forget the answers that are there")
    add("--limit", type=_count, metavar="N", help="only the first N samples; more can follow later")
    add("--prompt", default="", help=f"what to ask instead of the task's wording; {PLACE_OF_WORDS} is what is asked")
    add("--preset", default="", help="Quality, Speed or Low memory: how large media are (default: Quality)")
    add("--max-new-tokens", type=_count, metavar="N", help="the longest answer (default: what suits task and preset)")
    add(
        "--in-flight",
        type=_count,
        metavar="N",
        help=f"requests at a time (default: 1, {_IN_FLIGHT_AT_SERVER} at a server)",
    )
    add("--adapter", default="", metavar="DIR", help="a LoRA adapter, as python -m training.finetune writes it")
    add("--quantization", default="none", choices=get_args(Quantization), help="fewer bits (default: %(default)s)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: %(default)s)")
    add("--dtype", default="auto", help="auto, bfloat16, float16, float32 (default: %(default)s)")
    return parser


def _tasks_in_words() -> str:
    """Each task with what it measures and which files it takes."""
    words = ["tasks, what they measure, and the files that they take:"]
    for task in TASKS.values():
        words.append(f"\n  {task.name}: {task.measures}")
        words += textwrap.wrap(task.accepts, 110, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(words)


def _count(text: str) -> int:
    count = int(text) if text.isascii() and text.isdigit() else 0
    if count < 1:
        raise argparse.ArgumentTypeError("this has to be a whole number of at least 1")
    return count


if __name__ == "__main__":
    sys.exit(main())
