"""The heart beats by the steady clock from the start of the node to its end, whatever else stands still."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rosgraph_msgs.msg import Clock
from tracker_in_process import TrackerInProcess

from sam2s_msgs.msg import TrackerStatus

pytestmark = pytest.mark.ros


@pytest.fixture
def start(ros_domain: int, blob_tracker: Any) -> Iterator[Callable[..., TrackerInProcess]]:
    trackers: list[TrackerInProcess] = []

    def begin(**parameters: Any) -> TrackerInProcess:
        trackers.append(TrackerInProcess(ros_domain, lambda _: blob_tracker, **parameters))
        return trackers[-1]

    yield begin
    for tracker in trackers:
        tracker.close()


def test_beats_are_counted_and_come_at_their_rate(start: Callable[..., TrackerInProcess]) -> None:
    tracker = start(status__rate=20.0)
    first = tracker.wait_for_status(lambda status: True)
    time.sleep(1.0)
    last = tracker.statuses[-1]
    assert last.beat - first.beat == pytest.approx((last.uptime - first.uptime) * 20.0, abs=2)
    assert [status.beat for status in tracker.statuses] == list(
        range(tracker.statuses[0].beat, tracker.statuses[-1].beat + 1)
    )


def test_every_state_of_the_lifecycle_beats(start: Callable[..., TrackerInProcess]) -> None:
    tracker = start(status__rate=50.0)
    for step, state in (
        ('', TrackerStatus.UNCONFIGURED),
        ('configure', TrackerStatus.INACTIVE),
        ('activate', TrackerStatus.ACTIVE),
        ('shutdown', TrackerStatus.FINALIZED),
    ):
        assert not step or tracker.node.change_state(step)
        tracker.wait_for_status(lambda status, state=state: status.state == state)


def test_fault_12_and_46_it_beats_while_simulated_time_stands_still(start: Callable[..., TrackerInProcess]) -> None:
    tracker = start(use_sim_time=True, autostart=True, status__rate=50.0)
    tracker.wait_for_status(lambda status: status.state == TrackerStatus.ACTIVE)
    tracker.wait_until(lambda: tracker.camera.get_subscription_count() == 1)
    tracker.show(1)
    tracker.wait_until(lambda: bool(tracker.tracks))
    ages = [tracker.wait_for_status(lambda status: True).image_age for _ in range(5)]
    assert ages == sorted(ages) and ages[-1] > ages[0]
    assert {(status.stamp.sec, status.stamp.nanosec) for status in tracker.statuses} == {(0, 0)}
    assert any('/clock' in problem for problem in tracker.statuses[-1].problems)
    clock = tracker.beside.create_publisher(Clock, '/clock', 10)
    tracker.wait_until(lambda: clock.get_subscription_count() > 0)
    clock.publish(Clock(clock=Time(sec=5)))
    tracker.wait_for_status(lambda status: not any('/clock' in problem for problem in status.problems))


def test_fault_48_who_comes_late_hears_the_newest_status_and_what_happened(
    start: Callable[..., TrackerInProcess],
) -> None:
    from rclpy.qos import DurabilityPolicy, QoSProfile

    from sam2s_msgs.msg import TrackEvent

    tracker = start()
    tracker.bring_up()
    heard: list[str] = []
    latched = QoSProfile(depth=50, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    tracker.beside.create_subscription(TrackEvent, '/sam2s_tracker/events', lambda e: heard.append(e.text), latched)
    tracker.wait_until(lambda: len(heard) >= 2)
    assert heard[:2] == ['unconfigured → inactive', 'inactive → active']


def test_diagnostics_come_every_second(start: Callable[..., TrackerInProcess]) -> None:
    tracker = start()
    arrays: list[DiagnosticArray] = []
    tracker.beside.create_subscription(DiagnosticArray, '/diagnostics', arrays.append, 10)
    tracker.wait_until(lambda: len(arrays) >= 2, timeout_s=10.0)
    assert {status.name for status in arrays[0].status} >= {'sam2s_tracker: state', 'sam2s_tracker: input'}
