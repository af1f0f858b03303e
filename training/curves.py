"""Learning curves: the stages' logs as one picture. Knows files and plots only."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

# What each stage's panel shows: metrics of its log, on a logarithmic axis.
PANELS = {
    "tower": ("p_color", "p_kind", "p_box", "w0.2", "w0.1"),
    "language": ("right",),
    "joint": ("right", "p_box", "w0.2", "w0.1"),
}
LABELS = {
    "p_color": "colour, cross-entropy",
    "p_kind": "kind, cross-entropy",
    "p_box": "box error, picture sides",
    "w0.2": "waves of 1/5 side, squared error",
    "w0.1": "waves of 1/10 side, squared error",
    "right": "tokens of answers that are wrong, share",
}


def draw(folder: Path, out: Path | None = None) -> Path:
    """Plot every log in `folder` into one PNG, by default beside them; returns its path."""
    figure, axes = pyplot.subplots(1, len(PANELS), figsize=(14, 4), constrained_layout=True)
    for axis, (stage, metrics) in zip(axes, PANELS.items(), strict=True):
        log = folder / f"{stage}.jsonl"
        rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        for metric in metrics:
            # A falling curve for all: the log has the share of tokens that are right.
            told = [(r["step"], 1 - r[metric] if metric == "right" else r[metric]) for r in rows if metric in r]
            axis.plot(*zip(*told, strict=True), label=LABELS[metric], linewidth=1.2)
        axis.set(title=f"stage {stage}", xlabel="step", yscale="log")
        if rows:
            axis.legend(fontsize=8)
    path = out or folder / "curves.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
