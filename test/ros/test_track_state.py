"""What the model says of an object becomes a state that a consumer can act on."""

from __future__ import annotations

import numpy as np
import pytest

from sam2s_model import ObjectMask
from sam2s_ros.track_state import Sighting, StateLimits, TrackState, seen_after, state_of

LIMITS = StateLimits(uncertain_score=0.6, lost_frames=3)


def found(seen: bool = True, score: float = 0.9, presence: float = 0.9) -> ObjectMask:
    return ObjectMask('a', np.full((2, 2), seen), score, presence)


NOTHING = found(seen=False, score=0.1, presence=0.1)


@pytest.mark.parametrize(
    ('sighting', 'mask', 'state'),
    [
        (Sighting(), found(), TrackState.TENTATIVE),
        (Sighting(tracked_frames=1), found(), TrackState.TRACKED),
        (Sighting(tracked_frames=9), found(score=0.59), TrackState.UNCERTAIN),
        (Sighting(tracked_frames=9), found(presence=0.4), TrackState.OCCLUDED),
        (Sighting(tracked_frames=9, frames_since_seen=2), NOTHING, TrackState.OCCLUDED),
        (Sighting(tracked_frames=9, frames_since_seen=3), NOTHING, TrackState.LOST),
    ],
)
def test_each_state_has_its_condition(sighting: Sighting, mask: ObjectMask, state: TrackState) -> None:
    assert state_of(sighting, mask, LIMITS)[0] == state


@pytest.mark.parametrize('mask', [found(score=0.1), NOTHING])
def test_a_state_that_is_not_tracked_gives_its_reason(mask: ObjectMask) -> None:
    assert state_of(Sighting(tracked_frames=1), mask, LIMITS)[1]
    assert state_of(Sighting(tracked_frames=1), found(), LIMITS)[1] == ''


def test_an_object_out_of_sight_counts_up_and_keeps_its_last_stamp() -> None:
    sighting = Sighting()
    for stamp, mask in [(10, found()), (20, NOTHING), (30, NOTHING)]:
        sighting = seen_after(sighting, mask, stamp)
    assert sighting == Sighting(tracked_frames=3, frames_since_seen=2, last_seen_ns=10)


def test_an_object_that_returns_is_tracked_again() -> None:
    sighting = seen_after(Sighting(tracked_frames=50, frames_since_seen=40, last_seen_ns=1), found(), 99)
    assert sighting == Sighting(51, 0, 99)
    assert state_of(sighting, found(), LIMITS)[0] == TrackState.TRACKED
