"""Fine-tuning: it learns, only what it may, the same each time and after a stop; the program loads what it writes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.adapters import BASE, fingerprint
from model.adapters import WEIGHTS as ADAPTER_WEIGHTS
from model.errors import ModelError
from model.files import WEIGHTS
from model.loading import ModelSpec, load_engine, load_model
from model.types import Chunk, GenerationOptions, Message, Text
from tests.model.pictures import image
from tests.model.tiny_models import save_tiny_model
from training import finetune as program
from training.conversations import DataError
from training.finetune import CHECKPOINTS, CURVES, LOG, Options, finetune, part_of, prepare
from training.samples import SampleMaker

# Seconds on an idle machine; a busy one may take its time.
pytestmark = pytest.mark.timeout(600)

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
WIDE: dict[str, Any] = {"hidden_size": 256, "num_attention_heads": 8, "head_dim": 32, "intermediate_size": 512}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("base") / "tiny", "qwen3_vl")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight conversations: a picture whose width says which number to name."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for number, word in enumerate(WORDS, 1):
        (folder / f"{number}.png").write_bytes(image((32 * number, 64)).data)
        turns = [{"from": "human", "value": "<image>\nWhich?"}, {"from": "gpt", "value": f"Number {word}."}]
        rows.append(json.dumps({"image": f"{number}.png", "conversations": turns}))
    (folder / "data.jsonl").write_text("\n".join(rows), "utf-8")
    return folder / "data.jsonl"


@pytest.fixture
def options(base: Path, data: Path, tmp_path: Path) -> Options:
    """A short run with an adapter on every part."""
    return Options(
        data=data, out=tmp_path / "out", model=str(base), tune=("vision", "merger", "language"), rank=4, rate=1e-2,
        steps=4, batch=2, accumulate=2, save_every=2, device="cpu",
    )  # fmt: skip


def rows_of(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / LOG).read_text().splitlines()]


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def adapter_of(out: Path) -> dict[str, Tensor]:
    return dict(load_file(out / ADAPTER_WEIGHTS))


def test_eight_samples_are_learnt_by_heart(options: Options, data: Path) -> None:
    """From random weights, all of them trained: the loss of these samples falls to nothing, and the model says so."""
    out = finetune(
        replace(options, method="full", rate=5e-3, steps=60, batch=8, accumulate=1, eval_data=data, eval_every=60,
                save_every=60)
    )  # fmt: skip
    told = [row for row in rows_of(out) if "eval_loss" in row]
    assert told[0]["eval_loss"] > 1.0
    assert told[-1]["eval_loss"] < 0.05
    assert told[-1]["eval_right"] > 0.99
    assert (out / CURVES).read_bytes().startswith(b"\x89PNG")
    engine = load_engine(ModelSpec(str(out), device="cpu"), lambda progress: None, threading.Event())
    prompt = engine.prepare([Message("user", (image((32 * 3, 64)), Text("Which?")))])
    events = engine.stream(prompt, GenerationOptions(max_new_tokens=30, greedy=True), threading.Event())
    assert "".join(event.text for event in events if isinstance(event, Chunk)) == "Number three."


def test_a_stopped_run_goes_on_to_the_very_same_weights(
    options: Options, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Bit for bit, on a CPU: the same order of samples, the same optimiser, the same rates."""
    whole = finetune(replace(options, out=tmp_path / "whole", dropout=0.1))
    batches: list[int] = []
    collate = SampleMaker.collate

    def interrupted(self: SampleMaker, samples: Any) -> Any:
        batches.append(len(samples))
        if len(batches) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return collate(self, samples)

    with monkeypatch.context() as patch:
        patch.setattr(SampleMaker, "collate", interrupted)
        with pytest.raises(SystemExit, match=r"Stopped after step \d; the same command goes on"):
            finetune(replace(options, dropout=0.1))
    assert len(batches) < 8
    assert not (options.out / ADAPTER_WEIGHTS).exists()
    assert same(adapter_of(finetune(replace(options, dropout=0.1))), adapter_of(whole))
    shutil.rmtree(options.out)
    other = finetune(replace(options, dropout=0.1, seed=2))
    assert not same(adapter_of(other), adapter_of(whole))


def test_one_batch_is_the_same_in_pieces_and_computed_twice(options: Options, tmp_path: Path) -> None:
    """Accumulated gradients weigh every token alike, however the batch is cut; checkpointing only saves memory."""
    ways = {
        "at once": replace(options, batch=8, accumulate=1),
        "in pieces": replace(options, batch=2, accumulate=4),
        "twice": replace(options, batch=8, accumulate=1, gradient_checkpointing=True),
    }
    told = {}
    for name, way in ways.items():
        out = finetune(replace(way, out=tmp_path / name, steps=5, rate=1e-4))
        told[name] = {key: rows_of(out)[0][key] for key in ("loss", "grad")}
    assert told["in pieces"] == pytest.approx(told["at once"], rel=0.02)
    assert told["twice"] == pytest.approx(told["at once"], rel=1e-3)


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("tune", [("vision",), ("merger",), ("language",), ("merger", "language")])
def test_only_the_named_parts_learn(base: Path, options: Options, method: Any, tune: Any) -> None:
    loaded = load_model(ModelSpec(str(base), device="cpu"), lambda progress: None, threading.Event())
    model = prepare(loaded, replace(options, method=method, tune=tune))
    learning = {name.removeprefix("base_model.model.") for name, w in model.named_parameters() if w.requires_grad}
    assert {part_of(name) for name in learning} == set(tune)
    assert all("lora_" in name for name in learning) == (method == "lora")
    if method == "full":
        every = {name for name, _ in model.named_parameters() if part_of(name) in tune}
        assert learning == every


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("model.visual.blocks.0.attn.qkv.weight", "vision"),
        ("model.visual.patch_embed.proj.weight", "vision"),
        ("model.visual.merger.linear_fc1.weight", "merger"),
        ("model.visual.deepstack_merger_list.0.norm.weight", "merger"),
        ("model.language_model.embed_tokens.weight", "language"),
        ("lm_head.weight", "language"),
    ],
)
def test_parts_of_a_model(name: str, part: str) -> None:
    assert part_of(name) == part


@pytest.mark.filterwarnings("error:.*autograd kernel was not registered")
def test_four_bits_learn_through_an_adapter_that_loads_with_them(options: Options, tmp_path: Path) -> None:
    base = save_tiny_model(tmp_path / "wide", "qwen3_vl", **WIDE)
    out = finetune(replace(options, method="qlora", model=str(base), eval_data=options.data, eval_every=4))
    told = [row["eval_loss"] for row in rows_of(out) if "eval_loss" in row]
    assert told[-1] < told[0]
    spec = ModelSpec(str(base), quantization="4bit", device="cpu", adapter=str(out))
    assert load_engine(spec, lambda progress: None, threading.Event()).info.name == "wide+out"


def test_an_adapter_belongs_to_its_model_and_tells_no_folder(options: Options, base: Path) -> None:
    out = finetune(replace(options, steps=1))
    told = [
        file.read_text() for file in out.iterdir() if file.suffix in (".json", ".md") and file.name != "options.json"
    ]
    assert len(told) == 2
    assert str(base.parent) not in "".join(told)
    other = save_tiny_model(out.parent / "tiny", "qwen3_vl", num_hidden_layers=3)
    with pytest.raises(ModelError, match="made for other weights of tiny"):
        load_model(ModelSpec(str(other), adapter=str(out)), lambda progress: None, threading.Event())


def test_a_model_that_is_replaced_while_it_is_tuned(
    options: Options, base: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The adapter belongs to the weights that the run began with, and a run does not go on from others."""
    folder = Path(shutil.copytree(base, tmp_path / "copy"))
    before, collate = fingerprint(folder), SampleMaker.collate

    def replaced(self: SampleMaker, samples: Any) -> Any:
        weights = load_file(folder / WEIGHTS)
        weights["model.language_model.norm.weight"] += 0.1
        save_file(weights, folder / WEIGHTS, {"format": "pt"})
        return collate(self, samples)

    mine = replace(options, model=str(folder), steps=1)
    with monkeypatch.context() as patch:
        patch.setattr(SampleMaker, "collate", replaced)
        out = finetune(mine)
    assert fingerprint(folder) != before == json.loads((out / BASE).read_text())["fingerprint"]
    with pytest.raises(ModelError, match="other weights"):
        finetune(mine)


def test_another_run_in_the_same_folder_is_refused(options: Options) -> None:
    finetune(replace(options, steps=1))
    with pytest.raises(ModelError, match="other rank and other rate"):
        finetune(replace(options, steps=1, rank=8, rate=1e-3))
    assert (options.out / CHECKPOINTS).is_dir()


def test_the_command_says_in_a_sentence_what_is_wrong(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    missing = options.data.with_name("none.jsonl")
    with pytest.raises(SystemExit, match=r"none\.jsonl cannot be read"):
        program.main(["--data", str(missing), "--out", str(options.out)])
    with pytest.raises(SystemExit, match="no such model folder"):
        program.main(["--data", str(options.data), "--out", str(options.out), "--model", "/nowhere"])
    with pytest.raises(DataError):
        finetune(replace(options, max_tokens=3))


def test_progress_tells_the_time_left_and_how_to_load(options: Options, capsys: pytest.CaptureFixture[str]) -> None:
    program.main(
        [
            *("--model", options.model, "--data", str(options.data), "--out", str(options.out), "--steps", "5"),
            *("--accumulate", "1", "--device", "cpu", "--tune", "language"),
        ]
    )
    told = capsys.readouterr()
    assert "5/5, 0 s left" in told.err
    assert f"python app.py --model {options.model} --adapter {options.out}" in told.out
