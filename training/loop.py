"""The training loop that all stages share: bf16 weights with fp32 masters, Muon and AdamW, checkpoints, a log.

Knows nothing about pictures or words. Step `n` draws its data from `default_rng((seed, n))`, so a resumed run sees
the samples that an uninterrupted one would have seen.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Loss = Callable[[np.random.Generator], tuple[Tensor, dict[str, float]]]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Warm up, hold, then fall linearly to zero over the last `cooldown` share of `steps`.

    Weights whose names begin with `slow_prefix` move at `slow_factor` of the rate.
    """

    steps: int
    matrix_lr: float = 2e-3
    other_lr: float = 2e-3
    warmup: int = 100
    cooldown: float = 0.7
    slow_prefix: str = ""
    slow_factor: float = 1.0

    def factor(self, step: int) -> float:
        falling = (self.steps - step) / max(1.0, self.cooldown * self.steps)
        return max(0.0, min(1.0, (step + 1) / self.warmup, falling))


class MasterOptimizer:
    """Steps fp32 copies of a model's weights and writes them back in the weights' own precision.

    Inner matrices go to Muon, everything else (embeddings, norms, biases, the patch embedding) to AdamW.
    """

    def __init__(self, named: dict[str, nn.Parameter], schedule: Schedule) -> None:
        self.schedule = schedule
        self.weights = list(named.values())
        self.masters = [weight.detach().float().clone().requires_grad_() for weight in self.weights]
        masters = dict(zip(named, self.masters, strict=True))
        inner = {name for name, master in masters.items() if master.ndim == 2 and "embed" not in name}
        muon = torch.optim.Muon(
            self._groups({name: masters[name] for name in masters if name in inner}, schedule.matrix_lr),
            weight_decay=0.02,
            momentum=0.95,
            adjust_lr_fn="match_rms_adamw",
        )
        others = {name: master for name, master in masters.items() if name not in inner}
        adam = torch.optim.AdamW(self._groups(others, schedule.other_lr), betas=(0.9, 0.98), weight_decay=0.0)
        self.optimizers: tuple[torch.optim.Optimizer, ...] = (muon, adam)

    def _groups(self, masters: dict[str, Tensor], rate: float) -> list[dict[str, Any]]:
        """Parameter groups for an optimizer, slow weights first; `peak` is a group's highest rate."""
        prefix, factor = self.schedule.slow_prefix, self.schedule.slow_factor
        slow = [master for name, master in masters.items() if prefix and name.startswith(prefix)]
        fast = [master for name, master in masters.items() if not (prefix and name.startswith(prefix))]
        rates = ((slow, rate * factor), (fast, rate))
        return [{"params": params, "lr": peak, "peak": peak} for params, peak in rates if params]

    def step(self, step: int) -> float:
        """Apply the gradients that the weights hold; returns their norm."""
        for weight, master in zip(self.weights, self.masters, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None
        norm = float(torch.nn.utils.clip_grad_norm_(self.masters, 1.0))
        if math.isfinite(norm):
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * self.schedule.factor(step)
                optimizer.step()
            with torch.no_grad():
                for weight, master in zip(self.weights, self.masters, strict=True):
                    weight.copy_(master)
        return norm

    def state_dict(self) -> dict[str, Any]:
        return {"masters": self.masters, "optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        with torch.no_grad():
            for weight, master, saved in zip(self.weights, self.masters, state["masters"], strict=True):
                master.copy_(saved)
                weight.copy_(master)
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            # The rates are this run's, whatever the run before was told.
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})


def train(
    name: str,
    named: dict[str, nn.Parameter],
    loss_of: Loss,
    schedule: Schedule,
    run_dir: Path,
    *,
    seed: int = 1,
    checkpoint_every_s: float = 240.0,
) -> None:
    """Run one stage to its last step, from its checkpoint if there is one."""
    run_dir.mkdir(parents=True, exist_ok=True)
    optimizer = MasterOptimizer(named, schedule)
    saved_path, log_path = run_dir / f"{name}.pt", run_dir / f"{name}.jsonl"
    first = 0
    if saved_path.exists():
        saved = torch.load(saved_path, weights_only=True, map_location="cpu")
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]
    saved_at = started = time.monotonic()
    seen: dict[str, list[float]] = {}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    for step in range(first, schedule.steps):
        loss, metrics = loss_of(np.random.default_rng((seed, step)))
        loss.backward()  # type: ignore[no-untyped-call]
        metrics = {"loss": float(loss.detach()), "grad": optimizer.step(step), **metrics}
        for key, value in metrics.items():
            seen.setdefault(key, []).append(value)
        if (step + 1) % 25 == 0:
            means = {key: sum(values) / len(values) for key, values in seen.items()}
            _log(log_path, name, step + 1, schedule.steps, means, started, first)
            seen = {}
        if time.monotonic() - saved_at > checkpoint_every_s or step + 1 == schedule.steps or stop.is_set():
            _save(saved_path, optimizer, step + 1)
            saved_at = time.monotonic()
        if stop.is_set():
            raise SystemExit(f"{name} stopped after step {step + 1}; the next run goes on from there.")


def _log(path: Path, name: str, step: int, steps: int, metrics: dict[str, float], started: float, first: int) -> None:
    each_s = (time.monotonic() - started) / (step - first)
    row = {"step": step, "s_per_step": round(each_s, 3), **{k: round(v, 4) for k, v in metrics.items()}}
    with path.open("a") as log:
        log.write(json.dumps(row) + "\n")
    left_min = (steps - step) * each_s / 60
    print(f"{name} {step}/{steps}, {left_min:.0f} min left: {json.dumps(row)}", flush=True)


def _save(path: Path, optimizer: MasterOptimizer, step: int) -> None:
    """Write beside the old checkpoint, then replace it, so that a stop in the middle loses nothing."""
    unfinished = path.with_suffix(".tmp")
    torch.save({"optimizer": optimizer.state_dict(), "step": step}, unfinished)
    unfinished.replace(path)
