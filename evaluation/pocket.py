"""`python -m evaluation.pocket`: what the pocket model can do, on scenes and clips whose seeds training never uses.

`evaluation.abilities` asks, and `evaluation.reading` about pages, screens and charts if they are wanted. Prints a table
beside the targets and one JSON line; exits with 0 whatever the figures are.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from evaluation.scores import Score
from training.typesetting import missing_packages

ROOT = Path(__file__).resolve().parents[1]
FIGURES = Path("model/pocket/evaluation.json")
QUOTED_IN = (Path("README.md"), Path("model/pocket/MODEL_CARD.md"))
MARKS = ("<!-- figures -->", "<!-- /figures -->")
TARGETS = {
    "detection recall": 0.90,
    "detection precision": 0.90,
    "median IoU": 0.80,
    "count": 0.92,
    "color": 0.95,
    "kind": 0.95,
    "where": 0.95,
    "compare": 0.85,
    "find recall": 0.90,
    "find precision": 0.90,
    "points recall": 0.90,
    "points precision": 0.90,
    "third turn": 0.85,
    "off_topic": 0.95,
    "video events": 0.80,
    "video moments": 0.85,
    "line CER": 0.03,
    "page CER": 0.06,
    "line boxes recall": 0.90,
    "blocks recall": 0.90,
    "tables TEDS": 0.85,
    "fields": 0.90,
    "screen clicks": 0.90,
    "bar values": 0.85,
}
_AT_MOST = ("line CER", "page CER")
"""Errors, of which fewer are better."""
_NO_TARGET = (
    *("describe", "colors", "relation", "yes_no", "follow_up", "in_box"),
    *("one_of_two", "difference", "no_shapes", "other_words", "video precision"),
    *("field asked", "point and slice values"),
)


def run(indices: Sequence[int], clips: int, pages: int = 0) -> list[Score]:
    """Evaluate scenes, and clips and pages for the indices below these, in this process, on one thread."""
    # Not at the top: the processes that decode videos import this module too, and have no room for torch.
    import torch

    from evaluation.abilities import SEED, clip_sample, sample
    from model.loading import POCKET_DIR, ModelSpec, load_engine
    from model.workers import close_all

    torch.set_num_threads(1)
    engine = load_engine(ModelSpec(str(POCKET_DIR)), lambda _: None, Event())
    started = time.monotonic()
    scores: list[Score] = []
    tasks = [partial(sample, engine, index) for index in indices]
    tasks += [partial(clip_sample, engine, index) for index in indices if index < clips]
    if pages:
        from evaluation import reading  # needs what only evaluation needs

        tasks += [partial(reading.sample, engine, (SEED + 2, index)) for index in indices if index < pages]
    for done, task in enumerate(tasks, 1):
        scores += task()
        left_s = (time.monotonic() - started) / done * (len(tasks) - done)
        print(f"\r{done} of {len(tasks)} samples, about {left_s:.0f} s left ", end="", file=sys.stderr, flush=True)
    engine.close()
    close_all()  # a process that another one started does not end them by itself
    return scores


def summary(scores: Sequence[Score]) -> dict[str, dict[str, Any]]:
    """Mean (for IoU the median), number and standard error of each measurement."""
    by_name: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        by_name[score.name].append(score)
    rows = {}
    for name in (*TARGETS, *_NO_TARGET):
        values = np.array([score.value for score in by_name[name]])
        weights = np.array([score.weight for score in by_name[name]])
        if len(values):
            mean = np.average(values, weights=weights)
            middle = float(np.median(values) if name == "median IoU" else mean)
            spread = float(math.sqrt(((weights * (values - mean)) ** 2).sum()) / weights.sum())
            rows[name] = {
                "value": round(middle, 3),
                "n": len(values),
                "se": round(spread, 3),
                "target": TARGETS.get(name),
            }
    return rows


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The summary as a Markdown table."""
    lines = ["| ability | reached | target | measured on |", "|---|---|---|---|"]
    for name, row in rows.items():
        target = "" if row["target"] is None else f"{'≤ ' if name in _AT_MOST else ''}{row['target']:.2f}"
        lines.append(f"| {name.replace('_', ' ')} | {row['value']:.3f} | {target} | {row['n']:,} |")
    return "\n".join(lines)


def write(rows: dict[str, dict[str, Any]], root: Path = ROOT) -> None:
    """Put the table between the marks in the documents that quote it, and the figures beside the model."""
    (root / FIGURES).write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    for name in QUOTED_IN:
        before, rest = (root / name).read_text("utf-8").split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        (root / name).write_text(f"{before}{MARKS[0]}\n{table(rows)}\n{MARKS[1]}{after}", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the pocket model on fresh scenes.")
    parser.add_argument("--samples", type=int, default=1000, help="number of scenes (default: %(default)s)")
    parser.add_argument("--clips", type=int, default=250, help="number of clips, at most that (default: %(default)s)")
    parser.add_argument("--pages", type=int, default=0, help="number of pages, at most that (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--write", action="store_true", help="write the figures into the README and the model card")
    arguments = parser.parse_args()
    if arguments.pages and (missing := missing_packages()):
        parser.error(f"pages are set in fonts that are not on this machine: {', '.join(missing)}")
    parts = [range(start, arguments.samples, arguments.jobs) for start in range(arguments.jobs)]
    # Not `Pool`, whose processes may not have the processes that decode videos.
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn")) as pool:
        found = pool.map(run, parts, [arguments.clips] * len(parts), [arguments.pages] * len(parts))
        rows = summary([score for part in found for score in part])
    print(f"\n{table(rows)}\n")
    print(json.dumps({"benchmark": "pocket", "samples": arguments.samples, "rows": rows}))
    if arguments.write:
        write(rows)


if __name__ == "__main__":
    main()
