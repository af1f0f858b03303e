"""`python -m training.pocket`: make the pocket model, stage by stage.

Stage `tower` teaches the vision tower on drawn pictures, stage `language` the language model on records of pictures;
the two do not need each other and can run side by side. `align` puts them together and fits the tower and its merger
to the language model, `joint` trains everything on everything, `letters` teaches the tower type without changing what
it says of pictures, `words` the language model to read single lines of it, `read` short texts, `pages` all that pages,
screens and charts are asked about, `instruct` trains the language model alone on what the tower sees by now. `export`
writes model/pocket. Every stage continues from its checkpoint in --run-dir when it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training import curves, joint, language, letters, loop, network, tower
from training.checkpoint import POCKET, load_tokenizer, new_model, save_model
from training.packing import Packer
from training.reading import LESSONS
from training.tokenizer import write_processor_files

VISION, LANGUAGE = "model.model.visual.", "model.model.language_model."
HEADS, PROBES, LETTERS = "heads.", "probes.", "letters."
SIGHT = tuple(f"{VISION}{part}." for part in ("patch_embed", "pos_embed", "blocks", "merger.norm", "merger.linear_fc1"))
"""The tower without what writes its visual tokens."""
TELLING = tuple(f"{VISION}{part}." for part in ("merger.linear_fc2", "deepstack_merger_list"))
"""What writes them."""
READERS = (*TELLING, LANGUAGE, PROBES, f"{LETTERS}token.")
"""What has to change to read with a tower that knows letters."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage trains, for how long, at which rate, on how many pictures or conversations a step.

    `trains` are the beginnings of the names of its parameters, `slow` of those that move at 0.3 of the rate; `clips`
    and `pages` are the shares of its steps that are about clips and about pages, these in one of its `lessons` each.
    """

    steps: int
    rate: float
    batch: int
    trains: tuple[str, ...]
    slow: str = ""
    clips: float = 0.0
    pages: float = 0.0
    lessons: tuple[str, ...] = ()


STAGES = {
    "tower": Stage(3000, 6e-4, 32, ("visual.", HEADS)),
    "language": Stage(1500, 2e-3, 12, ("language.", "reader.", PROBES)),
    "align": Stage(300, 6e-4, 16, (VISION, HEADS)),
    # The tower comes sharper than it would stay at the language model's rate.
    "joint": Stage(9000, 1e-3, 16, (VISION, LANGUAGE, HEADS, PROBES), slow=VISION, clips=0.45),
    "letters": Stage(9000, 1e-3, 12, (*SIGHT, *(f"{LETTERS}{part}." for part in ("early", "patch", "cell")))),
    "words": Stage(3000, 1e-3, 16, READERS, clips=0.15, pages=0.7, lessons=("words", "lines")),
    "read": Stage(3000, 1e-3, 16, READERS, clips=0.15, pages=0.7, lessons=("lines", "lines", "short")),
    "pages": Stage(6000, 1e-3, 16, READERS, clips=0.25, pages=0.5, lessons=("lines", "short", "all")),
    "instruct": Stage(2000, 4e-4, 16, (LANGUAGE, PROBES), clips=0.3, pages=0.4, lessons=("lines", "short", "all")),
}
TOGETHER = ("align", "joint", "letters", "words", "read", "pages", "instruct")
"""Stages of the whole model; each begins with what those before it came to."""
CLIP_TOKENS = 4000
"""About so many tokens have the conversations about clips of one step."""
PAGE_TOKENS = 4000
"""The same of conversations about pages."""


class Run:
    """One invocation: where checkpoints lie, on which device, for how many steps, at which rate."""

    def __init__(self, folder: Path, device: str, steps: int | None, rate: float | None) -> None:
        self.folder, self.device, self.steps, self.rate = folder, torch.device(device), steps, rate

    def stage(self, name: str, named: dict[str, nn.Parameter], loss_of: loop.Loss) -> None:
        """Train what the stage trains of these parameters; the others stay as they are."""
        stage = STAGES[name]
        trained = chosen(named, stage.trains)
        for parameter, weight in named.items():
            weight.requires_grad_(parameter in trained)
        rate = self.rate or stage.rate
        schedule = loop.Schedule(
            self.steps or stage.steps, matrix_lr=rate, other_lr=rate, slow_prefix=stage.slow, slow_factor=0.3
        )
        loop.train(name, trained, loss_of, schedule, self.folder, seed=1 + list(STAGES).index(name))
        curves.draw(self.folder)

    def checkpoint(self, name: str) -> Path:
        return self.folder / f"{name}.pt"


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
    count = STAGES["tower"].batch
    run.stage(
        "tower",
        tower.parameters(visual, heads),
        lambda rng: tower.tower_loss(visual, heads, tower.random_pictures(rng, count).to(run.device)),
    )


def train_language(run: Run) -> None:
    model, _, packer = build(run.device, seed=1)
    text = model.model.language_model.bfloat16()
    reader = language.RecordReader(text.config.hidden_size).to(run.device, torch.bfloat16)
    probes = language.Probes(text.config.hidden_size).to(run.device, torch.bfloat16)
    count = STAGES["language"].batch
    run.stage(
        "language",
        language.parameters(text, reader, probes),
        lambda rng: language.record_loss(text, reader, probes, packer, rng, count),
    )


def train_letters(run: Run) -> None:
    """The tower alone, compared with what it was before."""
    check_is_last(run, "letters")
    parts = begin(run, before("letters"))
    visual = parts.model.model.visual
    known = deepcopy(visual).requires_grad_(False)
    count = STAGES["letters"].batch
    run.stage(
        "letters",
        parts.named(),
        lambda rng: letters.loss(visual, parts.read_outs, known, rng, count),
    )


def train_together(run: Run, name: str) -> None:
    """One of the stages of the whole model on everything that it knows."""
    stage = STAGES[name]
    check_is_last(run, name)
    parts = begin(run, before(name))
    run.stage(name, parts.named(), lambda rng: _loss(stage, parts, rng))


def check_is_last(run: Run, name: str) -> None:
    """Ends the program where a later stage has begun with what this one was: it would not fit any more."""
    if newer := [later for later in TOGETHER[TOGETHER.index(name) + 1 :] if run.checkpoint(later).exists()]:
        raise SystemExit(f"Stage {newer[0]} has gone on from {name} already: move {newer[0]}.pt away first.")


def _loss(stage: Stage, parts: Parts, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
    """Of a step about pictures, clips or pages."""
    model, probes, packer = parts.model, parts.probes, parts.packer
    teachers = parts.heads if HEADS in stage.trains else None
    form = rng.random()
    if form < stage.clips:
        return joint.clip_loss(model, teachers, probes, packer, rng, CLIP_TOKENS)
    if form < stage.clips + stage.pages:
        lesson = LESSONS[stage.lessons[int(rng.integers(len(stage.lessons)))]]
        return joint.reading_loss(model, parts.read_outs, probes, packer, rng, lesson, PAGE_TOKENS)
    return joint.joint_loss(model, teachers, probes, packer, rng, stage.batch)


@dataclass(frozen=True, slots=True)
class Parts:
    """The model with its packer, and the teachers that are no part of it."""

    model: Any
    packer: Packer
    heads: tower.DenseHeads
    probes: language.Probes
    read_outs: letters.LetterHeads

    def named(self) -> dict[str, nn.Parameter]:
        """All parameters, by names that tell their part."""
        named = joint.parameters(self.model, self.heads, self.probes)
        return named | {f"{LETTERS}{name}": weight for name, weight in self.read_outs.named_parameters()}


def before(name: str) -> tuple[str, ...]:
    """The stages of the whole model that come before this one."""
    return TOGETHER[: TOGETHER.index(name)]


def begin(run: Run, stages: tuple[str, ...] = TOGETHER) -> Parts:
    """The model in bf16 with the weights that these stages came to, or else those of its two parts."""
    model, heads, packer = build(run.device)
    hidden, text_hidden = model.config.vision_config.hidden_size, model.config.text_config.hidden_size
    probes = language.Probes(text_hidden)
    parts = Parts(model, packer, heads, probes, letters.LetterHeads(hidden, text_hidden))
    done = [name for name in stages if run.checkpoint(name).exists()]
    if "joint" not in done:
        joint.assemble(model, heads, probes, run.folder)
    for name in done:
        joint.load_stage(run.checkpoint(name), chosen(parts.named(), STAGES[name].trains))
    for part in (model, heads, probes, parts.read_outs):
        part.to(run.device, torch.bfloat16)
    return parts


def chosen(named: dict[str, nn.Parameter], prefixes: tuple[str, ...]) -> dict[str, nn.Parameter]:
    """The parameters that a stage trains, in the model's order."""
    return {name: weight for name, weight in named.items() if name.startswith(prefixes)}


def export(run: Run) -> None:
    """Write what the stages came to, with what is fixed about the model, into model/pocket."""
    parts = begin(run)
    save_model(parts.model.cpu(), parts.packer.tokenizer)


RUNNERS: dict[str, Callable[[Run], None]] = {
    "tower": train_tower,
    "language": train_language,
    **{name: train_letters if name == "letters" else partial(train_together, name=name) for name in TOGETHER},
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
