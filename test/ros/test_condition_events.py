"""Losses, returns, doubts and requests are told once, when they begin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sam2s_ros.condition_events import tell_changes
from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.track_condition import TrackCondition, prompted
from sam2s_ros.track_state import Judgement, TrackState


def condition(state: TrackState, asks: bool = False, doubt: str = '') -> TrackCondition:
    return replace(prompted(0), judgement=Judgement(state, 'why', asks), state=state, lasting_doubt=doubt)


TRACKED, OCCLUDED = condition(TrackState.TRACKED), condition(TrackState.OCCLUDED)
LOST = condition(TrackState.LOST, asks=True)
DOUBTED = condition(TrackState.UNCERTAIN, asks=True, doubt='merged')
FROZEN_WHILE_LOST = replace(LOST, judgement=Judgement(TrackState.FROZEN, 'blank', True))


@pytest.mark.parametrize(
    ('before', 'now', 'codes'),
    [
        (TRACKED, OCCLUDED, []),
        (OCCLUDED, LOST, [EventCode.OBJECT_LOST, EventCode.REPROMPT_NEEDED]),
        (LOST, LOST, []),
        (LOST, FROZEN_WHILE_LOST, []),
        (FROZEN_WHILE_LOST, LOST, []),
        (LOST, TRACKED, [EventCode.OBJECT_RECOVERED]),
        (TRACKED, DOUBTED, [EventCode.IDENTITY_DOUBTED, EventCode.REPROMPT_NEEDED]),
        (DOUBTED, DOUBTED, []),
    ],
)
def test_each_change_is_told_once(before: TrackCondition, now: TrackCondition, codes: list[EventCode]) -> None:
    told: list[Event] = []
    tell_changes(EventLog(told.append), 'a', before, now, stamp_ns=5)
    assert [event.code for event in told] == codes
    assert all((event.object_id, event.stamp_ns) == ('a', 5) for event in told)
