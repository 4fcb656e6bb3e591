"""When memory runs out objects are given up, newest first, until it suffices; and it is told who is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sam2s_model import FrameResult, OutOfMemory
from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.memory_shortage import MemoryShortage

RESULT = FrameResult(0, 0, ())


def fails(times: int) -> Callable[[], FrameResult]:
    left = [None] * times

    def track() -> FrameResult:
        if left:
            left.pop()
            raise OutOfMemory('none left')
        return RESULT

    return track


@pytest.mark.parametrize(('failures', 'given_up'), [(0, []), (1, []), (2, ['b']), (3, ['b', 'a'])])
def test_it_is_tried_again_and_then_with_one_object_less_each_time(failures: int, given_up: list[str]) -> None:
    told: list[Event] = []
    shortage, objects = MemoryShortage(EventLog(told.append)), ['a', 'b']
    assert shortage.track(fails(failures), lambda: objects.pop() if objects else None) is RESULT
    assert [event.object_id for event in told if event.code == EventCode.DEGRADED] == given_up
    assert all(object_id in ''.join(shortage.degradations) for object_id in given_up)
    assert bool(shortage.degradations) == bool(given_up)


def test_what_does_not_suffice_for_an_image_alone_is_told() -> None:
    with pytest.raises(MemoryError, match='without objects'):
        MemoryShortage(EventLog()).track(fails(9), lambda: None)


def test_all_is_restored_when_every_object_is_back_or_nobody_asks_for_them() -> None:
    told: list[Event] = []
    shortage, objects = MemoryShortage(EventLog(told.append)), ['a', 'b']
    shortage.track(fails(3), objects.pop)
    shortage.regain('a')
    assert shortage.degradations == ('memory ran out and these objects were given up: b',)
    shortage.regain('b')
    assert shortage.degradations == ()
    shortage.track(fails(2), lambda: 'c')
    shortage.clear()
    assert [event.code for event in told].count(EventCode.RESTORED) == 2
