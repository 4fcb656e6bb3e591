"""All objects of a stream are judged together: by themselves, and by where the others are."""

from __future__ import annotations

import numpy as np
import pytest

from sam2s_model import FrameResult, ObjectMask
from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.object_conditions import ObjectConditions
from sam2s_ros.run_lengths import encode_mask
from sam2s_ros.track_state import StateLimits, TrackState

FRAME_S = 0.04
LIMITS = StateLimits(confirm_after=0.1, lost_after=0.3)


def result(**corners: int | None) -> FrameResult:
    """Squares of 10 pixels with their left side at the given places; None for an object that is not seen."""
    objects = []
    for object_id, x in corners.items():
        mask = np.zeros((60, 80), bool)
        if x is not None:
            mask[20:30, x : x + 10] = True
        objects.append(ObjectMask(object_id, mask, 0.9, float(x is not None)))
    return FrameResult(0, 5, tuple(objects))


class Stream:
    def __init__(self) -> None:
        self.told: list[Event] = []
        self.conditions = ObjectConditions(LIMITS, EventLog(self.told.append))

    def show(self, images: int = 1, **corners: int | None) -> dict[str, TrackState]:
        for _ in range(images):
            found = result(**corners)
            runs = {mask.object_id: encode_mask(mask.mask) for mask in found.objects}
            self.conditions.follow(found, runs, dict.fromkeys(corners, 'grasper'), FRAME_S)
        return {object_id: self.conditions[object_id].judgement.state for object_id in corners}


@pytest.fixture
def stream() -> Stream:
    """Two objects that are tracked."""
    stream = Stream()
    for object_id in ('a', 'b'):
        stream.conditions.begin(object_id, stamp_ns=0)
    assert set(stream.show(5, a=10, b=50).values()) == {TrackState.TRACKED}
    return stream


def test_objects_are_judged_one_by_one(stream: Stream) -> None:
    assert stream.show(10, a=10, b=None) == {'a': TrackState.TRACKED, 'b': TrackState.LOST}
    assert [event.code for event in stream.told] == [EventCode.OBJECT_LOST, EventCode.REPROMPT_NEEDED]


def test_objects_that_changed_places_are_both_uncertain_until_each_is_prompted(stream: Stream) -> None:
    assert set(stream.show(20, a=50, b=10).values()) == {TrackState.UNCERTAIN}
    stream.conditions.begin('a', stamp_ns=5)
    assert stream.show(5, a=50, b=10) == {'a': TrackState.TRACKED, 'b': TrackState.UNCERTAIN}


def test_while_memory_is_held_every_object_is_frozen_and_none_becomes_lost(stream: Stream) -> None:
    for _ in range(50):
        stream.conditions.hold(result(a=None, b=None), 'the video is blank')
    assert stream.conditions['a'].judgement.state == TrackState.FROZEN
    assert set(stream.show(5, a=10, b=50).values()) == {TrackState.TRACKED}
    assert stream.told == []


def test_objects_may_be_anywhere_after_memory_was_held(stream: Stream) -> None:
    stream.conditions.hold(result(a=None, b=None), 'the video is blank')
    assert set(stream.show(5, a=50, b=10).values()) == {TrackState.TRACKED}


def test_a_forgotten_object_is_known_no_more(stream: Stream) -> None:
    stream.conditions.forget('a')
    with pytest.raises(KeyError):
        stream.conditions['a']


def test_an_object_at_the_border_is_recognised_as_such(stream: Stream) -> None:
    stream.show(10, a=10, b=50)
    edge = np.zeros((60, 80), bool)
    edge[20:22, :2] = True
    found = FrameResult(0, 5, (ObjectMask('a', edge, 0.9, 1.0),))
    stream.conditions.follow(found, {'a': encode_mask(edge)}, {'a': ''}, FRAME_S)
    assert stream.conditions['a'].is_leaving
