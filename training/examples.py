"""`python -m training.examples`: draw the example pictures of the page, and list them with a question each."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from training import dialogues
from training.dialogues import View
from training.scenes import Scene, draw, random_scene
from training.tower import grid_of

FOLDER = Path(__file__).resolve().parent.parent / "ui_assets" / "examples"
# Seed, size and question of each; the seeds were picked for their looks and are no training seeds.
EXAMPLES = (
    (9_000_018, (640, 480), "How many shapes are there?"),
    (9_000_013, (512, 512), "Locate every shape."),
    (9_000_001, (512, 512), "Where is the black diamond?"),
    (9_000_035, (480, 640), "What color is the triangle?"),
)


def picture_name(number: int) -> str:
    return f"shapes-{number}.png"


def scene_of(number: int) -> Scene:
    """The scene of example `number`, counted from 1."""
    seed, size_wh, _ = EXAMPLES[number - 1]
    return random_scene(np.random.default_rng(seed), size_wh)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (_, size_wh, question) in enumerate(EXAMPLES, 1):
        scene = scene_of(number)
        cv2.imwrite(str(FOLDER / picture_name(number)), draw(scene)[:, :, ::-1])
        alt = dialogues.describe(View.of(scene, grid_of(size_wh)), np.random.default_rng(0))[0].answer
        rows.append({"file": picture_name(number), "question": question, "alt": alt})
    (FOLDER / "examples.json").write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
