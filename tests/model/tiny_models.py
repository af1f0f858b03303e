"""Every family of the catalogue, tiny and with random weights, saved as a real checkpoint folder.

The architectures, tokenizer and processor classes are the real ones of transformers; only the sizes, the vocabulary
(256 bytes and the special tokens) and the chat template are the tests' own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    GenerationConfig,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<think>",
    "</think>",
)
IDS = {token: 256 + index for index, token in enumerate(SPECIAL_TOKENS)}
BYTE_IDS = {byte: byte for byte in range(256)}
VOCABULARY = 320  # a few more rows than tokens, as the real checkpoints have
CONTEXT = 2048

TEMPLATE = """\
{%- set pictures = namespace(count=0) -%}
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\\n' -}}
    {%- for part in message.content -%}
        {%- if part.type == 'image' -%}
            {%- set pictures.count = pictures.count + 1 -%}
            {%- if add_vision_id -%}Picture {{ pictures.count }}: {% endif -%}
            <|vision_start|><|image_pad|><|vision_end|>
        {%- elif part.type == 'video' -%}
            <|vision_start|><|video_pad|><|vision_end|>
        {%- else -%}
            {{- part.text -}}
        {%- endif -%}
    {%- endfor -%}
    {{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""
THINKING_TEMPLATE = TEMPLATE.replace("assistant\\n'", "assistant\\n<think>\\n'")

_ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
_TEXT: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": CONTEXT,
    "rope_parameters": _ROPE,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": IDS["<|im_end|>"],
}
_MOE = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
}
_LINEAR = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "rope_parameters": _ROPE | {"mrope_section": [1, 1, 0], "mrope_interleaved": True, "partial_rotary_factor": 0.25},
}
_VISION: dict[str, Any] = {"depth": 2, "num_heads": 4, "in_channels": 3, "spatial_merge_size": 2}
_VISION_3 = _VISION | {
    "hidden_size": 64,
    "intermediate_size": 96,
    "out_hidden_size": 64,
    "patch_size": 16,
    "num_position_embeddings": 64,
}

# Family by model_type: parts of its text and vision configurations, its processor, and its patch size.
_FAMILIES: dict[str, tuple[dict[str, Any], dict[str, Any], type, int]] = {
    "qwen2_vl": (_TEXT, _VISION | {"embed_dim": 64, "hidden_size": 64, "mlp_ratio": 2}, Qwen2VLProcessor, 14),
    "qwen2_5_vl": (
        _TEXT,
        _VISION
        | {
            "hidden_size": 64,
            "intermediate_size": 96,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [1],
            "window_size": 56,
        },
        Qwen2_5_VLProcessor,
        14,
    ),
    "qwen3_vl": (_TEXT, _VISION_3 | {"deepstack_visual_indexes": [0, 1]}, Qwen3VLProcessor, 16),
    "qwen3_vl_moe": (_TEXT | _MOE, _VISION_3 | {"deepstack_visual_indexes": [0, 1]}, Qwen3VLProcessor, 16),
    "qwen3_5": (_TEXT | _LINEAR, _VISION_3, Qwen3VLProcessor, 16),
}
MODEL_TYPES = tuple(_FAMILIES)


def save_tiny_model(folder: Path, model_type: str, *, thinks: bool = False, **text_changes: Any) -> Path:
    """Write a loadable checkpoint of that family; `text_changes` go into the language model's configuration."""
    text, vision, processor_class, patch = _FAMILIES[model_type]
    text = text | text_changes
    if "out_hidden_size" in vision:
        vision = vision | {"out_hidden_size": text["hidden_size"]}
    config = AutoConfig.for_model(
        model_type,
        text_config=text,
        vision_config=vision,
        image_token_id=IDS["<|image_pad|>"],
        video_token_id=IDS["<|video_pad|>"],
        vision_start_token_id=IDS["<|vision_start|>"],
        vision_end_token_id=IDS["<|vision_end|>"],
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config)
    model.generation_config = GenerationConfig(eos_token_id=IDS["<|im_end|>"], pad_token_id=IDS["<|endoftext|>"])
    model.save_pretrained(folder)
    _processor(processor_class, patch, thinks).save_pretrained(folder)
    return folder


def _processor(processor_class: Any, patch_size: int, thinks: bool) -> Any:
    video_class = Qwen3VLVideoProcessor if processor_class is Qwen3VLProcessor else Qwen2VLVideoProcessor
    size = {"shortest_edge": (2 * patch_size) ** 2, "longest_edge": 64 * (2 * patch_size) ** 2}
    return processor_class(
        image_processor=Qwen2VLImageProcessor(patch_size=patch_size, size=size),
        video_processor=video_class(patch_size=patch_size),
        tokenizer=_tokenizer(),
        chat_template=THINKING_TEMPLATE if thinks else TEMPLATE,
    )


def _tokenizer() -> Any:
    vocabulary = {char: byte for byte, char in bytes_to_unicode().items()} | IDS
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary, merges=[], eos_token="<|im_end|>", pad_token="<|endoftext|>", unk_token=None
    )
    tokenizer.add_tokens(list(SPECIAL_TOKENS[:-2]), special_tokens=True)
    tokenizer.add_tokens(list(SPECIAL_TOKENS[-2:]))
    assert {token: tokenizer.get_vocab()[token] for token in SPECIAL_TOKENS} == IDS
    return tokenizer
