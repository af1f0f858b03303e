"""Where the pocket model's files lie, and how weights get in and out of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from training import network

POCKET = Path(__file__).resolve().parent.parent / "model" / "pocket"


def load_tokenizer(folder: Path = POCKET) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def new_model(tokenizer: Any, seed: int = 0) -> Any:
    """The pocket architecture with random weights (fp32)."""
    from transformers import Qwen3VLForConditionalGeneration

    torch.manual_seed(seed)
    return Qwen3VLForConditionalGeneration(network.pocket_config(len(tokenizer), tokenizer.get_vocab()))


def save_model(model: Any, tokenizer: Any, folder: Path = POCKET) -> None:
    """Write config.json, generation_config.json and bf16 model.safetensors."""
    from transformers import GenerationConfig

    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    pad = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=[end, pad], pad_token_id=pad)
    model.to(torch.bfloat16).save_pretrained(folder)
