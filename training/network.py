"""The pocket model's configuration, and the forward passes that training uses.

The parameters are those of transformers' own `Qwen3VLForConditionalGeneration`; only the way through them is written
again here, because a training step wants other things than generation: pictures of one size as a batch, a Linear for
the patch embedding, blocks that compile. A test holds both ways to the same numbers.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

PATCH, MERGE, TEMPORAL = 16, 2, 2
CELL = PATCH * MERGE
MAX_PIXELS = 256 * 256
"""As many as a picture of shapes may have: 64 visual tokens."""
PAGE_PIXELS = 1024 * CELL**2
"""As many as a page may have: 1,024 visual tokens."""
MIN_PIXELS = CELL * CELL * 4


def pocket_config(vocab_size: int, token_ids: dict[str, int]) -> Any:
    """The `Qwen3VLConfig` of the pocket model."""
    from transformers import Qwen3VLConfig

    text = {
        "vocab_size": vocab_size,
        "hidden_size": 256,
        "intermediate_size": 512,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "hidden_act": "silu",
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 100_000.0,
            "mrope_section": [12, 10, 10],
            "mrope_interleaved": True,
        },
        "bos_token_id": None,
        "eos_token_id": token_ids["<|im_end|>"],
        "pad_token_id": token_ids["<|endoftext|>"],
    }
    vision = {
        "depth": 6,
        "hidden_size": 160,
        "intermediate_size": 640,
        "num_heads": 4,
        "patch_size": PATCH,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": TEMPORAL,
        "out_hidden_size": 256,
        "num_position_embeddings": 24 * 24,
        "deepstack_visual_indexes": [2, 4],
        "hidden_act": "gelu_pytorch_tanh",
        "in_channels": 3,
    }
    return Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=token_ids["<|image_pad|>"],
        video_token_id=token_ids["<|video_pad|>"],
        vision_start_token_id=token_ids["<|vision_start|>"],
        vision_end_token_id=token_ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )


def patches_of(pictures: Tensor) -> Tensor:
    """uint8 pictures (n, height, width, 3) -> (n, patches, 768) in -1..1, in the processor's order of patches.

    The processor repeats a still picture over `TEMPORAL` frames; `_patch_embedding` folds that repetition into its
    weight, so one frame is enough here. Pairs of frames (n, 2, height, width, 3) give (n, patches, 2 x 768).
    """
    *count, height, width, _ = pictures.shape
    rows, columns = height // CELL, width // CELL
    grid = pictures.reshape(-1, rows, MERGE, PATCH, columns, MERGE, PATCH, 3)
    grid = grid.permute(0, 1, 4, 2, 5, 7, 3, 6).reshape(*count, rows * columns * MERGE * MERGE, 3 * PATCH * PATCH)
    if len(count) > 1:
        grid = grid.transpose(1, 2).flatten(2)
    return grid.float().div_(127.5).sub_(1.0)


def vision_hidden(visual: Any, patches: Tensor, grid_hw: tuple[int, int]) -> list[Tensor]:
    """Hidden states (n, patches, hidden) after every block of the tower; `grid_hw` counts merged cells."""
    hidden = _patch_embedding(visual, patches)
    weights, cos, sin = _vision_positions(visual, grid_hw, hidden.dtype)
    hidden = hidden + (weights @ visual.pos_embed.weight.to(weights.dtype)).to(hidden.dtype)
    states = []
    for block in visual.blocks:
        hidden = vision_block(hidden, cos, sin, *_vision_weights(block))
        states.append(hidden)
    return states


def _patch_embedding(visual: Any, patches: Tensor) -> Tensor:
    proj = visual.patch_embed.proj
    is_still = patches.shape[-1] * TEMPORAL == proj.weight[0].numel()
    weight: Tensor = (proj.weight.sum(dim=2) if is_still else proj.weight.transpose(1, 2)).flatten(1)
    return F.linear(patches.to(weight.dtype), weight, proj.bias)


_POSITIONS: dict[tuple[Any, ...], tuple[Tensor, Tensor, Tensor]] = {}
_MOST_GRIDS = 100
"""Of so many grids the positions are kept; those of a page have some megabytes."""


def _vision_positions(visual: Any, grid_hw: tuple[int, int], dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Interpolation matrix (patches, table) and rotary cos, sin of one grid, which takes long enough to remember."""
    from transformers.vision_utils import get_vision_interpolation_indices_and_weights, get_vision_position_ids

    device = visual.pos_embed.weight.device
    key = (grid_hw, dtype, str(device))
    if key not in _POSITIONS:
        if len(_POSITIONS) >= _MOST_GRIDS:
            _POSITIONS.clear()
        grid = torch.tensor([[1, grid_hw[0] * MERGE, grid_hw[1] * MERGE]], device=device)
        indices, shares = get_vision_interpolation_indices_and_weights(
            grid,
            num_grid_per_side=visual.num_grid_per_side,
            mode=visual.interpolation_mode,
            align_corners=visual.interpolation_align_corners,
            spatial_merge_size=MERGE,
            kwargs={},
        )
        matrix = torch.zeros(indices.shape[0], visual.pos_embed.num_embeddings, device=device)
        matrix.scatter_add_(1, indices, shares.float())
        positions = get_vision_position_ids(grid, MERGE, kwargs={})
        cos, sin = visual.rotary_pos_emb(matrix, positions)
        _POSITIONS[key] = (matrix.to(dtype), cos.float(), sin.float())
    return _POSITIONS[key]


def _vision_weights(block: Any) -> tuple[Tensor, ...]:
    a, m = block.attn, block.mlp
    return (
        *(block.norm1.weight, block.norm1.bias, a.qkv.weight, a.qkv.bias, a.proj.weight, a.proj.bias),
        *(block.norm2.weight, block.norm2.bias, m.linear_fc1.weight, m.linear_fc1.bias),
        *(m.linear_fc2.weight, m.linear_fc2.bias),
    )


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.float().chunk(2, dim=-1)
    return (x.float() * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


def _attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Attention written out: on CPUs the fused kernel's backward is three times slower at these lengths."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    weights: Tensor = (scores if bias is None else scores + bias).softmax(dim=-1)
    return weights @ v


def _vision_block(
    h: Tensor, cos: Tensor, sin: Tensor,
    n1w: Tensor, n1b: Tensor, qkv_w: Tensor, qkv_b: Tensor, out_w: Tensor, out_b: Tensor,
    n2w: Tensor, n2b: Tensor, fc1_w: Tensor, fc1_b: Tensor, fc2_w: Tensor, fc2_b: Tensor,
) -> Tensor:  # fmt: skip
    n, length, width = h.shape
    head = cos.shape[-1]
    qkv = F.linear(F.layer_norm(h, (width,), n1w, n1b, 1e-6), qkv_w, qkv_b)
    q, k, v = qkv.view(n, length, 3, width // head, head).permute(2, 0, 3, 1, 4)
    mixed = _attend(_rotate(q, cos, sin), _rotate(k, cos, sin), v)
    h = h + F.linear(mixed.transpose(1, 2).reshape(n, length, width), out_w, out_b)
    inner = F.gelu(F.linear(F.layer_norm(h, (width,), n2w, n2b, 1e-6), fc1_w, fc1_b), approximate="tanh")
    return h + F.linear(inner, fc2_w, fc2_b)


def _rms(x: Tensor, weight: Tensor) -> Tensor:
    wide = x.float()
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * weight


def _text_block(
    h: Tensor, cos: Tensor, sin: Tensor, future: Tensor,
    in_w: Tensor, q_w: Tensor, k_w: Tensor, v_w: Tensor, o_w: Tensor, qn: Tensor, kn: Tensor,
    post_w: Tensor, gate_w: Tensor, up_w: Tensor, down_w: Tensor,
) -> Tensor:  # fmt: skip
    n, length, _ = h.shape
    head = cos.shape[-1]
    x = _rms(h, in_w)
    q = _rms(F.linear(x, q_w).view(n, length, -1, head), qn).transpose(1, 2)
    k = _rms(F.linear(x, k_w).view(n, length, -1, head), kn).transpose(1, 2)
    v = F.linear(x, v_w).view(n, length, -1, head).transpose(1, 2)
    repeats = q.shape[1] // k.shape[1]
    q, k = _rotate(q, cos, sin), _rotate(k, cos, sin).repeat_interleave(repeats, dim=1)
    mixed = _attend(q, k, v.repeat_interleave(repeats, dim=1), future)
    h = h + F.linear(mixed.transpose(1, 2).reshape(n, length, -1), o_w)
    x = _rms(h, post_w)
    return h + F.linear(F.silu(F.linear(x, gate_w)) * F.linear(x, up_w), down_w)


vision_block = _vision_block
text_block = _text_block


def compile_blocks() -> None:
    """Fuse the elementwise work of both kinds of block; costs two minutes once and a third of every step after."""
    global vision_block, text_block
    vision_block = torch.compile(_vision_block, dynamic=True)
    text_block = torch.compile(_text_block, dynamic=True)


def merge(merger: Any, hidden: Tensor) -> Tensor:
    """The inner activations (n, cells, 4 x hidden) of a patch merger, before its last Linear."""
    n, patches, width = hidden.shape
    if merger.use_postshuffle_norm:
        x = merger.norm(hidden.reshape(n, patches // 4, 4 * width))
    else:
        x = merger.norm(hidden).reshape(n, patches // 4, 4 * width)
    inner: Tensor = F.gelu(merger.linear_fc1(x))
    return inner


def vision_features(visual: Any, states: list[Tensor], inner: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Token embeddings (n, cells, text hidden) and the DeepStack features.

    `states` are the tower's hidden states, `inner` is `merge(visual.merger, states[-1])`.
    """
    tokens = visual.merger.linear_fc2(inner)
    deep = []
    for layer, merger in zip(visual.deepstack_visual_indexes, visual.deepstack_merger_list, strict=True):
        deep.append(merger.linear_fc2(merge(merger, states[layer])))
    return tokens, deep


def text_hidden(
    language: Any, embeddings: Tensor, positions: Tensor, visual_mask: Tensor, deep: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Final hidden states, and those before every layer (unscaled), all (n, length, hidden).

    `positions` is (3, n, length), `visual_mask` marks the visual tokens, whose DeepStack features `deep`
    (each (visual tokens, hidden)) are added after the first layers. Right padding needs no mask: attention is causal.
    """
    cos, sin = language.rotary_emb(embeddings.float(), positions)
    cos, sin = cos.unsqueeze(1), sin.unsqueeze(1)
    length = embeddings.shape[1]
    future = torch.full((length, length), -torch.inf, dtype=embeddings.dtype, device=embeddings.device).triu(1)
    hidden = embeddings
    before = []
    for index, layer in enumerate(language.layers):
        before.append(hidden)
        a, m = layer.self_attn, layer.mlp
        hidden = text_block(
            hidden, cos, sin, future, layer.input_layernorm.weight,
            a.q_proj.weight, a.k_proj.weight, a.v_proj.weight, a.o_proj.weight, a.q_norm.weight, a.k_norm.weight,
            layer.post_attention_layernorm.weight, m.gate_proj.weight, m.up_proj.weight, m.down_proj.weight,
        )  # fmt: skip
        if index < len(deep):
            hidden = hidden.masked_scatter(visual_mask.unsqueeze(-1), hidden[visual_mask] + deep[index])
    return _rms(hidden, language.norm.weight), before
