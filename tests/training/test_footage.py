"""What is told of pairs of frames is what the clip has at their times."""

from __future__ import annotations

import numpy as np
import pytest

from training import footage
from training.footage import MAX_FRAMES, Footage


def footage_of(seed: int, frames: int = 24) -> Footage:
    return footage.random_footage(np.random.default_rng(seed), lambda cells: 1, frames)[0]


@pytest.mark.parametrize("seed", range(10))
def test_a_shape_is_seen_in_every_pair_with_a_frame_that_has_it(seed: int) -> None:
    piece = footage_of(seed)
    for actor in piece.clip.actors:
        shown = [pair for pair in range(12) if any(map(actor.is_shown, piece.times_s[2 * pair : 2 * pair + 2]))]
        assert [sight.pair for sight in piece.seen.get(actor, ())] == shown
        for sight in piece.seen.get(actor, ()):
            assert sight.cell // piece.cells == sight.pair
            later_s = [time_s for time_s in piece.times_s[2 * sight.pair :][:2] if actor.is_shown(time_s)][-1]
            assert sight.name == f"{actor.color_at(later_s)} {actor.kind}"


@pytest.mark.parametrize("seed", range(10))
def test_moments_as_told_are_close_to_those_of_the_clip(seed: int) -> None:
    """A pair's time is at most one and a half steps between frames away from what happened."""
    piece = footage_of(seed, MAX_FRAMES)
    step_s = (piece.times_s[-1] - piece.times_s[0]) / (MAX_FRAMES - 1)
    for actor, seen in piece.seen.items():
        start_s, end_s = actor.shown_s
        if start_s > piece.times_s[0]:
            assert abs(piece.pairs_s[seen[0].pair] - start_s) <= 1.5 * step_s + 0.1
        if end_s < piece.times_s[-1]:
            assert abs(piece.pairs_s[seen[-1].pair] - end_s) <= 1.5 * step_s + 0.1


def test_frames_go_in_pairs_and_keep_their_look_through_a_codec() -> None:
    piece = footage_of(1)
    rows, columns = piece.grid_hw
    drawn = piece.draw()
    assert drawn.shape == (12, 2, rows * 32, columns * 32, 3)
    off = [np.abs(footage.pixels(piece, np.random.default_rng(seed)).astype(int) - drawn).mean() for seed in range(8)]
    assert min(off) == 0.0
    assert 0.0 < max(off) < 12.0


def test_frame_numbers_are_even_and_fit_the_programs_sampling() -> None:
    counts = {footage.random_frames(np.random.default_rng(seed)) for seed in range(200)}
    assert all(count % 2 == 0 and 16 <= count <= MAX_FRAMES for count in counts)
    assert len(counts) > 10
