"""The training passes give the numbers of transformers' own model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from training import footage, network, pairs, tower
from training.checkpoint import POCKET, load_tokenizer, new_model
from training.dialogues import Turn
from training.packing import Packer
from training.scenes import random_scene


def test_both_ways_through_the_model_agree() -> None:
    tokenizer = load_tokenizer()
    model = new_model(tokenizer)
    rng = np.random.default_rng(0)
    grid, sizes = tower.sizes_of_one_grid(rng, 2)
    scenes = [random_scene(rng, size) for size in sizes]
    pictures = tower.dense_batch(scenes, grid)
    batch = Packer(tokenizer)
    packed = batch.collate([batch.pack(pairs.about_scenes(scenes, grid, rng, 4), [grid, grid])], multiple=1)
    patches = network.patches_of(pictures.pixels)

    states = network.vision_hidden(model.model.visual, patches, grid)
    inner = network.merge(model.model.visual.merger, states[-1])
    tokens, deep = network.vision_features(model.model.visual, states, inner)
    embeddings = model.model.language_model.embed_tokens(packed.ids)
    embeddings = embeddings.masked_scatter(packed.visual.unsqueeze(-1), tokens)
    ours, _ = network.text_hidden(
        model.model.language_model, embeddings, packed.positions, packed.visual, [d.flatten(0, 1) for d in deep]
    )

    both_frames = patches.reshape(-1, 3, 1, 256).expand(-1, -1, 2, -1).reshape(-1, 1536)
    theirs = model.model(
        input_ids=packed.ids,
        pixel_values=both_frames,
        image_grid_thw=torch.tensor([[1, 2 * grid[0], 2 * grid[1]]] * 2),
        mm_token_type_ids=packed.visual.int(),
    ).last_hidden_state
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=1e-4)


def test_positions_of_many_grids_are_forgotten_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages come in thousands of grids; what is computed anew is the same."""
    visual = new_model(load_tokenizer()).model.visual
    monkeypatch.setattr(network, "_POSITIONS", {})
    monkeypatch.setattr(network, "_MOST_GRIDS", 3)
    patches = torch.randn(1, 24, 768, generator=torch.Generator().manual_seed(0))
    first = network.vision_hidden(visual, patches, (2, 3))[0]
    for columns in (1, 2, 4, 5):
        network.vision_hidden(visual, patches[:, : 4 * columns], (1, columns))
        assert len(network._POSITIONS) <= 3
    assert torch.equal(network.vision_hidden(visual, patches, (2, 3))[0], first)


def test_patches_are_those_of_the_processor() -> None:
    from transformers import AutoImageProcessor

    picture = np.random.default_rng(1).integers(0, 256, size=(96, 128, 3), dtype=np.uint8)
    processor = AutoImageProcessor.from_pretrained(POCKET)
    theirs = processor(torch.from_numpy(picture).permute(2, 0, 1), return_tensors="pt")["pixel_values"]
    ours = network.patches_of(torch.from_numpy(picture)[None])[0]
    assert theirs.shape == (48, 1536)
    torch.testing.assert_close(theirs.view(48, 3, 2, 256)[:, :, 0].reshape(48, 768), ours, atol=1e-2, rtol=0)


def test_a_clip_is_read_as_the_processor_and_the_model_read_it() -> None:
    piece = footage.random_footage(np.random.default_rng(1), lambda cells: 1, 10)[0]
    tokenizer = load_tokenizer()
    model = new_model(tokenizer)
    frames = piece.draw()
    spoken = Turn("When?", (("At 1.0 seconds.", None),), "", pictures=5)
    packer = Packer(tokenizer)
    packed = packer.collate([packer.pack([spoken], [piece.grid_hw] * 5, pairs_s=piece.pairs_s, max_length=999)], 1)
    states = network.vision_hidden(model.model.visual, network.patches_of(torch.from_numpy(frames)), piece.grid_hw)
    inner = network.merge(model.model.visual.merger, states[-1])
    tokens, deep = network.vision_features(model.model.visual, states, inner)
    embeddings = model.model.language_model.embed_tokens(packed.ids)
    embeddings = embeddings.masked_scatter(packed.visual.unsqueeze(-1), tokens)
    ours, _ = network.text_hidden(
        model.model.language_model, embeddings, packed.positions, packed.visual, [d.flatten(0, 1) for d in deep]
    )

    inputs = _processed(frames, piece.times_s)
    assert inputs["input_ids"].tolist() == packed.ids.tolist()
    torch.testing.assert_close(ours, model.model(**inputs).last_hidden_state, atol=2e-5, rtol=1e-4)


def _processed(frames: NDArray[np.uint8], times_s: Sequence[float]) -> Any:
    """What the processor makes of a conversation about these frames."""
    from transformers import AutoProcessor
    from transformers.video_utils import VideoMetadata

    video = [Image.fromarray(frame) for frame in frames.reshape(-1, *frames.shape[2:])]
    metadata = VideoMetadata(10_000, 1000, duration=30, frames_indices=[round(time_s * 1000) for time_s in times_s])
    return AutoProcessor.from_pretrained(POCKET).apply_chat_template(
        [
            {"role": "user", "content": [{"type": "video", "video": video}, {"type": "text", "text": "When?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "At 1.0 seconds."}]},
        ],
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={
            "do_sample_frames": False,
            "video_metadata": [metadata],
            "cap_pixels_per_frame": True,
            "do_resize": False,
        },
    )
