"""`python -m training.finetune`: teach a Qwen-VL model from conversations, whole or through a LoRA adapter.

What it writes to --out answers in the program: an adapter with `python app.py --model ... --adapter OUT`, a model that
was tuned whole with `--model OUT`. A run that was stopped goes on from its last checkpoint when it is started again in
the same way. docs/fine-tuning.md tells about data, memory and options.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_utils import EvalPrediction, get_last_checkpoint

from model.adapters import fingerprint, write_base
from model.catalog import POCKET_NAME, budget_of_tokens
from model.errors import ModelError, StudioError
from model.files import read_json
from model.loading import LoadedModel, ModelSpec, load_model
from model.video import Sampling
from training import curves
from training.conversations import read_conversations
from training.samples import NOT_LEARNT, SampleMaker, Samples

Method = Literal["lora", "qlora", "full"]
ModelPart = Literal["vision", "merger", "language"]

METHODS: tuple[Method, ...] = get_args(Method)
PARTS: tuple[ModelPart, ...] = get_args(ModelPart)
RATES: dict[Method, float] = {"lora": 2e-4, "qlora": 2e-4, "full": 1e-5}
LOG, CURVES, OPTIONS, CHECKPOINTS = "log.jsonl", "curves.png", "options.json", "checkpoints"

_LOG_EVERY = 5
# What may differ between a run and its continuation: it changes neither the weights nor the samples.
_FREE = ("out", "device", "threads", "workers", "eval_every", "save_every")


@dataclass(frozen=True, slots=True)
class Options:
    """One fine-tuning run.

    `steps` 0 means `epochs` times through the data; a step is `batch` times `accumulate` conversations. `rate` 0 means
    the method's own. `alpha` 0 means twice the `rank`. `max_tokens` bounds a conversation and `picture_tokens` a
    picture (0: as far as the model goes); a video is looked at `fps` times a second, `max_frames` at most.
    """

    data: Path
    out: Path
    model: str = POCKET_NAME
    eval_data: Path | None = None
    method: Method = "lora"
    tune: tuple[ModelPart, ...] = ("merger", "language")
    rank: int = 16
    alpha: int = 0
    dropout: float = 0.0
    epochs: float = 1.0
    steps: int = 0
    batch: int = 1
    accumulate: int = 8
    rate: float = 0.0
    warmup: float = 0.03
    gradient_checkpointing: bool = False
    picture_tokens: int = 0
    max_tokens: int = 0
    fps: float = 2.0
    max_frames: int = 64
    eval_every: int = 50
    save_every: int = 50
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"
    workers: int = 0
    threads: int = 0


def finetune(options: Options) -> Path:
    """Run, or go on with, one fine-tuning; returns the folder that the result is in.

    Raises `DataError` for files that cannot be trained on and `ModelError` for a model, or a folder, that cannot.
    """
    conversations = read_conversations(options.data)
    held_out = read_conversations(options.eval_data) if options.eval_data else []
    loaded = load_model(_spec(options), lambda progress: None, threading.Event())
    weights = fingerprint(loaded.folder)  # now: by the end of a long run the files may be others
    told = _told(options, weights)
    _check_same(options.out, told)
    maker = _sample_maker(options, loaded)
    samples, checks = Samples(conversations, maker), Samples(held_out, maker)
    _say("Checking the data.")
    samples.check()
    checks.check()
    _made(options.out).joinpath(OPTIONS).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    set_seed(options.seed)
    model = prepare(loaded, options)
    trainer = _trainer(options, model, samples, checks if held_out else None, maker)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(_made(options.out / CHECKPOINTS)))
    if trainer.state.global_step < trainer.state.max_steps:
        raise SystemExit(f"Stopped after step {trainer.state.global_step}; the same command goes on from there.")
    _save(options, loaded, model, weights)
    curves.draw_run(options.out / LOG, options.out / CURVES)
    return options.out


def part_of(name: str) -> ModelPart:
    """Which part of a Qwen-VL model a weight or a layer belongs to, by its name."""
    if not name.startswith("model.visual."):
        return "language"
    return "merger" if "merger" in name else "vision"


def prepare(loaded: LoadedModel, options: Options) -> Any:
    """The model with nothing to learn but what the options name: weights of these parts, or adapters beside them."""
    model = loaded.model.train()
    model.config.use_cache = False
    if options.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    for name, weight in model.named_parameters():
        weight.requires_grad_(options.method == "full" and part_of(name) in options.tune)
    return model if options.method == "full" else _with_adapters(loaded, options)


def _with_adapters(loaded: LoadedModel, options: Options) -> Any:
    """LoRA on every linear layer of the chosen parts. The experts of a mixture are no layers, and stay as they are."""
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    model: Any = loaded.model
    if options.method == "qlora":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        for layer in model.modules():
            if hasattr(layer, "support_avx512bf16_for_cpu"):
                # Else an evaluation packs the weights for a kernel that no gradient goes back through.
                layer.support_avx512bf16_for_cpu = False
    layers = [
        name
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name != "lm_head" and part_of(name) in options.tune
    ]
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha or 2 * options.rank,
        lora_dropout=options.dropout,
        target_modules=layers,
    )
    return get_peft_model(model, config)


def _spec(options: Options) -> ModelSpec:
    """Small steps are lost in half precision, so weights that are trained themselves are float32."""
    dtype = "float32" if options.dtype == "auto" and options.method == "full" else options.dtype
    return ModelSpec(options.model, "4bit" if options.method == "qlora" else "none", options.device, dtype)


def _sample_maker(options: Options, loaded: LoadedModel) -> SampleMaker:
    sampling = Sampling(fps=options.fps, max_frames=options.max_frames)
    budget = budget_of_tokens(loaded.family, options.picture_tokens) if options.picture_tokens else None
    return SampleMaker(loaded, budget, sampling, options.max_tokens)


def _trainer(options: Options, model: Any, samples: Samples, held_out: Samples | None, maker: SampleMaker) -> Trainer:
    on_cpu = next(model.parameters()).device.type == "cpu"
    arguments = TrainingArguments(
        output_dir=str(options.out / CHECKPOINTS),
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulate,
        num_train_epochs=options.epochs,
        max_steps=options.steps or -1,
        learning_rate=options.rate or RATES[options.method],
        lr_scheduler_type="cosine",
        warmup_steps=options.warmup,
        eval_strategy="steps" if held_out else "no",
        eval_steps=options.eval_every,
        eval_on_start=held_out is not None,
        save_steps=options.save_every,
        save_total_limit=2,
        logging_steps=_LOG_EVERY,
        bf16=not on_cpu and torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        use_cpu=on_cpu,
        dataloader_num_workers=options.workers,
        dataloader_pin_memory=not on_cpu,
        seed=options.seed,
        data_seed=options.seed,
        label_names=["labels"],
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
    )
    trainer = Trainer(
        model,
        arguments,
        data_collator=maker.collate,
        train_dataset=samples,
        eval_dataset=held_out,
        compute_metrics=share_right,
        preprocess_logits_for_metrics=likeliest,
        callbacks=[_Progress(options.out), _StopGently()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def likeliest(logits: Any, labels: torch.Tensor) -> torch.Tensor:
    """The token that the model would say at each place; the whole of the logits would not fit for many samples."""
    first: torch.Tensor = logits[0] if isinstance(logits, tuple) else logits
    return first.argmax(dim=-1)


def share_right(prediction: EvalPrediction) -> dict[str, float]:
    """The share of learnt tokens that the model would have said itself, given those before them."""
    said, wanted = prediction.predictions[:, :-1], prediction.label_ids[:, 1:]
    learnt = wanted != NOT_LEARNT
    return {"right": float((said == wanted)[learnt].mean())}


class _Progress(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """Writes the log, and says how far training is and how long it will take."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._started_s, self._first = time.monotonic(), 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self._started_s, self._first = time.monotonic(), state.global_step

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        names = {"loss": "loss", "grad_norm": "grad", "learning_rate": "rate"}
        names |= {"eval_loss": "eval_loss", "eval_right": "eval_right"}
        row = {names[name]: float(f"{float(value):.6g}") for name, value in (logs or {}).items() if name in names}
        if not row:
            return
        with (self._out / LOG).open("a") as log:
            log.write(json.dumps({"step": state.global_step, **row}) + "\n")
        _say(f"{state.global_step}/{state.max_steps}, {self._left(state)}: {json.dumps(row)}")

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        curves.draw_run(self._out / LOG, self._out / CURVES)

    def _left(self, state: TrainerState) -> str:
        done = state.global_step - self._first
        if not done:
            return "starting"
        left_s = (time.monotonic() - self._started_s) / done * (state.max_steps - state.global_step)
        return f"{math.ceil(left_s / 60)} min left" if left_s > 90 else f"{left_s:.0f} s left"


class _StopGently(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
    """After Ctrl+C or SIGTERM the step that runs is finished and saved, so that nothing is lost."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._before: dict[signal.Signals, Any] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, lambda *_: self._stop.set())

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        if self._stop.is_set():
            control.should_save = control.should_training_stop = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _told(options: Options, weights: str) -> dict[str, Any]:
    """The options as JSON has them, and a digest of the weights that the run begins with."""
    told: dict[str, Any] = json.loads(json.dumps(asdict(options), default=str))
    return told | {"weights": weights}


def _check_same(out: Path, told: dict[str, Any]) -> None:
    """A run that goes on has to be the same run: its options are kept beside it."""
    file = out / OPTIONS
    before = read_json(file, "run") if file.is_file() else {}
    fixed = {name: value for name, value in told.items() if name not in _FREE}
    if changed := [name for name, value in fixed.items() if before and before.get(name) != value]:
        raise ModelError(
            f"The run in this folder was started with other {' and other '.join(changed).replace('_', ' ')}. "
            "Go on with the same options, or choose another folder with --out."
        )


def _save(options: Options, loaded: LoadedModel, model: Any, weights: str) -> None:
    """Write what the program loads: an adapter and whose it is, or a whole model in the precision that it came in."""
    if options.method == "full":
        stored = read_json(loaded.folder / "config.json")
        model.to(getattr(torch, stored.get("dtype") or stored.get("torch_dtype") or "bfloat16"))
        model.config.use_cache = True
        model.save_pretrained(options.out)
        loaded.processor.save_pretrained(options.out)
    else:
        # A name instead of a folder of this machine; to look for its vocabulary, peft would ask the hub.
        model.peft_config["default"].base_model_name_or_path = loaded.name
        model.save_pretrained(options.out, save_embedding_layers=False)
        (options.out / "README.md").unlink(missing_ok=True)  # peft's card, which names that folder too
        write_base(options.out, loaded.name, weights)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.finetune",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    defaults = Options(Path(), Path())
    add = parser.add_argument
    add("--model", default=defaults.model, help="pocket, a folder or a hub id (default: %(default)s)")
    add("--data", type=Path, required=True, help="conversations to learn, a JSONL file")
    add("--eval-data", type=Path, help="held-out conversations, on which the loss is told during training")
    add("--out", type=Path, required=True, help="the folder to write to")
    add("--method", choices=METHODS, default=defaults.method, help="qlora has the model in 4 bits (default: lora)")
    add("--tune", nargs="+", choices=PARTS, default=defaults.tune, help="default: merger language")
    add("--rank", type=int, default=defaults.rank, help="width of the adapter (default: %(default)s)")
    add("--alpha", type=int, default=defaults.alpha, help="its strength (default: twice the rank)")
    add("--dropout", type=float, default=defaults.dropout, help="of the adapter's input (default: %(default)s)")
    add("--epochs", type=float, default=defaults.epochs, help="times through the data (default: %(default)s)")
    add("--steps", type=int, default=defaults.steps, help="instead of --epochs")
    add("--batch", type=int, default=defaults.batch, help="conversations at a time (default: %(default)s)")
    add("--accumulate", type=int, default=defaults.accumulate, help="such batches a step (default: %(default)s)")
    add("--rate", type=float, default=defaults.rate, help="learning rate (default: 2e-4 for adapters, 1e-5 for full)")
    add("--warmup", type=float, default=defaults.warmup, help="share of the steps, or steps (default: %(default)s)")
    add("--gradient-checkpointing", action="store_true", help="compute twice what need not be kept: less memory")
    add("--picture-tokens", type=int, default=defaults.picture_tokens, help="the most a picture may take")
    add("--max-tokens", type=int, default=defaults.max_tokens, help="the most a conversation may take")
    add("--fps", type=float, default=defaults.fps, help="frames of a video that are looked at a second")
    add("--max-frames", type=int, default=defaults.max_frames, help="and how many at most (default: %(default)s)")
    add("--eval-every", type=int, default=defaults.eval_every, help="steps (default: %(default)s)")
    add("--save-every", type=int, default=defaults.save_every, help="steps (default: %(default)s)")
    add("--seed", type=int, default=defaults.seed, help="default: %(default)s")
    add("--device", default=defaults.device, help="auto, cpu, cuda, cuda:1 (default: %(default)s)")
    add("--dtype", default=defaults.dtype, help="auto, bfloat16, float16 or float32 (default: %(default)s)")
    add("--workers", type=int, default=defaults.workers, help="processes that open pictures (default: none)")
    add("--threads", type=int, default=defaults.threads, help="of the CPU (default: torch's own number)")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    given = vars(_parser().parse_args(arguments))
    options = Options(**given | {"tune": tuple(given["tune"])})
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        out = finetune(options)
    except StudioError as error:
        raise SystemExit(str(error)) from error
    flag = f"--model {out}" if options.method == "full" else f"--model {options.model} --adapter {out}"
    print(f"Done. Try it: python app.py {flag}")


if __name__ == "__main__":
    main()
