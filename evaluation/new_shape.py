"""`python -m evaluation.new_shape`: teach the pocket model a shape it has never seen, and measure what that costs.

Draws scenes with hearts, writes them as a JSONL file with pictures, fine-tunes an adapter on it with
`training.finetune`, and asks the model with and without the adapter about scenes that neither training nor fine-tuning
has drawn. The pocket model's own domain stays as it is: hearts are known here only.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation import abilities, pocket
from evaluation.scores import Score
from model.catalog import POCKET_NAME
from model.engines.base import Engine
from model.loading import ModelSpec, load_engine
from model.prompts import Task, task_prompt
from training import dialogues, language
from training.dialogues import Phrase, Turn, View
from training.scenes import Scene, draw, random_scene, shape_of
from training.tower import grid_of, sizes_of_one_grid

if TYPE_CHECKING:
    from training.finetune import Options

HEART = "heart"
TRAIN_SEED, HELD_OUT_SEED, TEST_SEED = 8_000_000, 8_000_001, 8_000_002
ABOUT_HEARTS = 0.5
"""Share of the conversations that ask for hearts; the others are those that the model learnt from, which keep what it
knows alive.
"""
WITH_HEARTS = 0.9
"""Share of the pictures in which hearts are asked for that have any."""
MOST_TURNS = 5
_ASKED_OF_HEARTS = (
    partial(dialogues.find, phrase=Phrase(None, HEART)),
    dialogues.detect,
    dialogues.find,
    dialogues.about_one,
)
_ASKED: tuple[tuple[Task, str], ...] = (("detect", ""), ("find", HEART))


def heart(rng: np.random.Generator, box_xyxy: Sequence[float]) -> NDArray[np.float64]:
    """The outline of a heart, a little turned, with its centre and its longer side those of a box."""
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    across, down = 16 * np.sin(t) ** 3, -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    turn = np.radians(rng.uniform(-12, 12))
    turned = np.stack([across, down], axis=1) @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    low, high = turned.min(axis=0), turned.max(axis=0)
    corners = np.reshape(box_xyxy, (2, 2))
    # The shorter side of the box bounds it too, so that shapes which did not touch still do not.
    side = (corners[1] - corners[0]).min()
    return np.asarray((turned - (low + high) / 2) * (side / (high - low).max()) + corners.mean(axis=0))


def with_hearts(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with some of its shapes, one at least, turned into hearts of the same colour and place."""
    chosen = rng.random(len(scene.shapes)) < 0.5
    chosen[int(rng.integers(len(scene.shapes)))] = True
    shapes = tuple(
        shape_of(HEART, shape.color, heart(rng, shape.xyxy)) if is_heart else shape
        for shape, is_heart in zip(scene.shapes, chosen, strict=True)
    )
    return replace(scene, shapes=shapes)


def scene_for_hearts(rng: np.random.Generator) -> Scene:
    scene = random_scene(rng)
    return with_hearts(scene, rng) if rng.random() < WITH_HEARTS else scene


def about_hearts(rng: np.random.Generator) -> tuple[list[Scene], list[Turn]]:
    """A picture and a conversation in which hearts alone are asked for, everything, and what else there is."""
    scene = scene_for_hearts(rng)
    view = View.of(scene, grid_of(scene.size_wh))
    order = rng.permutation(len(_ASKED_OF_HEARTS))
    turns = [turn for place in order for turn in dialogues.mixed(_ASKED_OF_HEARTS[place](view, rng), rng)]
    return [scene], [replace(turns[0], pictures=1), *turns[1:]]


def conversation(seed: int, index: int) -> tuple[list[Scene], list[Turn]]:
    """The pictures of a conversation, none, one or two, and its turns."""
    rng = np.random.default_rng((seed, index))
    turns: list[Turn] = []
    while not turns:
        if rng.random() < ABOUT_HEARTS:
            scenes, drawn = about_hearts(rng)
        else:
            grid_hw, sizes = sizes_of_one_grid(rng, 2)
            scenes, drawn = language.random_talk(rng, sizes, grid_hw)
        # A file cannot say that an answer is not to be learnt.
        turns = list(takewhile(lambda turn: turn.learnt, drawn))[:MOST_TURNS]
    return scenes[: sum(turn.pictures for turn in turns)], turns


def write_data(folder: Path, name: str, seed: int, count: int) -> Path:
    """Write `count` conversations and draw their pictures, in the families' format; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for index in range(count):
            scenes, turns = conversation(seed, index)
            pictures = [folder / f"{name}-{index:04}-{number}.png" for number in range(len(scenes))]
            for picture, drawn in zip(pictures, scenes, strict=True):
                cv2.imwrite(str(picture), draw(drawn)[:, :, ::-1])
            said = [
                {"from": who, "value": text}
                for turn in turns
                for who, text in (("human", "<image>\n" * turn.pictures + turn.question), ("gpt", turn.answer))
            ]
            file.write(json.dumps({"images": [each.name for each in pictures], "conversations": said}) + "\n")
    return path


def hearts_found(engine: Engine, index: int) -> Iterator[Score]:
    """Ask for every object of a scene, of which only hearts count, and for its hearts alone."""
    scene = scene_for_hearts(np.random.default_rng((TEST_SEED, index)))
    picture = abilities.picture_of(scene)
    hearts = [shape for shape in scene.shapes if shape.kind == HEART]
    for task, query in _ASKED:
        _, answer = abilities.ask(engine, [abilities.user(task_prompt("Qwen3-VL", task, query), picture)])
        boxes = [box for box in answer.boxes if query or box.label.endswith(HEART)]
        found = len(abilities.match(boxes, hearts))
        yield from (Score(f"{task} recall", float(n < found)) for n in range(len(hearts)))
        yield from (Score(f"{task} precision", float(n < found)) for n in range(len(boxes)))


def measure(adapter: str, hearts: int, samples: int) -> dict[str, dict[str, float]]:
    """Mean of every measurement: hearts in `hearts` scenes, old abilities on `samples` samples of the evaluation."""
    engine = load_engine(ModelSpec(POCKET_NAME, adapter=adapter), lambda _: None, Event())
    new = [score for index in range(hearts) for score in hearts_found(engine, index)]
    old: list[Score] = []
    for index in range(samples):
        old += abilities.sample(engine, index)
        print(f"\r{index + 1} of {samples} samples of the old abilities ", end="", file=sys.stderr, flush=True)
    engine.close()
    return {"hearts": means(new), "old": {name: row["value"] for name, row in pocket.summary(old).items()}}


def means(scores: Sequence[Score]) -> dict[str, float]:
    names = dict.fromkeys(score.name for score in scores)
    return {name: float(np.mean([score.value for score in scores if score.name == name])) for name in names}


def table(before: dict[str, dict[str, float]], after: dict[str, dict[str, float]]) -> str:
    """Both measurements side by side as Markdown."""
    lines = ["| ability | pocket | with the adapter |", "|---|---|---|"]
    for group, names in after.items():
        for name, value in names.items():
            earlier = before[group].get(name)
            label = f"{HEART}s, {name}" if group == "hearts" else name.replace("_", " ")
            lines.append(f"| {label} | {'' if earlier is None else f'{earlier:.3f}'} | {value:.3f} |")
    return "\n".join(lines)


def result(before: dict[str, dict[str, float]], after: dict[str, dict[str, float]]) -> dict[str, Any]:
    """What was reached: recall of hearts, and how much of the abilities that have a target was lost, on average."""
    known = [name for name in pocket.TARGETS if name in before["old"]]
    lost = {name: round(before["old"][name] - after["old"][name], 3) for name in known}
    return {
        "recall": {name: round(value, 3) for name, value in after["hearts"].items()},
        "lost": lost,
        "mean_lost": round(float(np.mean(list(lost.values()))), 4) if lost else None,
    }


def options_of(folder: Path, conversations: int, *, batch: int, accumulate: int, epochs: float) -> Options:
    """The data, drawn anew, and how the adapter is trained on it."""
    from training.finetune import Options  # late: the processes that decode clips import this module too, and are small

    return Options(
        data=write_data(folder / "data", "train", TRAIN_SEED, conversations),
        eval_data=write_data(folder / "data", "held-out", HELD_OUT_SEED, 16),
        out=folder / HEART,
        tune=("vision", "merger", "language"),
        rank=16,
        rate=1e-3,
        epochs=epochs,
        batch=batch,
        accumulate=accumulate,
        eval_every=50,
        save_every=25,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/new-shape"), help="default: %(default)s")
    parser.add_argument("--conversations", type=int, default=1600, help="to learn from (default: %(default)s)")
    parser.add_argument("--epochs", type=float, default=1.0, help="default: %(default)s")
    parser.add_argument("--scenes", type=int, default=60, help="to ask about, most with hearts (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=100, help="of the old abilities (default: %(default)s)")
    arguments = parser.parse_args()
    started_s = time.monotonic()
    from training.finetune import finetune

    options = options_of(arguments.folder, arguments.conversations, batch=8, accumulate=1, epochs=arguments.epochs)
    adapter = str(finetune(options))
    before, after = (measure(each, arguments.scenes, arguments.samples) for each in ("", adapter))
    print(f"\n{table(before, after)}\n")
    told = {"benchmark": "new_shape", "samples": arguments.samples, **result(before, after)}
    print(json.dumps({**told, "minutes": round((time.monotonic() - started_s) / 60, 1)}))


if __name__ == "__main__":
    main()
