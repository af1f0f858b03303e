"""From generated tokens to text that can be shown: decoding, thinking apart from answer, endless loops noticed.

Knows bytes, tags and periods. Does not know tensors, threads or models. Everything here is incremental and costs the
same for the thousandth token as for the first.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

Kind = Literal["text", "thinking"]
Piece = tuple[Kind, str]

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"


class TokenDecoder:
    """Token ids to text, given out as soon as it is valid UTF-8; `dropped` ids (end, padding) give none.

    Byte-level BPE cuts a character's bytes into several tokens anywhere, so the unit is the byte. `token_bytes` says
    what a token stands for. Bytes that can never become valid are shown as U+FFFD, exactly as decoding all tokens at
    once shows them.
    """

    def __init__(self, token_bytes: Callable[[int], bytes], dropped: frozenset[int]) -> None:
        self._token_bytes = token_bytes
        self._dropped = dropped
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def feed(self, token: int) -> str:
        return "" if token in self._dropped else self._utf8.decode(self._token_bytes(token))

    def finish(self) -> str:
        """What is left of an unfinished character."""
        return self._utf8.decode(b"", final=True)


class TokenBytes:
    """What each token of a byte-level BPE vocabulary stands for, looked up once and remembered.

    `pieces` gives a token's entry in the vocabulary, in which every byte is one printable character (`byte_of`);
    `added` are the tokens outside of it (special tokens), which are written as they are. Checkpoints have more rows
    than tokens; an id without a token stands for nothing.
    """

    def __init__(
        self, pieces: Callable[[int], str | None], byte_of: Mapping[str, int], added: Mapping[int, str]
    ) -> None:
        self._pieces = pieces
        self._byte_of = byte_of
        self._known = {token: text.encode() for token, text in added.items()}

    def __call__(self, token: int) -> bytes:
        known = self._known.get(token)
        if known is None:
            known = self._known[token] = bytes(self._byte_of[char] for char in self._pieces(token) or "")
        return known


class ThinkingSplitter:
    """Sorts streamed text into thinking and answer.

    Thinking is what stands between `<think>` at the very start and `</think>`, or before a lone `</think>` when
    `opened` says that the prompt has opened it already. The tags and the blank space after them are dropped. Anything
    after the first `</think>` is answer, whatever it says.
    """

    def __init__(self, opened: bool = False) -> None:
        self._state: Literal["start", "thinking", "gap", "answer"] = "thinking" if opened else "start"
        self._held = ""
        self._blank = True

    def feed(self, text: str) -> list[Piece]:
        if self._state == "answer":
            return [("text", text)] if text else []
        self._held += text
        pieces: list[Piece] = []
        while self._step(pieces):
            pass
        return pieces

    def finish(self) -> list[Piece]:
        """What was held back because it could have become a tag."""
        kind: Kind = "thinking" if self._state == "thinking" else "text"
        held, self._held = self._held, ""
        return [(kind, held)] if held and self._state != "gap" else []

    def _step(self, pieces: list[Piece]) -> bool:
        """Take one decision about the held text; False when more text is needed for the next."""
        if self._state == "start":
            return self._decide_start()
        if self._state == "thinking":
            return self._take_thinking(pieces)
        held = self._held.lstrip() if self._state == "gap" else self._held
        self._held = ""
        if held:
            self._state = "answer"
            pieces.append(("text", held))
        return False

    def _decide_start(self) -> bool:
        bare = self._held.lstrip()
        if bare.startswith(THINK_OPEN):
            self._state, self._held = "thinking", bare[len(THINK_OPEN) :]
            return True
        if THINK_OPEN.startswith(bare):
            return False
        self._state = "answer"
        return True

    def _take_thinking(self, pieces: list[Piece]) -> bool:
        thought, tag, rest = self._held.partition(THINK_CLOSE)
        if not tag:
            keep = _prefix_at_end(self._held, THINK_CLOSE)
            thought, rest = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        self._held = rest
        if self._blank:
            thought = thought.lstrip()
        if thought:
            self._blank = False
            pieces.append(("thinking", thought))
        if tag:
            self._state = "gap"
        return bool(tag)


def _prefix_at_end(text: str, tag: str) -> int:
    """Length of the longest end of `text` that is a beginning of `tag`."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:size])), 0)


class RepetitionDetector:
    """Notices that the last tokens repeat one block without end.

    For every period up to `max_period` it counts how many tokens in a row equal the one a period earlier. A loop is
    called when a block has come `min_copies` times and the whole stretch has `min_tokens` tokens: rows of a table,
    rulers and short refrains pass, a stuck model does not. One step costs a few operations on `max_period` numbers.
    """

    def __init__(self, max_period: int = 400, min_copies: int = 4, min_tokens: int = 200) -> None:
        periods = np.arange(1, max_period + 1)
        self._needed = np.maximum(periods * (min_copies - 1), min_tokens - periods)
        self._runs = np.zeros(max_period, dtype=np.int64)
        self._latest_first = np.full(max_period, -1, dtype=np.int64)

    def feed(self, token: int) -> bool:
        """Take the next token; True when it completes an endless repetition."""
        self._runs = (self._runs + 1) * (self._latest_first == token)
        self._latest_first[1:] = self._latest_first[:-1].copy()
        self._latest_first[0] = token
        return bool((self._runs >= self._needed).any())
