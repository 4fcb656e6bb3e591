"""A running node notices what goes wrong with it, says so in its heartbeat, and gets over it where it can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from tracker_in_process import TrackerInProcess

from sam2s_model import Frame, FrameResult
from sam2s_msgs.msg import TrackerStatus, TrackEvent
from sam2s_ros.vitals import HUNG, process_memory

pytestmark = pytest.mark.ros

MILLISECOND = 1_000_000


class Patient:
    """A tracker without objects that waits at a gate, and raises what a test wants."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.fault: Callable[[], None] = lambda: None
        self.seen: list[int] = []

    def step(self, frame: Frame) -> FrameResult:
        self.seen.append(frame.stamp_ns)
        assert self.gate.wait(20.0)
        self.fault()
        return FrameResult(len(self.seen), frame.stamp_ns, ())

    look = step

    def reset(self) -> None:
        self.seen.clear()


@pytest.fixture
def patient() -> Iterator[Patient]:
    patient = Patient()
    yield patient
    patient.gate.set()


@pytest.fixture
def start(ros_domain: int, patient: Patient) -> Iterator[Callable[..., TrackerInProcess]]:
    trackers: list[TrackerInProcess] = []

    def begin(**parameters: Any) -> TrackerInProcess:
        trackers.append(TrackerInProcess(ros_domain, lambda _: patient, status__rate=50.0, **parameters))
        trackers[-1].bring_up()
        return trackers[-1]

    yield begin
    patient.gate.set()
    for tracker in trackers:
        tracker.close()


Start = Callable[..., TrackerInProcess]


def show_one(tracker: TrackerInProcess, stamp_ns: int) -> None:
    """Show an image and wait for its tracks."""
    tracker.show(stamp_ns)
    tracker.wait_until(lambda: any(t.header.stamp.nanosec == stamp_ns for t in tracker.tracks))


def test_the_status_tells_of_images_latency_model_and_memory(start: Start) -> None:
    tracker = start()
    for number in range(1, 6):
        show_one(tracker, number * MILLISECOND)
    status = tracker.wait_for_status(lambda status: status.processed == 5)
    assert (status.state, status.input, status.watchdog) == (TrackerStatus.ACTIVE, TrackerStatus.FLOWING, 0)
    assert (status.received, status.waiting, status.objects) == (5, 0, 0)
    assert (status.image_topic, status.is_compressed) == ('/image', False)
    assert status.session_id == tracker.tracks[-1].session_id
    assert 0 < status.latency_median.total <= status.latency_p95.total <= status.latency_p99.total < 5.0
    assert (status.checkpoint, status.checkpoint_sha256) == ('blob.safetensors', 'ab' * 32)
    assert status.process_memory == pytest.approx(process_memory(), rel=0.2)
    assert (list(status.problems), status.errors, status.last_error_age) == ([], 0, -1.0)


def test_every_track_array_tells_where_its_time_went(start: Start) -> None:
    tracker = start()
    show_one(tracker, 1)
    timing = tracker.tracks[-1].timing
    stages = (timing.queue, timing.preprocess, timing.inference, timing.postprocess)
    assert all(stage > 0 for stage in stages)
    assert sum(stages) == pytest.approx(timing.total, rel=0.01)


def test_fault_13_a_stream_that_stops_is_stale_and_recovers_by_itself(start: Start) -> None:
    tracker = start(input__timeout=0.1)
    show_one(tracker, 1)
    status = tracker.wait_for_status(lambda status: status.input == TrackerStatus.STALE)
    assert status.image_age > 0.1 and list(status.problems) == ['no images arrive']
    show_one(tracker, 2)
    assert len(tracker.tracks) == 2
    tracker.wait_until(lambda: bool(tracker.told(TrackEvent.INPUT_RECOVERED)))
    assert len(tracker.told(TrackEvent.INPUT_LOST)) >= 1


def test_fault_01_an_image_that_makes_no_sense_is_counted_and_told_once(start: Start) -> None:
    tracker = start()
    for stamp_ns in (1, 2, 3):
        tracker.show(stamp_ns, encoding='foo8')
        tracker.wait_for_status(lambda status, count=stamp_ns: status.dropped.unreadable == count)
    assert len(tracker.told(TrackEvent.IMAGE_REFUSED)) == 1
    show_one(tracker, 4)
    assert tracker.tracks[-1].dropped == 3


def test_an_image_that_fails_to_track_is_an_error_and_the_next_one_is_tracked(start: Start, patient: Patient) -> None:
    def fault() -> None:
        raise RuntimeError('no luck today')

    tracker = start()
    patient.fault = fault
    tracker.show(1)
    status = tracker.wait_for_status(lambda status: status.dropped.failed == 1)
    assert (status.errors, status.last_error) == (1, 'image not tracked: RuntimeError: no luck today')
    patient.fault = lambda: None
    show_one(tracker, 2)


def test_tracking_that_hangs_is_told_and_so_is_its_end(start: Start, patient: Patient) -> None:
    tracker = start(watchdog__timeout=0.2, watchdog__first_timeout=0.2)
    patient.gate.clear()
    tracker.show(1)
    status = tracker.wait_for_status(lambda status: status.watchdog == TrackerStatus.INFERENCE_STALLED)
    assert status.busy_for > 0.2 and 'tracking hangs' in status.problems
    patient.gate.set()
    tracker.wait_for_status(lambda status: status.watchdog == TrackerStatus.WELL)
    tracker.wait_until(lambda: bool(tracker.told(TrackEvent.INFERENCE_RESUMED)))
    assert tracker.exit_codes == []


def test_tracking_that_hangs_ends_the_process_where_that_is_wanted(start: Start, patient: Patient) -> None:
    tracker = start(watchdog__timeout=0.2, watchdog__first_timeout=0.2, watchdog__exit=True)
    patient.gate.clear()
    tracker.show(1)
    tracker.wait_until(lambda: bool(tracker.exit_codes))
    assert tracker.exit_codes == [HUNG]


def test_fault_41_a_node_that_hangs_can_be_cleaned_up_and_configured_again(
    start: Start, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('sam2s_ros.tracking_pipeline.STOP_TIMEOUT_S', 0.1)
    tracker = start()
    patient.gate.clear()
    tracker.show(1)
    tracker.wait_until(lambda: bool(patient.seen))
    assert not tracker.request(label='deactivate')
    assert tracker.state() == 'unconfigured'
    patient.gate.set()
    tracker.bring_up()
    show_one(tracker, 2)
    assert [array.header.stamp.nanosec for array in tracker.tracks] == [2]


def test_fault_41_a_deactivation_in_the_middle_of_an_image_discards_its_result(start: Start, patient: Patient) -> None:
    tracker = start()
    patient.gate.clear()
    tracker.show(1)
    tracker.wait_until(lambda: bool(patient.seen))
    tracker.when_deaf(patient.gate.set)
    assert tracker.request(label='deactivate')
    status = tracker.wait_for_status(lambda status: status.state == TrackerStatus.INACTIVE)
    assert (status.dropped.stopped, status.processed, tracker.tracks) == (1, 0, [])


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_fault_45_a_tracking_thread_that_dies_is_started_again_once(start: Start, patient: Patient) -> None:
    def fault() -> None:
        raise SystemExit

    tracker = start()
    patient.fault = fault
    begun = time.monotonic()
    tracker.show(1)
    tracker.wait_until(lambda: bool(tracker.told(TrackEvent.WORKER_RESTARTED)))
    assert time.monotonic() - begun < 1.0
    patient.fault = lambda: None
    show_one(tracker, 2)
    patient.fault = fault
    tracker.show(3)
    status = tracker.wait_for_status(lambda status: status.watchdog == TrackerStatus.WORKER_DEAD)
    assert 'the tracking thread has died' in status.problems[0]
    patient.fault = lambda: None
    assert tracker.request(label='deactivate') and tracker.request(label='cleanup')
    tracker.bring_up()
    show_one(tracker, 4)


def test_the_policy_all_tracks_every_image_in_order(start: Start, patient: Patient) -> None:
    tracker = start(queue__policy='all')
    patient.gate.clear()
    for stamp_ns in range(1, 31):
        tracker.show(stamp_ns)
    tracker.wait_for_status(lambda status: status.received == 30)
    patient.gate.set()
    tracker.wait_until(lambda: len(tracker.tracks) == 30)
    assert [array.header.stamp.nanosec for array in tracker.tracks] == list(range(1, 31))


def test_the_policy_all_counts_what_finds_the_queue_full(start: Start, patient: Patient) -> None:
    tracker = start(queue__policy='all', queue__depth=4)
    patient.gate.clear()
    tracker.show(1)
    tracker.wait_until(lambda: bool(patient.seen))
    for stamp_ns in range(2, 12):
        tracker.show(stamp_ns)
        tracker.wait_for_status(lambda status, count=stamp_ns: status.received == count)
    patient.gate.set()
    tracker.wait_until(lambda: len(tracker.tracks) == 5)
    assert [array.header.stamp.nanosec for array in tracker.tracks] == [1, 8, 9, 10, 11]
    assert tracker.wait_for_status(lambda status: True).dropped.queue_full == 6


def test_the_policy_latest_tracks_the_newest_image(start: Start, patient: Patient) -> None:
    tracker = start()
    patient.gate.clear()
    tracker.show(1)
    tracker.wait_until(lambda: bool(patient.seen))
    for stamp_ns in range(2, 12):
        tracker.show(stamp_ns)
        tracker.wait_for_status(lambda status, count=stamp_ns: status.received == count)
    patient.gate.set()
    tracker.wait_until(lambda: len(tracker.tracks) == 2)
    assert [(array.header.stamp.nanosec, array.dropped) for array in tracker.tracks] == [(1, 0), (11, 9)]


def test_live_parameters_reach_the_parts(start: Start) -> None:
    tracker = start()
    assert tracker.set(input__max_side=64, status__rate=20.0).successful
    tracker.wait_until(lambda: bool(tracker.told(TrackEvent.PARAMETERS_CHANGED)))
    assert tracker.told(TrackEvent.PARAMETERS_CHANGED) == ['input.max_side = 64, status.rate = 20.0']
    beats = len(tracker.statuses)
    time.sleep(0.5)
    assert 5 <= len(tracker.statuses) - beats <= 12


def test_fixed_parameters_are_refused_while_the_node_is_configured(start: Start) -> None:
    tracker = start()
    result = tracker.set(model__device='cpu')
    assert not result.successful
    assert result.reason.startswith('model.device: can change only while the node is unconfigured; run `ros2 lifecycle')
