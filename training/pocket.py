"""`python -m training.pocket`: make the pocket model, stage by stage.

Stage `tower` teaches the vision tower on drawn pictures, stage `language` the language model on records of pictures;
the two do not need each other and can run side by side. Stage `joint` puts them together and trains both, and
`export` writes model/pocket. Every stage continues from its checkpoint in --run-dir when it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from training import curves, joint, language, loop, network, tower
from training.checkpoint import POCKET, load_tokenizer, new_model, save_model
from training.packing import Packer
from training.tokenizer import write_processor_files

STAGES = ("tower", "language", "joint")
STEPS = {"tower": 3000, "language": 1500, "joint": 4500}
# The tower comes to the joint stage sharper than it would stay at the language model's rate.
SLOW = {"joint": ("model.model.visual.", 0.3)}
BATCH = {"tower": 32, "language": 12, "joint": 16}
CLIPS, CLIP_TOKENS = 0.45, 4000
"""Share of the joint stage's steps that are about clips, and about how many tokens these have."""
RATE = {"tower": 6e-4, "language": 2e-3, "joint": 1e-3}


class Run:
    """One invocation: where checkpoints lie, on which device, for how many steps, at which rate."""

    def __init__(self, folder: Path, device: str, steps: int | None, rate: float | None) -> None:
        self.folder, self.device, self.steps, self.rate = folder, torch.device(device), steps, rate

    def stage(self, name: str, named: dict[str, Any], loss_of: loop.Loss) -> None:
        rate = self.rate or RATE[name]
        slow = SLOW.get(name, ("", 1.0))
        schedule = loop.Schedule(
            self.steps or STEPS[name], matrix_lr=rate, other_lr=rate, slow_prefix=slow[0], slow_factor=slow[1]
        )
        loop.train(name, named, loss_of, schedule, self.folder, seed=1 + STAGES.index(name))
        curves.draw(self.folder)


def build(device: torch.device, seed: int = 0) -> tuple[Any, tower.DenseHeads, Packer]:
    """A model with random weights in bf16, its dense heads, and the packer of its tokenizer."""
    if not (POCKET / "tokenizer.json").exists():
        write_processor_files(POCKET)
    tokenizer = load_tokenizer()
    model = new_model(tokenizer, seed)
    heads = tower.DenseHeads(model.config.vision_config.hidden_size)
    return model.to(device), heads.to(device), Packer(tokenizer)


def train_tower(run: Run) -> None:
    model, heads, _ = build(run.device)
    visual = model.model.visual.bfloat16()
    heads = heads.bfloat16()
    run.stage(
        "tower",
        tower.parameters(visual, heads),
        lambda rng: tower.tower_loss(visual, heads, tower.random_pictures(rng, BATCH["tower"]).to(run.device)),
    )


def train_language(run: Run) -> None:
    model, _, packer = build(run.device, seed=1)
    text = model.model.language_model.bfloat16()
    reader = language.RecordReader(text.config.hidden_size).to(run.device, torch.bfloat16)
    probes = language.Probes(text.config.hidden_size).to(run.device, torch.bfloat16)
    run.stage(
        "language",
        language.parameters(text, reader, probes),
        lambda rng: language.record_loss(text, reader, probes, packer, rng, BATCH["language"]),
    )


def train_joint(run: Run) -> None:
    model, heads, packer = build(run.device)
    probes = language.Probes(model.config.text_config.hidden_size)
    if not (run.folder / "joint.pt").exists():
        joint.assemble(model, heads, probes, run.folder)
    model, heads, probes = model.bfloat16(), heads.bfloat16(), probes.to(run.device, torch.bfloat16)
    run.stage(
        "joint",
        joint.parameters(model, heads, probes),
        lambda rng: (
            joint.clip_loss(model, heads, probes, packer, rng, CLIP_TOKENS)
            if rng.random() < CLIPS
            else joint.joint_loss(model, heads, probes, packer, rng, BATCH["joint"])
        ),
    )


def export(run: Run) -> None:
    """Write the joint stage's weights, with what is fixed about the model, into model/pocket."""
    model, heads, packer = build(torch.device("cpu"))
    probes = language.Probes(model.config.text_config.hidden_size)
    joint.load_stage(run.folder / "joint.pt", joint.parameters(model, heads, probes))
    save_model(model, packer.tokenizer)


RUNNERS: dict[str, Callable[[Run], None]] = {
    "tower": train_tower,
    "language": train_language,
    "joint": train_joint,
    "export": export,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.pocket", description=__doc__)
    parser.add_argument("--stage", choices=["all", *RUNNERS], default="all", help="default: %(default)s, in order")
    parser.add_argument("--steps", type=int, help="last step of the stage (default: its own number)")
    parser.add_argument("--rate", type=float, help="learning rate (default: the stage's own)")
    parser.add_argument("--run-dir", type=Path, default=Path("runs/pocket"), help="default: %(default)s")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: %(default)s")
    parser.add_argument("--no-compile", action="store_true", help="do not compile the blocks")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if not arguments.no_compile:
        network.compile_blocks()
    run = Run(arguments.run_dir, arguments.device, arguments.steps, arguments.rate)
    for stage in RUNNERS if arguments.stage == "all" else [arguments.stage]:
        RUNNERS[stage](run)


if __name__ == "__main__":
    main()
