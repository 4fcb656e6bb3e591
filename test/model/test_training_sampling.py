"""Which frames make a clip: consecutive ones, or DiveMem's."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sam2s_model.frame_memory import Role
from sam2s_model.training.divemem_sampling import ClipSampling, FramePick, pick_consecutive, pick_divemem, pick_entering

LENGTH = 40
SAMPLING = ClipSampling(divemem=0.5)


def everywhere(index: int) -> bool:
    return True


def picks(count: int = 200) -> list[FramePick]:
    found = (pick_divemem(np.random.default_rng(seed), LENGTH, everywhere, SAMPLING) for seed in range(count))
    return [pick for pick in found if pick is not None]


def test_a_divemem_clip_has_one_condition_two_long_term_and_five_short_term_frames() -> None:
    expected = (Role.CONDITIONING, *[Role.LONG_TERM] * 2, *[Role.SHORT_TERM] * 5)
    assert all(pick.roles == expected for pick in picks())


def test_its_frames_are_all_different_and_the_short_term_ones_consecutive() -> None:
    for pick in picks():
        assert len(set(pick.frames)) == 8
        assert all(b - a == 1 for a, b in pairwise(pick.frames[3:]))


def test_its_condition_and_long_term_frames_come_from_the_entire_video() -> None:
    first_three = np.array([pick.frames[:3] for pick in picks(600)])
    assert all(set(column.tolist()) >= set(range(LENGTH)) for column in first_three.T)


def test_its_frames_are_tracked_as_far_from_the_first_as_they_are() -> None:
    for pick in picks():
        gaps = [abs(frame - pick.frames[0]) for frame in pick.frames]
        assert list(pick.positions[:4]) == gaps[:4]
        assert all(b - a == 1 for a, b in pairwise(pick.positions[3:]))


def test_the_object_is_seen_on_the_frame_that_is_prompted() -> None:
    for seed in range(50):
        pick = pick_divemem(np.random.default_rng(seed), LENGTH, lambda index: index == 7, SAMPLING)
        assert pick is None or pick.frames[0] == 7


def test_long_term_frames_may_lack_the_object() -> None:
    found = [pick_divemem(np.random.default_rng(seed), LENGTH, lambda i: i < 20, SAMPLING) for seed in range(50)]
    assert any(pick is not None and max(pick.frames[1:3]) >= 20 for pick in found)


@pytest.mark.parametrize('length', [1, 7])
def test_a_short_video_gives_no_divemem_clip(length: int) -> None:
    assert pick_divemem(np.random.default_rng(0), length, everywhere, SAMPLING) is None


def test_consecutive_frames_begin_where_there_is_something_to_prompt() -> None:
    for seed in range(30):
        pick = pick_consecutive(np.random.default_rng(seed), LENGTH, lambda index: index in (5, 30), 8)
        assert pick is not None and pick.frames[0] in (5, 30)
        assert pick.frames == tuple(range(pick.frames[0], pick.frames[0] + 8))
        assert pick.positions == tuple(range(8))


def test_a_single_image_is_a_clip_of_one_frame() -> None:
    pick = pick_consecutive(np.random.default_rng(0), 1, everywhere, 8)
    assert pick == FramePick((0,), (Role.CONDITIONING,), (0,))


def test_where_nothing_is_seen_there_is_no_clip() -> None:
    assert pick_consecutive(np.random.default_rng(0), LENGTH, lambda index: False, 8) is None


def test_a_clip_begins_when_something_comes_into_sight() -> None:
    shown = [{0}, {0}, {0, 1}, {0, 1}, {1}, {1}, {0, 1}, {0, 1}]
    picked = {pick.frames for seed in range(20) if (pick := pick_entering(np.random.default_rng(seed), shown, 2))}
    assert picked == {(2, 3), (6, 7)}


def test_no_clip_begins_when_nothing_comes_into_sight_or_too_late() -> None:
    rng = np.random.default_rng(0)
    assert pick_entering(rng, [{0, 1}, {0}, {0}], 2) is None
    assert pick_entering(rng, [{0}, {0}, {0, 1}], 2) is None
