"""`python -m training.pocket --stage tower|language|joint`: make the pocket model."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from training import loop, network, tower
from training.checkpoint import load_tokenizer, new_model

RUNS = Path("runs/pocket")


def train_tower(steps: int, run_dir: Path) -> None:
    torch.manual_seed(0)
    visual = new_model(load_tokenizer()).model.visual.bfloat16()
    heads = tower.DenseHeads(visual.config.hidden_size).bfloat16()
    loop.train(
        "tower",
        tower.parameters(visual, heads),
        lambda rng: tower.tower_loss(visual, heads, tower.random_pictures(rng, 32)),
        loop.Schedule(steps),
        run_dir,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=["tower", "language", "joint"], required=True)
    parser.add_argument("--steps", type=int, required=True)
    arguments = parser.parse_args()
    train_tower(arguments.steps, RUNS)


if __name__ == "__main__":
    main()
