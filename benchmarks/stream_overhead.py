"""`python -m benchmarks.stream_overhead`: the cost of streaming beside transformers' plain `generate`.

Both sample with the pocket model on one thread, in turns; the ratio of seconds a token counts, its median over rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from threading import Event

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from model.engines.base import Engine
from model.loading import POCKET_DIR, ModelSpec, load_engine
from model.types import Chunk, GenerationOptions, Message, Text

QUESTION = "Tell me about yourself."


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def streamed(engine: Engine, tokens: int) -> int:
    """Sample `tokens` tokens at a temperature at which hardly any end is drawn; returns how many came."""
    prompt = engine.prepare([Message("user", (Text(QUESTION),))])
    options = GenerationOptions(max_new_tokens=tokens, temperature=2.0, top_p=1.0, top_k=0, seed=1)
    chunks = [event for event in engine.stream(prompt, options, Event()) if isinstance(event, Chunk)]
    return chunks[-1].generated_tokens


def plain(tokens: int) -> Callable[[], object]:
    """transformers' own way to exactly `tokens` tokens."""
    processor = AutoProcessor.from_pretrained(POCKET_DIR)
    model = AutoModelForImageTextToText.from_pretrained(POCKET_DIR, dtype=torch.float32)
    messages = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    inputs = processor.apply_chat_template(
        messages, tokenize=True, return_dict=True, return_tensors="pt", add_generation_prompt=True
    )
    sampling = {"do_sample": True, "temperature": 2.0, "top_k": 0, "max_new_tokens": tokens, "min_new_tokens": tokens}
    return lambda: model.generate(**inputs, **sampling)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    engine, generate = load_engine(ModelSpec(), lambda _: None, Event()), plain(arguments.tokens)
    ratios = []
    for _ in range(arguments.rounds):
        came = 0

        def stream() -> None:
            nonlocal came
            came = streamed(engine, arguments.tokens)

        ours = seconds(stream) / max(1, came)
        ratios.append(ours / (seconds(generate) / arguments.tokens))
    engine.close()
    result = {"benchmark": "stream_overhead", "ratio": round(statistics.median(ratios), 3), "target": 1.05}
    print(json.dumps(result | {"rounds": [round(ratio, 3) for ratio in ratios], "tokens": arguments.tokens}))


if __name__ == "__main__":
    main()
