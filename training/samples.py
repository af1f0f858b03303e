"""Conversations as training samples: the model's own inputs, and labels that only cover what it should say itself.

Knows tokens and chat templates. System and user tokens are never learnt; an assistant's tokens and its `<|im_end|>`
are. Inputs are made by the very code that the engine answers with. Knows neither the file format nor the optimiser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from model.catalog import default_budget, within
from model.engines.local_inputs import InputMaker
from model.errors import StudioError
from model.loading import LoadedModel
from model.types import Message, PixelBudget, Text
from model.video import Sampling
from training.conversations import Conversation, DataError, open_conversation

NOT_LEARNT = -100
"""The label that transformers' losses pass over."""

# Padded along the sequence, with this value (None: the tokenizer's own); all else is joined along its first axis.
_PADDED: dict[str, int | None] = {
    "input_ids": None,
    "attention_mask": 0,
    "mm_token_type_ids": 0,
    "token_type_ids": 0,
    "labels": NOT_LEARNT,
}
_THINK = "<think>"
_NO_THOUGHTS = "<think>\n\n</think>\n\n"

Sample = dict[str, Tensor]


class SampleMaker:
    """Makes samples for one checkpoint. `budget` bounds every picture, `max_tokens` a whole conversation."""

    def __init__(
        self,
        loaded: LoadedModel,
        budget: PixelBudget | None = None,
        sampling: Sampling | None = None,
        max_tokens: int = 0,
    ) -> None:
        self._inputs = InputMaker(loaded.processor, loaded.family, loaded.context_tokens)
        self._tokenizer = loaded.processor.tokenizer
        self._family = loaded.family
        wanted = budget or default_budget(loaded.family, is_pocket=loaded.is_pocket)
        self._budget = within(self._inputs.native_budget, wanted)
        self._sampling = sampling or Sampling()
        self._max_tokens = max_tokens or loaded.context_tokens
        self._header = self._ids("<|im_start|>assistant\n")
        self._end = self._tokenizer.convert_tokens_to_ids("<|im_end|>")
        self._opening = self._generation_prompt()[len(self._header) :]

    def messages(self, conversation: Conversation) -> list[Message]:
        """The conversation opened. A model that always thinks first is shown that it need not, where data does not."""
        messages = open_conversation(
            conversation, self._family, self._sampling, lambda size_wh: self._inputs.medium_of(size_wh, self._budget)
        )
        thinks = _THINK in self._tokenizer.decode(self._opening)
        return [_answer(message, thinks) if message.role == "assistant" else message for message in messages]

    def make(self, messages: Sequence[Message]) -> Sample:
        """Inputs and `labels`, a batch of one. Raises `DataError` when they are too long."""
        inputs = self._inputs.make(messages, self._budget, add_generation_prompt=False, sanitize_control_tokens=False)
        ids = inputs["input_ids"]
        if ids.shape[1] > self._max_tokens:
            raise DataError(f"{ids.shape[1]:,} tokens are more than {self._max_tokens:,}.")
        return {**inputs, "labels": torch.where(self.learnt(ids[0]), ids, NOT_LEARNT)}

    def learnt(self, ids: Tensor) -> Tensor:
        """Which of a conversation's tokens (length) are learnt: each answer from its first token to its end token.

        What the generation prompt already says, such as an opened thought, is not the model's to say.
        """
        tokens, learnt = ids.tolist(), torch.zeros_like(ids, dtype=torch.bool)
        place, width = 0, len(self._header)
        while place < len(tokens):
            if tokens[place : place + width] != self._header:
                place += 1
                continue
            first = place + width
            for given in self._opening:
                if tokens[first] != given:
                    break
                first += 1
            place = tokens.index(self._end, first) + 1
            learnt[first:place] = True
        return learnt

    def collate(self, samples: Sequence[Sample]) -> Sample:
        """Samples as one batch, padded on the right."""
        longest = max(sample["input_ids"].shape[1] for sample in samples)
        pad = self._tokenizer.pad_token_id if self._tokenizer.pad_token_id is not None else self._end
        batch = {}
        for name in dict.fromkeys(name for sample in samples for name in sample):
            values = [sample[name] for sample in samples if name in sample]
            if name in _PADDED:
                fill = pad if _PADDED[name] is None else _PADDED[name]
                values = [torch.nn.functional.pad(value, (0, longest - value.shape[1]), value=fill) for value in values]
            batch[name] = torch.cat(values)
        return batch

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _generation_prompt(self) -> list[int]:
        """What stands before an answer: the assistant's header, and in some templates an opened thought."""
        question, budget = [Message("user", (Text("?"),))], self._budget
        with_prompt = self._inputs.make(question, budget)["input_ids"][0].tolist()
        without = self._inputs.make(question, budget, add_generation_prompt=False)["input_ids"][0].tolist()
        prompt: list[int] = with_prompt[len(without) :]
        if prompt[: len(self._header)] != self._header:
            raise DataError(
                "This model's chat template is not of the Qwen-VL families, so it cannot be fine-tuned here."
            )
        return prompt


class Samples(Dataset[Sample]):
    """Conversations, each made ready when it is asked for."""

    def __init__(self, conversations: Sequence[Conversation], maker: SampleMaker) -> None:
        self._conversations, self._maker = conversations, maker

    def __len__(self) -> int:
        return len(self._conversations)

    def __getitem__(self, index: int) -> Sample:
        conversation = self._conversations[index]
        try:
            return self._maker.make(self._maker.messages(conversation))
        except StudioError as error:
            raise DataError(f"Line {conversation.line}: {error}") from error

    def check(self) -> None:
        """Make every sample once, so that hours of training do not end at one bad picture."""
        for index in range(len(self)):
            self[index]


def _answer(message: Message, thinks: bool) -> Message:
    """An answer as a template takes it: a line break at its start would run into the one before it."""
    text = message.text.lstrip()
    opened = _NO_THOUGHTS + text if thinks and not text.startswith(_THINK) else text
    return replace(message, parts=(Text(opened),))
