"""Losses and returns are told in time, on phantom surgery of known visibility; the counting itself is right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sam2s_ros.state_benchmark import FIRST_SEED, OracleTracker, StateCounts, count_states, phantom, prompted_on, run
from sam2s_ros.track_state import StateLimits, TrackState

_, TRACKED, UNCERTAIN, OCCLUDED, LOST, FROZEN = TrackState
FPS = 4


@pytest.mark.parametrize(
    ('visible', 'states', 'counts'),
    [
        ('1111', [TRACKED] * 4, StateCounts()),
        ('11000000', [TRACKED] * 2 + [OCCLUDED] * 3 + [LOST] * 3, StateCounts(disappearances=1, told=1, losses=1)),
        ('11000000', [TRACKED] * 2 + [OCCLUDED] * 6, StateCounts(disappearances=1)),
        ('11001111', [TRACKED] * 2 + [OCCLUDED] * 2 + [TRACKED] * 4, StateCounts()),
        ('1111', [TRACKED, LOST, LOST, TRACKED], StateCounts(losses=1, false_losses=1)),
        (
            '1000011111',
            [TRACKED, OCCLUDED, LOST, FROZEN, FROZEN] + [LOST] * 2 + [TRACKED] * 3,
            StateCounts(disappearances=1, told=1, losses=1, returns=1, noticed=1, recovered=1),
        ),
        (
            '100000111111',
            [TRACKED, OCCLUDED] + [LOST] * 6 + [UNCERTAIN] * 4,
            StateCounts(disappearances=1, told=1, losses=1, returns=1, noticed=1),
        ),
    ],
)
def test_states_are_counted_against_what_could_be_seen(
    visible: str, states: list[TrackState], counts: StateCounts
) -> None:
    assert count_states(np.array([sign == '1' for sign in visible]), states, FPS) == counts


def test_an_object_is_prompted_when_most_of_it_has_entered() -> None:
    labels = np.zeros((5, 10, 100), np.uint8)
    for frame, width in enumerate((0, 1, 30, 50, 50)):
        labels[frame, :, :width] = 1
    video: Any = SimpleNamespace(labels=labels)
    assert (prompted_on(video, '1'), prompted_on(video, '2')) == (2, None)


@pytest.fixture(scope='module')
def counts() -> StateCounts:
    total = StateCounts()
    for seed in range(FIRST_SEED, FIRST_SEED + 6):
        video = phantom(seed, height=96, width=128, seconds=10.0)
        total += run(video, OracleTracker(video, 0.02, np.random.default_rng(seed)), StateLimits())
    return total


def test_a_real_disappearance_is_told_within_a_second_in_95_of_100(counts: StateCounts) -> None:
    assert counts.disappearances >= 8
    assert counts.told >= 0.95 * counts.disappearances


def test_at_most_two_losses_of_100_are_told_of_an_object_that_can_be_seen(counts: StateCounts) -> None:
    assert counts.losses >= 8
    assert counts.false_losses <= 0.02 * counts.losses


def test_an_object_that_returns_is_tracked_within_a_second(counts: StateCounts) -> None:
    assert counts.returns >= 5
    assert counts.recovered >= 0.95 * counts.returns


def test_what_is_not_there_is_not_acted_on(counts: StateCounts) -> None:
    assert counts.actionable > 1000
    assert counts.wrong == 0
