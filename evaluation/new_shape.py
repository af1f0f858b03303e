"""`python -m evaluation.new_shape`: teach the pocket model a shape it has never seen, and measure what that costs.

Draws scenes with hearts, writes them as a JSONL file with pictures, fine-tunes an adapter on it with
`training.finetune`, and asks the model with and without the adapter about scenes that neither training nor fine-tuning
has drawn. The pocket model's own domain stays as it is: hearts are known here only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from training import dialogues, pairs
from training.dialogues import Turn, View
from training.scenes import Scene, draw, random_scene, shape_of
from training.tower import grid_of

if TYPE_CHECKING:
    from training.finetune import Options

HEART = "heart"
TRAIN_SEED, HELD_OUT_SEED, TEST_SEED = 8_000_000, 8_000_001, 8_000_002
WITH_HEARTS = 0.6
"""Share of the conversations that have a heart in their picture; the others keep what the model knows alive."""
TWO_PICTURES = 0.5
"""Share of the conversations without hearts that compare two pictures."""
MOST_TURNS = 3
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


def has_heart(scene: Scene) -> bool:
    return any(shape.kind == HEART for shape in scene.shapes)


def scene_of(seed: int, index: int, share: float = WITH_HEARTS) -> tuple[Scene, np.random.Generator]:
    rng = np.random.default_rng((seed, index))
    scene = random_scene(rng)
    return (with_hearts(scene, rng) if rng.random() < share else scene), rng


def turns_about(views: Sequence[View], rng: np.random.Generator) -> list[Turn]:
    """A conversation about one picture or two, from which every ability can be learnt or kept."""
    if len(views) == 2:
        last = pairs.difference(views, rng) or pairs.compare(views, rng)
        return [*pairs.compare(views, rng)[:1], *pairs.compare(views, rng)[:1], *last[:1]]
    view = views[0]
    turns: list[Turn] = []
    if has_heart(view.scene):
        turns += dialogues.detect(view, rng)[:1] + dialogues.find(view, rng)[:1]
    while len(turns) < MOST_TURNS:
        turns += dialogues.about_one(view, rng)
    return turns[:MOST_TURNS]


def write_data(folder: Path, name: str, seed: int, count: int) -> Path:
    """Draw `count` pictures and write a conversation about each, in the families' format; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for index in range(count):
            scene, rng = scene_of(seed, index)
            scenes = [scene] if has_heart(scene) or rng.random() > TWO_PICTURES else [scene, random_scene(rng)]
            pictures = [folder / f"{name}-{index:04}-{number}.png" for number in range(len(scenes))]
            for picture, drawn in zip(pictures, scenes, strict=True):
                cv2.imwrite(str(picture), draw(drawn)[:, :, ::-1])
            turns = turns_about([View.of(drawn, grid_of(drawn.size_wh)) for drawn in scenes], rng)
            said = [
                {"from": who, "value": text}
                for turn in turns
                for who, text in (("human", turn.question), ("gpt", turn.answer))
            ]
            said[0]["value"] = "<image>\n" * len(pictures) + said[0]["value"]
            file.write(json.dumps({"images": [each.name for each in pictures], "conversations": said}) + "\n")
    return path


def hearts_found(engine: Engine, index: int) -> Iterator[Score]:
    """Ask for every object of a scene, and for its hearts alone; only hearts count."""
    scene, _ = scene_of(TEST_SEED, index, share=1.0)
    picture = abilities.picture_of(scene)
    hearts = [shape for shape in scene.shapes if shape.kind == HEART]
    for task, query in _ASKED:
        _, answer = abilities.ask(engine, [abilities.user(task_prompt("Qwen3-VL", task, query), picture)])
        boxes = [box for box in answer.boxes if box.label.endswith(HEART)]
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
        rate=2e-3,
        epochs=epochs,
        batch=batch,
        accumulate=accumulate,
        eval_every=50,
        save_every=25,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/new-shape"), help="default: %(default)s")
    parser.add_argument("--conversations", type=int, default=800, help="to learn from (default: %(default)s)")
    parser.add_argument("--epochs", type=float, default=1.0, help="default: %(default)s")
    parser.add_argument("--scenes", type=int, default=40, help="with hearts to ask about (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=60, help="of the old abilities (default: %(default)s)")
    arguments = parser.parse_args()
    from training.finetune import finetune

    options = options_of(arguments.folder, arguments.conversations, batch=8, accumulate=1, epochs=arguments.epochs)
    adapter = str(finetune(options))
    before, after = (measure(each, arguments.scenes, arguments.samples) for each in ("", adapter))
    print(f"\n{table(before, after)}\n")
    print(json.dumps({"benchmark": "new_shape", "samples": arguments.samples, **result(before, after)}))


if __name__ == "__main__":
    main()
