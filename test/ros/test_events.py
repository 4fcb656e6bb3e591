"""The event log numbers what it is told, keeps the last error, silences repetitions, and never fails its caller."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sam2s_ros.events import SEVERITIES, Event, EventCode, EventLog, Severity

MESSAGE = Path(__file__).parents[2] / 'sam2s_msgs' / 'msg' / 'TrackEvent.msg'


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def log(told: list[Event]) -> EventLog:
    return EventLog(told.append)


def test_events_are_numbered_from_one_in_their_order(log: EventLog, told: list[Event]) -> None:
    log.emit(EventCode.OBJECT_ADDED, 'a was added', object_id='a', stamp_ns=5)
    log.emit(EventCode.SESSION_RESET, 'all objects are forgotten')
    assert [(event.number, event.code, event.object_id, event.stamp_ns) for event in told] == [
        (1, EventCode.OBJECT_ADDED, 'a', 5),
        (2, EventCode.SESSION_RESET, '', None),
    ]


def test_a_code_has_its_usual_severity_unless_told_otherwise(log: EventLog, told: list[Event]) -> None:
    log.emit(EventCode.OBJECT_LOST, 'a is lost')
    log.emit(EventCode.OBJECT_ADDED, 'a was added')
    log.emit(EventCode.OBJECT_ADDED, 'a was added', severity=Severity.ERROR)
    assert [event.severity for event in told] == [Severity.WARNING, Severity.INFO, Severity.ERROR]


def test_the_last_error_is_remembered(log: EventLog) -> None:
    assert log.last_error is None
    log.emit(EventCode.TRACKING_FAILED, 'first')
    log.emit(EventCode.OUT_OF_MEMORY, 'second')
    log.emit(EventCode.SESSION_RESET, 'no error')
    assert log.last_error is not None and log.last_error.text == 'second'


def test_a_repetition_within_its_time_is_counted_and_not_told(log: EventLog, told: list[Event]) -> None:
    for _ in range(3):
        log.emit(EventCode.IMAGE_REFUSED, 'bad', at_most_every_s=60.0)
        log.emit(EventCode.OBJECT_LOST, 'lost', object_id='a', at_most_every_s=60.0)
        log.emit(EventCode.OBJECT_LOST, 'lost', object_id='b', at_most_every_s=60.0)
    assert [event.object_id for event in told] == ['', 'a', 'b']
    assert log.count(EventCode.OBJECT_LOST) == 6


def test_a_repetition_after_its_time_is_told(log: EventLog, told: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    for now_s in (100, 101, 103):
        monkeypatch.setattr('time.monotonic_ns', lambda now_s=now_s: now_s * 1_000_000_000)
        log.emit(EventCode.IMAGE_REFUSED, f'at {now_s}', at_most_every_s=2.0)
    assert [event.text for event in told] == ['at 100', 'at 103']


def test_a_listener_that_fails_does_not_fail_who_tells() -> None:
    def fail(event: Event) -> None:
        raise RuntimeError('no publisher')

    log = EventLog(fail)
    log.emit(EventCode.TRACKING_FAILED, 'told all the same')
    assert log.last_error is not None


def test_thousands_of_objects_do_not_make_the_log_grow(log: EventLog) -> None:
    for number in range(2000):
        log.emit(EventCode.OBJECT_LOST, 'lost', object_id=str(number), at_most_every_s=60.0)
    assert len(log._told_ns) <= 256


@pytest.mark.parametrize('kind', [EventCode, Severity])
def test_codes_and_severities_are_those_of_the_message(kind: type[EventCode] | type[Severity]) -> None:
    constants = dict(re.findall(r'^uint8 ([A-Z_]+)=(\d+)', MESSAGE.read_text(), re.MULTILINE))
    assert {name: str(int(member)) for name, member in kind.__members__.items()}.items() <= constants.items()
    assert len(EventCode) + len(Severity) == len(constants)


def test_every_severity_is_of_a_known_code() -> None:
    assert set(SEVERITIES) <= set(EventCode)
