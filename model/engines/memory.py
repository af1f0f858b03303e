"""How much memory reading a prompt takes beside the weights, from the model's configuration alone.

Knows the shapes that pass through a vision-language transformer. Does not know tensors, devices or what an allocator
wastes: it is an estimate, meant to be right by the size of it before anything runs.
"""

from __future__ import annotations

from typing import Any

_FLOAT32 = 4  # norms and rotary embeddings are computed in it, whatever the model's precision
_FRAMES_PER_PATCH = 2
_CHANNELS = 3
_CHUNK = 64  # tokens that linear attention compares with each other at a time, in transformers' own code


def reading_bytes(config: Any, *, tokens: int, patches: int, value_bytes: int) -> int:
    """Bytes at the peak of reading a prompt of `tokens` tokens with `patches` patches of pictures and videos.

    `config` is the model's configuration as transformers has it, `value_bytes` the size of one number of its precision.
    Pixels and the keys and values of the tokens stay; the vision tower and the language model come one after the other.
    Attention is taken to need no matrix of all pairs, as in torch's own.
    """
    text, vision = config.get_text_config(), config.vision_config
    pixels = patches * _CHANNELS * _FRAMES_PER_PATCH * vision.patch_size**2 * value_bytes
    seen = patches // vision.spatial_merge_size**2 * text.hidden_size * value_bytes * (1 + _taps(vision))
    language = tokens * _language_bytes(text, value_bytes)
    passing = max(patches * _vision_bytes(vision, value_bytes), language + seen)
    return int(pixels + tokens * cache_bytes(text, value_bytes) + passing)


def cache_bytes(text: Any, value_bytes: int) -> int:
    """Bytes of the keys and values of one token. Layers with linear attention keep none."""
    kinds = getattr(text, "layer_types", None) or ["full_attention"] * text.num_hidden_layers
    layers = sum(kind != "linear_attention" for kind in kinds)
    return int(2 * layers * text.num_key_value_heads * _head_width(text) * value_bytes)


def _head_width(text: Any) -> int:
    return int(getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads)


def _taps(vision: Any) -> int:
    """How many layers of the vision tower are handed to the language model beside the last one (DeepStack)."""
    return len(getattr(vision, "deepstack_visual_indexes", None) or ())


def _vision_bytes(vision: Any, value_bytes: int) -> int:
    """Bytes of one patch inside a layer of the vision tower: of the attention or of the feed-forward part."""
    width = getattr(vision, "embed_dim", None) or vision.hidden_size
    inner = getattr(vision, "intermediate_size", None) or round(width * vision.mlp_ratio)
    attention = width * (7 * value_bytes + 4 * _FLOAT32)
    return int(max(attention, (2 * width + 3 * inner) * value_bytes))


def _language_bytes(text: Any, value_bytes: int) -> int:
    """Bytes of one token inside a layer of the language model."""
    heads = (text.num_attention_heads + 2 * text.num_key_value_heads) * _head_width(text)
    experts = getattr(text, "num_experts_per_tok", None)
    inner = text.moe_intermediate_size * experts if experts else text.intermediate_size
    attention = max(2 * heads * value_bytes, _linear_attention_bytes(text))
    return int(text.hidden_size * (3 * value_bytes + 2 * _FLOAT32) + max(attention, 3 * inner * value_bytes))


def _linear_attention_bytes(text: Any) -> int:
    """Bytes of one token in a layer with linear attention: four rows of a chunk's pairs, and eight vectors, a head."""
    heads = getattr(text, "linear_num_value_heads", None)
    return int(heads * (4 * _CHUNK + 8 * text.linear_key_head_dim) * _FLOAT32) if heads else 0
