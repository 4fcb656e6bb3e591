"""Memory is held by request and by the look of the video, and whoever listens is told."""

from __future__ import annotations

import numpy as np
import pytest

from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.memory_hold import BY_REQUEST, MemoryHold

BLANK = np.zeros((48, 64, 3), np.uint8)
RNG = np.random.default_rng(1)


def picture() -> np.ndarray:
    return RNG.integers(0, 255, BLANK.shape, dtype=np.uint8)


def codes(told: list[Event]) -> list[EventCode]:
    return [event.code for event in told]


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def hold(told: list[Event]) -> MemoryHold:
    return MemoryHold(True, EventLog(told.append))


def test_nothing_is_told_while_memory_goes_on(hold: MemoryHold, told: list[Event]) -> None:
    assert [hold.look(picture(), 0.04, 0) for _ in range(5)] == [None] * 5
    assert told == []


def test_a_blank_video_holds_memory_until_it_is_back(hold: MemoryHold, told: list[Event]) -> None:
    held = hold.look(BLANK, 0.04, 7)
    assert held is not None and held.is_blind and 'blank' in held.reason
    assert [hold.look(picture(), 0.1, 8) for _ in range(4)][-1] is None
    expected = [EventCode.VIDEO_UNUSABLE, EventCode.MEMORY_FROZEN, EventCode.VIDEO_USABLE, EventCode.MEMORY_RESUMED]
    assert codes(told) == expected
    assert told[0].stamp_ns == 7


def test_a_request_holds_memory_until_it_is_taken_back(hold: MemoryHold, told: list[Event]) -> None:
    hold.request(True)
    assert hold.look(picture(), 0.04, 0) == BY_REQUEST
    hold.request(False)
    assert hold.look(picture(), 0.04, 0) is None
    assert codes(told) == [EventCode.MEMORY_FROZEN, EventCode.MEMORY_RESUMED]


def test_a_request_outlasts_a_fault_of_the_video(hold: MemoryHold, told: list[Event]) -> None:
    hold.request(True)
    hold.look(BLANK, 0.04, 0)
    assert [hold.look(picture(), 0.1, 0) for _ in range(4)][-1] == BY_REQUEST
    assert EventCode.MEMORY_RESUMED not in codes(told)


def test_without_auto_only_a_request_holds_memory() -> None:
    hold = MemoryHold(False, EventLog())
    assert hold.look(BLANK, 0.04, 0) is None
