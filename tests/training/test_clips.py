"""Drawn clips show what their times say."""

from __future__ import annotations

import numpy as np
import pytest

from training.clips import MAX_S, MIN_S, SIZES_WH, Clip, random_clip
from training.scenes import COLORS, touch


def clip_of(seed: int) -> Clip:
    rng = np.random.default_rng(seed)
    return random_clip(rng, SIZES_WH[seed % len(SIZES_WH)], float(rng.uniform(MIN_S, MAX_S)))


@pytest.mark.parametrize("seed", range(12))
def test_a_frame_has_each_shape_where_and_as_long_as_it_is_there(seed: int) -> None:
    clip = clip_of(seed)
    times_s = clip.frame_times()[:: max(1, clip.fps // 2)]
    for frame, time_s in zip(clip.draw(list(times_s)), times_s, strict=True):
        assert frame.shape == (clip.size_wh[1], clip.size_wh[0], 3)
        for actor in clip.actors:
            x, y = actor.center_xy(time_s)
            off = np.abs(frame[round(y), round(x)].astype(int) - COLORS[actor.color_at(time_s)]).max()
            assert (off <= 12) == actor.is_shown(time_s) or any(
                other is not actor and other.is_shown(time_s) for other in clip.actors
            )


@pytest.mark.parametrize("seed", range(12))
def test_something_happens_to_the_first_shape_and_none_is_hidden(seed: int) -> None:
    clip = clip_of(seed)
    first = clip.actors[0]
    assert first.moves_s or first.turns or first.shown_s != (0.0, np.inf)
    names = [name for actor in clip.actors for name in actor.names]
    assert len(set(names)) == len(names)
    for time_s in np.arange(0, clip.duration_s, 0.25):
        shapes = [actor.shape_at(time_s) for actor in clip.actors if actor.is_shown(time_s)]
        assert not any(touch(a, b, clip.size_wh) for i, a in enumerate(shapes) for b in shapes[:i])
        for shape in shapes:
            x1, y1, x2, y2 = shape.xyxy
            assert x1 >= 0
            assert y1 >= 0
            assert x2 <= clip.size_wh[0]
            assert y2 <= clip.size_wh[1]


def test_the_same_seed_draws_the_same_clip() -> None:
    one, two = clip_of(3), clip_of(3)
    assert all(np.array_equal(a, b) for a, b in zip(one.draw([0.0, 2.0]), two.draw([0.0, 2.0]), strict=True))
