"""Messages as the tensors that a Qwen-VL model reads: the chat template, pictures at the size it sees, frames' times.

Knows processors and templates. Knows neither weights nor answers: what the engine asks and what fine-tuning teaches
are made here alike. Imports torch and transformers at the top, so nothing that the page needs at start may import it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image as Pillow
from qwen_vl_utils.vision_process import smart_resize
from transformers import BatchFeature, ProcessorMixin
from transformers.video_utils import VideoMetadata

from model import media
from model.catalog import of_each_frame
from model.types import Image, MediumInput, Message, Part, PixelBudget, Text, Video

PIXELS = ("pixel_values", "pixel_values_videos")
"""The processors' names of what the vision tower reads, of pictures and of videos."""

_PER_S = 1000.0


class InputMaker:
    """Makes inputs with one checkpoint's processor; every method may be called from any thread."""

    def __init__(self, processor: ProcessorMixin, family: str, context_tokens: int) -> None:
        self.processor = processor
        self._family, self._context_tokens = family, context_tokens
        self._lock = threading.Lock()  # sanitising switches a flag on the tokenizer while it encodes

    @property
    def native_budget(self) -> PixelBudget:
        """The checkpoint's own bounds: beyond them it was never trained."""
        size = self.processor.image_processor.size
        return PixelBudget(size["shortest_edge"], size["longest_edge"])

    def make(
        self,
        messages: Sequence[Message],
        budget: PixelBudget,
        *,
        add_vision_id: bool = False,
        add_generation_prompt: bool = True,
        sanitize_control_tokens: bool = True,
    ) -> BatchFeature:
        """The model's inputs on the CPU, a batch of one.

        With `sanitize_control_tokens` control tokens in the messages are ordinary text. With `add_generation_prompt`
        an answer is to follow.
        """
        conversation = self._conversation(messages, budget)
        videos = [part for message in messages for part in message.media if isinstance(part, Video)]
        with self._lock:
            return self.processor.apply_chat_template(
                conversation,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                add_generation_prompt=add_generation_prompt,
                sanitize_control_tokens=sanitize_control_tokens,
                add_vision_id=add_vision_id,
                processor_kwargs={"do_resize": False, **(_video_arguments(videos) if videos else {})},
            )

    def decode(self, ids: torch.Tensor) -> str:
        with self._lock:
            return str(self.processor.tokenizer.decode(ids))

    def media(self, messages: Sequence[Message], inputs: BatchFeature) -> tuple[MediumInput, ...]:
        """The sizes that the processor really used, from its grids of (frames, rows, columns) patches."""
        patch, merge = self.processor.image_processor.patch_size, self.processor.image_processor.merge_size
        grids = {kind: iter(inputs.get(f"{kind}_grid_thw", torch.empty(0, 3)).tolist()) for kind in ("image", "video")}
        inputs_of = []
        for part in (part for message in messages for part in message.media):
            frames, rows, columns = next(grids["video" if isinstance(part, Video) else "image"])
            size_wh = columns * patch, rows * patch
            inputs_of.append(MediumInput(part.size_wh, size_wh, frames * rows * columns // merge**2))
        return tuple(inputs_of)

    def medium_of(self, size_wh: tuple[int, int], budget: PixelBudget) -> MediumInput:
        """What a picture of this size, in source pixels, will become."""
        factor = self._patch_factor()
        width, height = input_size_wh(size_wh, budget, factor)
        return MediumInput(size_wh, (width, height), width * height // factor**2)

    def _conversation(self, messages: Sequence[Message], budget: PixelBudget) -> list[dict[str, Any]]:
        """Messages in the form of chat templates, with every picture decoded and at the size the model will see."""
        return [
            {"role": message.role, "content": [self._content(part, budget) for part in message.parts]}
            for message in messages
        ]

    def _content(self, part: Part, budget: PixelBudget) -> dict[str, Any]:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        if isinstance(part, Image):
            return {"type": "image", "image": self._resized(part, budget)}
        of_frame = of_each_frame(len(part.frames), budget, self._family, self._context_tokens)
        return {"type": "video", "video": [self._resized(frame, of_frame) for frame in part.frames]}

    def _resized(self, image: Image, budget: PixelBudget) -> Pillow.Image:
        size_wh = input_size_wh(image.size_wh, budget, self._patch_factor())
        return media.pixels(image).resize(size_wh, Pillow.Resampling.BICUBIC)

    def _patch_factor(self) -> int:
        return int(self.processor.image_processor.patch_size * self.processor.image_processor.merge_size)


def _video_arguments(videos: Sequence[Video]) -> dict[str, Any]:
    """The processor's arguments that tell it the true times of frames which are sampled already.

    With a thousand "frames" a second, a frame's index is its time in milliseconds, whatever the video's own rate; the
    number of frames in all is chosen so that the mean rate, which Qwen2.5-VL goes by, is that of the given ones.
    """
    metadata = [
        VideoMetadata(
            total_num_frames=max(len(video.times_s), round(len(video.times_s) * video.step_s * _PER_S)),
            fps=_PER_S,
            duration=video.duration_s,
            frames_indices=[round(time_s * _PER_S) for time_s in video.times_s],
        )
        for video in videos
    ]
    return {"do_sample_frames": False, "video_metadata": metadata, "cap_pixels_per_frame": True}


def input_size_wh(source_size_wh: tuple[int, int], budget: PixelBudget, patch_factor: int) -> tuple[int, int]:
    """The size at which a model sees a picture: whole patches, within the budget, about the same shape.

    This is `smart_resize` of qwen-vl-utils, which defines Qwen2.5-VL's coordinates, made safe where that gives no patch
    at all or more pixels than the budget: for very thin pictures and for very tight budgets.
    """
    width, height = source_size_wh
    max_pixels = max(budget.max_pixels, patch_factor**2)
    height_px, width_px = smart_resize(height, width, patch_factor, budget.min_pixels, max_pixels)
    short_px, long_px = sorted((max(height_px, patch_factor), max(width_px, patch_factor)))
    if short_px * long_px > max_pixels:
        long_px = max_pixels // short_px // patch_factor * patch_factor
    return (long_px, short_px) if width > height else (short_px, long_px)
