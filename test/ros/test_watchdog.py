"""The watchdog tells once when something begins to hang, and once when it is over."""

from __future__ import annotations

import pytest

from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.health import InputState, WatchState
from sam2s_ros.watchdog import InputWatch, Pulse, Watchdog

TIMEOUT_S, FIRST_TIMEOUT_S = 5.0, 60.0


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def events(told: list[Event]) -> EventLog:
    return EventLog(told.append)


@pytest.mark.parametrize(
    ('pulse', 'state'),
    [
        (Pulse(), WatchState.WELL),
        (Pulse(busy_s=4.9), WatchState.WELL),
        (Pulse(busy_s=5.1), WatchState.INFERENCE_STALLED),
        (Pulse(busy_s=59.0, has_tracked=False), WatchState.WELL),
        (Pulse(busy_s=61.0, has_tracked=False), WatchState.INFERENCE_STALLED),
        (Pulse(publishing_s=5.1), WatchState.PUBLISHER_STALLED),
        (Pulse(publishing_s=5.1, has_tracked=False), WatchState.PUBLISHER_STALLED),
        (Pulse(busy_s=9.0, publishing_s=9.0), WatchState.INFERENCE_STALLED),
        (Pulse(busy_s=9.0, is_dead=True), WatchState.WORKER_DEAD),
    ],
)
def test_what_takes_too_long_hangs(events: EventLog, pulse: Pulse, state: WatchState) -> None:
    assert Watchdog(events).look(pulse, TIMEOUT_S, FIRST_TIMEOUT_S) is state


def test_a_stall_is_told_once_and_so_is_its_end(events: EventLog, told: list[Event]) -> None:
    watchdog = Watchdog(events)
    for busy_s in (1.0, 6.0, 7.0, 8.0, 0.0, 0.0):
        watchdog.look(Pulse(busy_s=busy_s, work='an image'), TIMEOUT_S, FIRST_TIMEOUT_S)
    assert [event.code for event in told] == [EventCode.INFERENCE_STALLED, EventCode.INFERENCE_RESUMED]
    assert told[0].text == 'an image has been in work for 6.0 s; tracking hangs'


def test_a_publisher_that_hangs_is_told(events: EventLog, told: list[Event]) -> None:
    watchdog = Watchdog(events)
    for publishing_s in (6.0, 7.0, 0.0):
        watchdog.look(Pulse(publishing_s=publishing_s), TIMEOUT_S, FIRST_TIMEOUT_S)
    assert [event.code for event in told] == [EventCode.PUBLISHER_STALLED, EventCode.PUBLISHER_RESUMED]


def test_fault_13_images_that_stop_and_come_again_are_told_with_the_gap(events: EventLog, told: list[Event]) -> None:
    watch = InputWatch(events)
    ages = (None, 0.01, 0.02, 0.6, 2.5, 0.01)
    states = [watch.look(age_s, timeout_s=0.5) for age_s in ages]
    assert states == [InputState.NO_IMAGE, *[InputState.FLOWING] * 2, *[InputState.STALE] * 2, InputState.FLOWING]
    assert [event.text for event in told] == ['no image has arrived for 0.6 s', 'images arrive again after 2.5 s']


def test_a_deactivation_is_no_loss_of_images(events: EventLog, told: list[Event]) -> None:
    watch = InputWatch(events)
    for age_s in (0.01, None, 0.01):
        watch.look(age_s, timeout_s=0.5)
    assert told == []
