"""The heartbeat message says all that the health says."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from builtin_interfaces.msg import Time

from sam2s_msgs.msg import TrackerStatus
from sam2s_ros.health import Health, InputHealth, InputState, NodeState, ObjectCounts, WatchState, WorkHealth
from sam2s_ros.image_ledger import DropReason, ImageCounts
from sam2s_ros.latency import StageSeconds
from sam2s_ros.status_message import status_message

UNKNOWN = Health(NodeState.UNCONFIGURED)


def message(health: Health) -> TrackerStatus:
    return status_message(health, Time(sec=3), beat=7, uptime_s=1.5)


def test_what_is_not_known_is_zero_empty_or_minus_one() -> None:
    status = message(UNKNOWN)
    assert (status.stamp.sec, status.beat, status.uptime, status.state) == (3, 7, 1.5, TrackerStatus.UNCONFIGURED)
    assert (status.image_age, status.last_error_age) == (-1.0, -1.0)
    assert (status.received, status.session_id, status.problems, status.degraded) == (0, '', [], False)


def test_counts_and_latencies_arrive_in_their_fields() -> None:
    counts = ImageCounts(received=9, tracked=5, dropped={DropReason.SUPERSEDED: 3, DropReason.FAILED: 1})
    work = WorkHealth(
        counts=counts,
        median=StageSeconds(total=0.25),
        p99=StageSeconds(inference=0.5),
        objects=ObjectCounts(tracked=4, actionable=2, to_reprompt=1),
        watch=WatchState.PUBLISHER_STALLED,
        degradations=('CPU instead of GPU',),
    )
    status = message(replace(UNKNOWN, state=NodeState.ACTIVE, work=work, input=InputHealth(InputState.FLOWING, '/a')))
    assert (status.received, status.processed) == (9, 5)
    assert (status.dropped.superseded, status.dropped.failed, status.dropped.queue_full) == (3, 1, 0)
    assert (status.latency_median.total, status.latency_p95.total, status.latency_p99.inference) == (0.25, 0.0, 0.5)
    assert (status.objects, status.objects_actionable, status.objects_to_reprompt) == (4, 2, 1)
    assert (status.watchdog, status.degraded, status.image_topic) == (TrackerStatus.PUBLISHER_STALLED, True, '/a')


@pytest.mark.parametrize('kind', [NodeState, InputState, WatchState])
def test_states_are_those_of_the_message(kind: type[NodeState] | type[InputState] | type[WatchState]) -> None:
    assert {name: getattr(TrackerStatus, name) for name in kind.__members__} == dict(kind.__members__.items())


@pytest.mark.parametrize('number', [0, 10, 12, 15])
def test_what_lies_between_two_states_is_a_transition(number: int) -> None:
    assert NodeState.of(number) is NodeState.IN_TRANSITION
