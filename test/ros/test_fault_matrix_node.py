"""Rows 36, 40, 41, 44, 45, 47 and 50: listeners, parameters, transitions, errors of our own, names."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

import yaml
from fault_bench import RIGHT, ask, ids, point, stamps, track
from std_srvs.srv import Trigger
from tracker_in_process import TrackerInProcess

from sam2s_model import Frame, FrameResult
from sam2s_msgs.msg import PromptResult, TrackEvent

pytestmark = pytest.mark.ros

Start = Callable[..., TrackerInProcess]
DRIVERS = Path(__file__).parents[1] / 'drivers'


def test_fault_36_a_listener_that_has_stopped_keeps_nobody_from_tracking(
    start_tracker: Start, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.pathsep.join([str(DRIVERS), *filter(None, [os.environ.get('PYTHONPATH')])])
    monkeypatch.setitem(bench.environment, 'PYTHONPATH', path)
    listener = bench.start('listening_node', '/sam2s_tracker/tracks', '/sam2s_tracker/overlay')
    tracker = start_tracker()
    tracker.wait_until(lambda: tracker.beside.count_subscribers('/sam2s_tracker/overlay') == 1, 60.0)
    track(tracker, 1)
    assert ask(tracker, point()).success
    listener.signal(signal.SIGSTOP)
    for stamp in range(2, 102):
        assert ids(track(tracker, stamp)) == ['left']
    status = tracker.wait_for_status(lambda status: status.processed == 101)
    assert status.errors == 0
    listener.signal(signal.SIGCONT)
    listener.kill()


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'tracking__max_objects': 0}, 'tracking.max_objects'),
        ({'tracking__max_objects': 'four'}, 'tracking.max_objects'),
        ({'overlay__alpha': 1.5}, 'overlay.alpha'),
        ({'overlay__alpha': float('nan')}, 'overlay.alpha'),
        ({'watchdog__timeout': 600.0}, 'watchdog.first_timeout: expected at least'),
        ({'image_transport': 'pigeon'}, 'image_transport: expected one of'),
        ({'no__such': 1}, 'undeclared'),
    ],
)
def test_fault_40_an_impossible_parameter_is_refused_with_its_whole_set(
    start_tracker: Start, changes: dict[str, Any], reason: str
) -> None:
    tracker = start_tracker()
    result = tracker.set(status__rate=20.0, **changes)
    assert not result.successful and reason in result.reason
    assert tracker.node.get_parameter('status.rate').value == 50.0
    assert tracker.told(TrackEvent.PARAMETERS_CHANGED) == []
    track(tracker, 1)


def test_fault_40_fewer_objects_than_are_tracked_cannot_be_allowed(start_tracker: Start) -> None:
    tracker = start_tracker()
    track(tracker, 1)
    assert ask(tracker, point(), point('right', RIGHT)).success
    result = tracker.set(tracking__max_objects=1)
    assert (result.successful, result.reason) == (
        False,
        'tracking.max_objects: 2 objects are tracked, came 1; remove some first',
    )
    assert ids(track(tracker, 2)) == ['left', 'right']


class Gate:
    """A tracker that waits in the middle of an image until it is let go on."""

    def __init__(self) -> None:
        self.is_inside = threading.Event()
        self.open = threading.Event()

    def step(self, frame: Frame) -> FrameResult:
        self.is_inside.set()
        assert self.open.wait(20.0)
        return FrameResult(0, frame.stamp_ns, ())

    look = step

    def reset(self) -> None:
        pass


def test_fault_41_transitions_during_an_image_wait_for_it_and_leave_no_thread(start_tracker: Start) -> None:
    gate = Gate()
    tracker = start_tracker(lambda: gate)
    tracker.show(1)
    assert gate.is_inside.wait(20.0)
    tracker.when_deaf(gate.open.set)
    assert tracker.request(label='deactivate') and tracker.request(label='cleanup')
    assert not tracker.request(label='cleanup')
    assert 'inference' not in {thread.name for thread in threading.enumerate()}
    assert tracker.tracks == []
    tracker.bring_up()
    track(tracker, 2)


def breaks(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Let something raise, wherever it is called."""

    def fail(*arguments: Any, **options: Any) -> None:
        raise RuntimeError('struck by lightning')

    monkeypatch.setattr(f'sam2s_ros.{place}', fail)


@pytest.mark.parametrize(
    'place',
    [
        'frame_buffer.FrameBuffer.add',  # where an image arrives
        'tracking_session.TrackingSession._find',  # in the thread that tracks
        'result_publisher.ResultPublisher.publish',  # where results leave
        'image_subscription.ImageSubscription._offers',  # in the look at the graph
        'heartbeat.diagnostics',  # in the diagnostics
        'prompt_service.PromptService._reading',  # in a service
    ],
)
def test_fault_44_an_error_of_our_own_is_counted_and_the_node_lives(
    start_tracker: Start, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    tracker = start_tracker()
    track(tracker, 1)
    with monkeypatch.context() as broken:
        breaks(broken, place)
        tracker.show(2)
        answer = ask(tracker, point())
        if 'PromptService' in place:
            assert (answer.success, answer.code) == (False, PromptResult.INTERNAL)
        tracker.wait_for_status(lambda status: status.errors >= 1)
    assert 'struck by lightning' in tracker.wait_for_status(lambda status: True).last_error
    tracker.call(Trigger, 'reset', Trigger.Request())
    track(tracker, 3)
    assert ask(tracker, point()).success
    assert ids(track(tracker, 4)) == ['left']
    assert tracker.is_spinning


def test_fault_47_more_than_254_classes_keep_the_node_from_its_configuration(
    start_tracker: Start, tmp_path: Path
) -> None:
    file = tmp_path / 'labels.yaml'
    file.write_text(yaml.safe_dump({'classes': {f'class {number}': number for number in range(1, 301)}}))
    tracker = start_tracker()
    assert tracker.request(label='deactivate') and tracker.request(label='cleanup')
    assert tracker.set(labels__file=str(file)).successful
    assert not tracker.request(label='configure')
    tracker.wait_until(lambda: bool(tracker.told(TrackEvent.TRANSITION_FAILED)))
    assert (
        'expected "name: number" with 1 to 254, came \'class 255\': 255'
        in (tracker.told(TrackEvent.TRANSITION_FAILED)[0])
    )


def test_fault_47_an_unknown_label_gets_the_next_number_while_there_is_one(
    start_tracker: Start, tmp_path: Path
) -> None:
    file = tmp_path / 'labels.yaml'
    file.write_text(yaml.safe_dump({'classes': {f'class {number}': number for number in range(1, 254)}}))
    tracker = start_tracker(labels__file=str(file))
    track(tracker, 1)
    answer = ask(tracker, point(label='laser'), point('right', RIGHT, label='balloon'))
    assert [result.class_id for result in answer.results] == [254, 0]
    assert [(found.label, found.class_id) for found in track(tracker, 2).tracks] == [('laser', 254), ('balloon', 0)]


def test_fault_50_two_trackers_in_one_process_hear_only_their_own(ros_domain: int, blob_tracker: Any) -> None:
    left, right = (
        TrackerInProcess(ros_domain, lambda _: type(blob_tracker)(), namespace=name, tracking__auto_freeze=False)
        for name in ('/left', '/right')
    )
    try:
        left.bring_up()
        right.bring_up()
        track(left, 1)
        track(right, 2)
        assert ask(left, point()).success
        assert ask(right, point('right', RIGHT)).success
        assert ids(track(left, 3)) == ['left']
        assert ids(track(right, 4)) == ['right']
        assert (stamps(left), stamps(right)) == ([1, 3], [2, 4])
    finally:
        left.close()
        right.close()


def test_fault_50_every_name_of_the_node_follows_its_namespace(ros_domain: int, blob_tracker: Any) -> None:
    tracker = TrackerInProcess(ros_domain, lambda _: type(blob_tracker)(), namespace='/theatre_2/left')
    try:
        tracker.bring_up()
        node = tracker.node
        topics = {name for name, _ in node.get_publisher_names_and_types_by_node('sam2s_tracker', '/theatre_2/left')}
        topics |= {name for name, _ in node.get_subscriber_names_and_types_by_node('sam2s_tracker', '/theatre_2/left')}
        services = {name for name, _ in node.get_service_names_and_types_by_node('sam2s_tracker', '/theatre_2/left')}
        assert {name for name in topics | services if not name.startswith('/theatre_2/left/')} == {
            '/diagnostics',
            '/parameter_events',
            '/rosout',
        }
    finally:
        tracker.close()
