"""Samples: the tokens that the program asks with, and labels on answers and their ends alone, token by token."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from model.engines.local import LocalEngine
from model.loading import LoadedModel, ModelSpec, load_model
from model.types import EngineInfo, Image, Message, Text, Video
from tests.model.pictures import image
from tests.model.tiny_models import save_tiny_model
from training.conversations import Conversation, DataError
from training.samples import NOT_LEARNT, SampleMaker, Samples

TALK = [
    Message("system", (Text("Be kind."),)),
    Message("user", (image((90, 60)), Text("assistant\nWhat is <this>?"))),
    Message("assistant", (Text('A "cup".\n\nIt is red.'),)),
    Message("user", (Text("And\nthis?"), image((60, 90)))),
    Message("assistant", (Text("[1, 2, 300, 4]"),)),
]
LEARNT = ['A "cup".\n\nIt is red.<|im_end|>', "[1, 2, 300, 4]<|im_end|>"]
TEMPLATES = ("pocket", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5-thinks")

Load = Callable[[str], LoadedModel]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    made: dict[str, LoadedModel] = {}

    def get(name: str) -> LoadedModel:
        if name not in made:
            kind = name.removesuffix("-thinks")
            folder = tmp_path_factory.mktemp(name)
            path = name if name == "pocket" else str(save_tiny_model(folder, kind, thinks=kind != name))
            made[name] = load_model(ModelSpec(path, device="cpu"), lambda progress: None, threading.Event())
        return made[name]

    return get


def runs(maker: SampleMaker, loaded: LoadedModel, messages: list[Message]) -> list[str]:
    """The learnt stretches of a sample as text; checks that labels are the tokens themselves where there are any."""
    sample = maker.make(messages)
    ids, labels = sample["input_ids"][0], sample["labels"][0]
    learnt = labels != NOT_LEARNT
    assert torch.equal(ids[learnt], labels[learnt])
    stretches: list[list[int]] = []
    for index, (token, is_learnt) in enumerate(zip(ids.tolist(), learnt.tolist(), strict=True)):
        if is_learnt and (index == 0 or not learnt[index - 1]):
            stretches.append([])
        if is_learnt:
            stretches[-1].append(token)
    return [loaded.processor.tokenizer.decode(stretch) for stretch in stretches]


@pytest.mark.parametrize("name", TEMPLATES)
def test_answers_and_their_ends_are_learnt_and_nothing_else(load: Load, name: str) -> None:
    loaded = load(name)
    assert runs(SampleMaker(loaded), loaded, TALK) == LEARNT


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_stands_before_the_last_answer_is_what_the_program_asks(load: Load, name: str) -> None:
    loaded = load(name)
    info = EngineInfo(name, loaded.family, "CPU", "fp32", "none", 0, loaded.context_tokens)
    asked = LocalEngine(loaded.model, loaded.processor, info).prepare(TALK[:-1]).payload.inputs  # type: ignore[attr-defined]  # the engine's own
    sample = SampleMaker(loaded).make(TALK)
    ids, length = sample["input_ids"][0], asked["input_ids"].shape[1]
    if name != "qwen3_5-thinks":  # there the program's question ends in an opened thought
        assert ids[:length].tolist() == asked["input_ids"][0].tolist()
        assert sample["labels"][0, length] != NOT_LEARNT
    assert torch.equal(sample["pixel_values"], asked["pixel_values"])
    assert torch.equal(sample["image_grid_thw"], asked["image_grid_thw"])


def test_a_thought_that_the_prompt_opens_is_not_learnt_again(load: Load) -> None:
    loaded = load("qwen3_5-thinks")
    maker = SampleMaker(loaded)
    turns = (("user", ("Hm?",)), ("assistant", ("\nYes.",)))
    assert runs(maker, loaded, maker.messages(Conversation(1, turns))) == ["\n</think>\n\nYes.<|im_end|>"]  # type: ignore[arg-type]  # roles
    turns = (("user", ("Hm?",)), ("assistant", ("<think>\nWell.\n</think>\n\nYes.",)))
    assert runs(maker, loaded, maker.messages(Conversation(1, turns))) == ["Well.\n</think>\n\nYes.<|im_end|>"]  # type: ignore[arg-type]  # roles


def test_a_line_break_at_the_start_of_an_answer_is_left_out(load: Load) -> None:
    loaded = load("pocket")
    maker = SampleMaker(loaded)
    turns: Any = (("user", ("Hm?",)), ("assistant", ("\nYes.",)))
    assert runs(maker, loaded, maker.messages(Conversation(1, turns))) == ["Yes.<|im_end|>"]


def test_frames_of_a_video_are_not_learnt(load: Load) -> None:
    loaded = load("qwen3_vl")
    video = Video((image((64, 64)),) * 4, (0.0, 0.5, 1.0, 1.5), 2.0, (64, 64), "0")
    talk = [Message("user", (video, Text("When?"))), Message("assistant", (Text("At 0.5 seconds."),))]
    assert runs(SampleMaker(loaded), loaded, talk) == ["At 0.5 seconds.<|im_end|>"]


def test_samples_of_a_batch_are_padded_and_the_padding_is_not_learnt(load: Load) -> None:
    loaded = load("qwen3_vl")
    maker = SampleMaker(loaded)
    short = [Message("user", (Text("Hm?"),)), Message("assistant", (Text("Yes."),))]
    samples = [maker.make(TALK), maker.make(short)]
    batch = maker.collate(samples)
    length = samples[1]["input_ids"].shape[1]
    assert batch["input_ids"].shape == batch["labels"].shape == batch["attention_mask"].shape
    assert (batch["labels"][1, length:] == NOT_LEARNT).all()
    assert batch["attention_mask"][1].tolist() == [1] * length + [0] * (batch["input_ids"].shape[1] - length)
    assert batch["image_grid_thw"].shape == (2, 3)
    with torch.no_grad():
        alone, together = (loaded.model(**inputs).logits for inputs in (samples[1], batch))
    assert torch.allclose(alone[0], together[1, :length], atol=1e-4)


def test_what_is_too_long_or_gone_is_named_by_its_line(load: Load, tmp_path: Path) -> None:
    turns: Any = (("user", ("Hm? " * 50,)), ("assistant", ("Yes.",)))
    samples = Samples([Conversation(7, turns)], SampleMaker(load("pocket"), max_tokens=40))
    with pytest.raises(DataError, match=r"Line 7: .* tokens are more than 40"):
        samples.check()


def test_pictures_are_made_smaller_as_asked(load: Load) -> None:
    from model.catalog import budget_of_tokens

    loaded = load("pocket")
    talk = [Message("user", (image((512, 512)), Text("Hm?"))), Message("assistant", (Text("Yes."),))]
    grids = [
        SampleMaker(loaded, budget_of_tokens(loaded.family, tokens)).make(talk)["image_grid_thw"].prod() // 4
        for tokens in (16, 64)
    ]
    assert [int(grid) for grid in grids] == [16, 64]
    assert isinstance(talk[0].parts[0], Image)
