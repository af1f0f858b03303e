"""`python -m benchmarks.video_decode`: what it takes to get some frames of a film, beside the single ways of doing so.

A film of 1,800 frames is made for each keyframe distance; 8, 32 and 120 frames of it are taken: by `model.decoding`,
and by reading it all, by jumping to each frame (both PyAV), by decord and by OpenCV. Counted is processor time.
The ratio is ours to the best single way in the same round, the median over rounds; cases that are short have more
rounds, so that noise does not decide.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from model import decoding

FRAMES, FPS, SIZE_WH = 1800, 30, (640, 360)
KEYFRAME_EVERY = (30, 250)
COUNTS = (8, 32, 120)
LEAST_S, MOST_ROUNDS = 2.0, 20
Way = Callable[[Path, Sequence[int]], int]


def write_film(path: Path, keyframe_every: int) -> Path:
    """A pattern that moves, so that every frame costs something."""
    width, height = SIZE_WH
    noise = np.random.default_rng(0).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    pattern = np.asarray(cv2.resize(noise, SIZE_WH), dtype=np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FPS)
        stream.width, stream.height = SIZE_WH
        stream.pix_fmt, stream.gop_size = "yuv420p", keyframe_every
        stream.options = {"preset": "veryfast", "keyint_min": str(keyframe_every), "sc_threshold": "0"}
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(np.roll(pattern, 3 * index, axis=1), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def ours(path: Path, indices: Sequence[int]) -> int:
    """Without looking at the file first: a person waits for that only once."""
    moments = [index / FPS for index in indices]
    return len(decoding.frames_at(str(path), "mov", moments, SIZE_WH, _facts(path)).pictures)


_FACTS: dict[Path, decoding.Facts] = {}


def _facts(path: Path) -> decoding.Facts:
    if path not in _FACTS:
        _FACTS[path] = decoding.probe(str(path), "mov")
    return _FACTS[path]


def read_all(path: Path, indices: Sequence[int]) -> int:
    wanted = set(indices)
    with av.open(str(path)) as film:
        film.streams.video[0].thread_type = "SLICE"
        frames = enumerate(film.decode(video=0))
        return len([frame.to_ndarray(format="rgb24") for index, frame in frames if index in wanted])


def jump(path: Path, indices: Sequence[int]) -> int:
    pictures = []
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        stream.thread_type = "SLICE"
        for index in indices:
            film.seek(round(index / FPS / (stream.time_base or 1)), stream=stream)
            frame = next(frame for frame in film.decode(stream) if float(frame.time or 0) > (index - 0.5) / FPS)
            pictures.append(frame.to_ndarray(format="rgb24"))
    return len(pictures)


def by_decord(path: Path, indices: Sequence[int]) -> int:
    from decord import VideoReader

    return len(VideoReader(str(path)).get_batch(list(indices)).asnumpy())


def by_opencv(path: Path, indices: Sequence[int]) -> int:
    film = cv2.VideoCapture(str(path))
    pictures = []
    for index in indices:
        film.set(cv2.CAP_PROP_POS_FRAMES, index)
        pictures.append(cv2.cvtColor(film.read()[1], cv2.COLOR_BGR2RGB))
    film.release()
    return len(pictures)


SINGLE_WAYS: dict[str, Way] = {"read all": read_all, "jump": jump, "decord": by_decord, "OpenCV": by_opencv}
WAYS: dict[str, Way] = {"ours": ours, **SINGLE_WAYS}


def seconds(path: Path, indices: Sequence[int], rounds: int) -> dict[str, list[float]]:
    """Processor time of every way, round by round: they take turns, so that a busy machine is so for all of them.

    There are at least `rounds`, and more until ours has taken `LEAST_S` in all, up to `MOST_ROUNDS`.
    """
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    while len(taken["ours"]) < rounds or (sum(taken["ours"]) < LEAST_S and len(taken["ours"]) < MOST_ROUNDS):
        for name, way in WAYS.items():
            started = time.process_time()
            if way(path, indices) != len(indices):
                raise SystemExit("A way did not find all frames; nothing was measured.")
            taken[name].append(time.process_time() - started)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="at least; default: %(default)s")
    rounds = parser.parse_args().rounds
    ratios: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for every in KEYFRAME_EVERY:
            film = write_film(Path(folder) / f"film-{every}.mp4", every)
            for count in COUNTS:
                drawn = np.random.default_rng(count).choice(FRAMES // count, size=count)
                indices = [int(FRAMES / count * place + shift) for place, shift in enumerate(drawn)]
                taken = seconds(film, indices, rounds)
                middle = {name: statistics.median(times) for name, times in taken.items()}
                best = min(SINGLE_WAYS, key=lambda name: middle[name])
                ratio = statistics.median(a / b for a, b in zip(taken["ours"], taken[best], strict=True))
                ratios[f"{count} frames, keyframe every {every}"] = round(ratio, 3)
                said = ", ".join(f"{name} {middle[name]:.3f} s" for name in ("ours", best))
                print(f"{count:4} frames, a keyframe every {every:3}: {said}", flush=True)
    print(json.dumps({"benchmark": "video_decode", "ratio": max(ratios.values()), "ratios": ratios}))


if __name__ == "__main__":
    main()
