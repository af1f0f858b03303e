"""The pocket model's tokenizer, chat template and processor files.

Byte-level BPE learnt from the training conversations, digits always single, with the special tokens of the Qwen3-VL
family. Knows words and files; nothing about networks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from training import dialogues, network, pairs
from training.scenes import random_scene

SPECIAL_TOKENS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
MERGES_VOCABULARY = 1280
# A digit; a word with the space before it; a run of punctuation with the space before a number; white space.
PATTERN = r"\p{N}| ?\p{L}+|[^\p{L}\p{N}\s](?:[^\p{L}\p{N}]*[^\p{L}\p{N}\s])?(?:\s(?=\p{N}))?|\s+"

CHAT_TEMPLATE = """\
{%- set counts = namespace(image=0, video=0) -%}
{%- macro show(content) -%}
    {%- if content is string -%}
        {{- content -}}
    {%- else -%}
        {%- for part in content -%}
            {%- if part.type == 'image' or 'image' in part or 'image_url' in part -%}
                {%- set counts.image = counts.image + 1 -%}
                {%- if add_vision_id -%}Picture {{ counts.image }}: {% endif -%}
                <|vision_start|><|image_pad|><|vision_end|>
            {%- elif part.type == 'video' or 'video' in part -%}
                {%- set counts.video = counts.video + 1 -%}
                {%- if add_vision_id -%}Video {{ counts.video }}: {% endif -%}
                <|vision_start|><|video_pad|><|vision_end|>
            {%- elif 'text' in part -%}
                {{- part.text -}}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\\n' + show(message.content) + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""


def corpus(conversations: int = 6000, seed: int = 11) -> Iterator[str]:
    """Questions and answers of random conversations, for learning the merges."""
    rng = np.random.default_rng(seed)
    for _ in range(conversations):
        scenes = [random_scene(rng, (256, 256)) for _ in range(1 + int(rng.random() < 0.2))]
        for turn in pairs.about_scenes(scenes, (8, 8), rng, 5) + dialogues.without_pictures(rng, 3):
            yield turn.question
            yield turn.answer
    yield from ["system\n", "user\n", "assistant\n", "Picture 1: ", "Picture 2: ", " seconds>"] * 500


def train_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=MERGES_VOCABULARY,
        min_frequency=3,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS])
    return tokenizer


def write_processor_files(folder: Path) -> None:
    """Write every file but weights and model configuration into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    train_tokenizer().save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", _tokenizer_config())
    _write(folder / "preprocessor_config.json", _image_config())
    _write(folder / "video_preprocessor_config.json", _video_config())
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)


def _write(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n")


def _tokenizer_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 4096,
        "clean_up_tokenization_spaces": False,
        "processor_class": "Qwen3VLProcessor",
        "extra_special_tokens": {
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_start_token": "<|vision_start|>",
            "vision_end_token": "<|vision_end|>",
        },
    }


def _vision_config() -> dict[str, Any]:
    return {
        "patch_size": network.PATCH,
        "merge_size": network.MERGE,
        "temporal_patch_size": network.TEMPORAL,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "processor_class": "Qwen3VLProcessor",
    }


def _image_config() -> dict[str, Any]:
    size = {"shortest_edge": network.MIN_PIXELS, "longest_edge": network.PAGE_PIXELS}
    return _vision_config() | {"size": size, "image_processor_type": "Qwen2VLImageProcessorFast"}


def _video_config() -> dict[str, Any]:
    size = {"shortest_edge": network.MIN_PIXELS, "longest_edge": network.MAX_PIXELS * 32}
    return _vision_config() | {"size": size, "video_processor_type": "Qwen3VLVideoProcessor", "fps": 2}
