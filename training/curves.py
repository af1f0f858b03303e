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
    "joint": ("right", "clip_right", "p_box", "w0.2", "w0.1"),
    "letters": ("found", "named", "kept"),
    "words": ("right", "clip_right", "read_right"),
    "read": ("right", "clip_right", "read_right"),
    "pages": ("right", "clip_right", "read_right"),
    "instruct": ("right", "clip_right", "read_right"),
}
LABELS = {
    "p_color": "colour, cross-entropy",
    "p_kind": "kind, cross-entropy",
    "p_box": "box error, picture sides",
    "w0.2": "waves of 1/5 side, squared error",
    "w0.1": "waves of 1/10 side, squared error",
    "right": "tokens of answers that are wrong, share",
    "found": "letters that are not found, share",
    "named": "letters that are not named right, share",
    "kept": "change of what is told of pictures, variances",
    "clip_right": "the same about clips",
    "read_right": "the same about pages",
}


def draw(folder: Path, out: Path | None = None) -> Path:
    """Plot every log in `folder` into one PNG, by default beside them; returns its path."""
    logs = {stage: folder / f"{stage}.jsonl" for stage in PANELS if (folder / f"{stage}.jsonl").exists()}
    figure, axes = pyplot.subplots(
        1, max(1, len(logs)), figsize=(4 * max(1, len(logs)), 4), constrained_layout=True, squeeze=False
    )
    for axis, (stage, log) in zip(axes[0], logs.items(), strict=False):
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        for metric in PANELS[stage]:
            # A falling curve for all: the log has the share of tokens that are right.
            told = [
                (r["step"], 1 - r[metric] if metric.endswith(("right", "found", "named")) else r[metric])
                for r in rows
                if metric in r
            ]
            axis.plot(*zip(*told, strict=True), label=LABELS[metric], linewidth=1.2)
        axis.set(title=f"stage {stage}", xlabel="step", yscale="log")
        axis.legend(fontsize=8)
    path = out or folder / "curves.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def draw_run(log: Path, out: Path) -> Path:
    """Plot the log of a fine-tuning run, training and held-out loss, into the PNG `out`; returns it."""
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    figure, axis = pyplot.subplots(figsize=(8, 4.5), constrained_layout=True)
    for metric, label in (("loss", "training"), ("eval_loss", "held out")):
        told = [(row["step"], row[metric]) for row in rows if metric in row]
        axis.plot([step for step, _ in told], [value for _, value in told], label=label, linewidth=1.2)
    axis.set(title="fine-tuning", xlabel="step", ylabel="loss of answer tokens", yscale="log")
    axis.legend(fontsize=8)
    figure.savefig(out, dpi=110)
    pyplot.close(figure)
    return out
