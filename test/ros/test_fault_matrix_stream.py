"""Rows 7 to 11, 14, 38 and 49: what can happen to a stream of good images, from its clock to its speed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from blob_tracker import BlobTracker
from fault_bench import ask, ids, image, picture, point, stamps, track
from tracker_in_process import TrackerInProcess

from sam2s_model import Frame, FrameResult
from sam2s_msgs.msg import Track, TrackArray, TrackEvent
from sam2s_ros.conversions import stamp_ns

pytestmark = pytest.mark.ros

Start = Callable[..., TrackerInProcess]
SECOND = 1_000_000_000


def follow(tracker: TrackerInProcess, first: int, seconds: float = 1.0, **options: Any) -> TrackArray:
    """Show ten images a second from a stamp on; the tracks of the last."""
    number = round(seconds * 10)
    return [track(tracker, image(first + n * SECOND // 10, **options)) for n in range(number)][-1]


def tracking(start_tracker: Start, **parameters: Any) -> TrackerInProcess:
    """A tracker that trusts its object, the left disc, at second 100."""
    tracker = start_tracker(**parameters)
    track(tracker, 99 * SECOND)
    assert ask(tracker, point()).success
    assert states(follow(tracker, 100 * SECOND)) == [Track.TRACKED]
    return tracker


def states(tracks: TrackArray) -> list[int]:
    return [found.state for found in tracks.tracks]


def test_fault_07_a_larger_image_of_the_same_shape_is_doubted_until_it_is_seen_well(start_tracker: Start) -> None:
    tracker = tracking(start_tracker)
    session = tracker.tracks[-1].session_id
    larger = track(tracker, image(110 * SECOND, picture(1, 120, 160)))
    assert (ids(larger), states(larger), larger.session_id) == (['left'], [Track.UNCERTAIN], session)
    pictures = (picture(number, 120, 160) for number in range(10))
    later = [track(tracker, image(110 * SECOND + n * SECOND // 10, rgb)) for n, rgb in enumerate(pictures, start=1)]
    assert states(later[-1]) == [Track.TRACKED]
    assert tracker.told(TrackEvent.RESOLUTION_CHANGED) == ['images are 160×120 now, they were 80×60']


def test_fault_07_another_aspect_ratio_begins_a_new_session(start_tracker: Start) -> None:
    tracker = tracking(start_tracker)
    session = tracker.tracks[-1].session_id
    square = track(tracker, image(110 * SECOND, picture(1, 80, 80)))
    assert ids(square) == [] and square.session_id != session
    assert len(tracker.told(TrackEvent.RESOLUTION_CHANGED)) == len(tracker.told(TrackEvent.SESSION_RESET)) == 1


def test_fault_07_another_aspect_ratio_is_refused_where_that_is_asked_for(start_tracker: Start) -> None:
    tracker = tracking(start_tracker, input__on_new_aspect='refuse')
    tracker.camera.publish(image(110 * SECOND, picture(1, 80, 80)))
    tracker.wait_for_status(lambda status: status.dropped.unreadable == 1)
    assert ids(track(tracker, 111 * SECOND)) == ['left']
    assert 'expected the aspect ratio' in tracker.told(TrackEvent.IMAGE_REFUSED)[0]


def test_fault_08_another_encoding_is_told(start_tracker: Start) -> None:
    tracker = tracking(start_tracker)
    track(tracker, image(110 * SECOND, picture(1)[..., 0], encoding='mono8'))
    assert ids(tracker.tracks[-1]) == ['left']
    assert len(tracker.told(TrackEvent.ENCODING_CHANGED)) == 1


@pytest.mark.parametrize(('policy', 'is_kept'), [('reset', False), ('keep', True), ('auto', True)])
def test_fault_09_a_recording_that_loops_begins_anew_or_goes_on(
    start_tracker: Start, policy: str, is_kept: bool
) -> None:
    tracker = tracking(start_tracker, time__on_jump=policy)
    before = tracker.tracks[-1]
    again = track(tracker, 99 * SECOND)
    assert ids(again) == (['left'] if is_kept else [])
    assert (again.session_id == before.session_id) is is_kept
    assert len(tracker.told(TrackEvent.TIME_JUMPED)) == 1
    # What was seen before is nothing to point at any more, unless the session goes on.
    assert ask(tracker, point('right'), stamp=100 * SECOND).success is is_kept
    follow(tracker, 100 * SECOND)
    assert len(tracker.told(TrackEvent.TIME_JUMPED)) == 1
    assert all(found.timing.total >= 0 for found in tracker.tracks)


def test_fault_09_simulated_time_begins_anew_by_itself(start_tracker: Start) -> None:
    tracker = tracking(start_tracker, use_sim_time=True)
    assert ids(track(tracker, 99 * SECOND)) == []


def test_fault_09_it_waits_for_a_person_where_that_is_asked_for(start_tracker: Start) -> None:
    tracker = tracking(start_tracker, time__on_jump='pause')
    tracker.camera.publish(image(99 * SECOND))
    assert tracker.wait_for_status(lambda status: status.paused).dropped.paused == 1
    assert 'time went back' in tracker.told(TrackEvent.TRACKING_PAUSED)[0]


def test_fault_10_late_and_double_images_are_dropped_and_counted(start_tracker: Start) -> None:
    tracker = tracking(start_tracker)
    newest = stamps(tracker)[-1]
    tracker.camera.publish(image(newest - SECOND // 20))
    tracker.wait_for_status(lambda status: status.dropped.out_of_order == 1)
    tracker.camera.publish(image(newest))
    tracker.wait_for_status(lambda status: status.dropped.duplicate == 1)
    tracks = track(tracker, newest + SECOND // 10)
    assert (ids(tracks), tracks.dropped) == (['left'], 2)
    assert stamps(tracker) == sorted(set(stamps(tracker)))


@pytest.mark.parametrize('is_future', [False, True], ids=['zero', 'future'])
def test_fault_11_a_stamp_that_cannot_be_true_is_tracked_and_told_once(start_tracker: Start, is_future: bool) -> None:
    tracker = start_tracker()
    stamp = time.time_ns() + 3600 * SECOND if is_future else 0
    for number in range(4):
        tracker.camera.publish(image(stamp + number * is_future, picture(number)))
        tracker.wait_for_status(lambda status, count=number + 1: status.processed == count)
    assert len(tracker.told(TrackEvent.STAMP_DOUBTED)) == 1
    assert len(tracker.tracks) == 4 and all(tracks.timing.receive_age >= 0 for tracks in tracker.tracks)


def test_fault_11_a_camera_whose_clock_is_set_goes_on(start_tracker: Start) -> None:
    tracker = tracking(start_tracker)
    for second in (4000, 50):
        assert ids(follow(tracker, second * SECOND)) == ['left']
    status = tracker.wait_for_status(lambda status: True)
    assert len(tracker.told(TrackEvent.TIME_JUMPED)) == 2
    assert (status.watchdog, status.errors, 0 <= status.image_age < 5) == (0, 0, True)


def blank(number: int) -> np.ndarray:
    return np.zeros((60, 80, 3), np.uint8)


def standstill(number: int) -> np.ndarray:
    return picture(7)


def smoke(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(190, 200, (60, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize('sight', [blank, standstill, smoke])
def test_fault_14_while_there_is_nothing_to_see_objects_are_frozen_and_not_lost(
    start_tracker: Start, sight: Callable[[int], np.ndarray]
) -> None:
    tracker = tracking(start_tracker, tracking__auto_freeze=True)
    unseen = [track(tracker, image(110 * SECOND + n * SECOND // 10, sight(n))) for n in range(20)]
    assert states(unseen[-1]) == [Track.FROZEN]
    assert states(follow(tracker, 120 * SECOND, 2)) == [Track.TRACKED]
    assert len(tracker.told(TrackEvent.VIDEO_UNUSABLE)) == len(tracker.told(TrackEvent.VIDEO_USABLE)) == 1
    assert tracker.told(TrackEvent.OBJECT_LOST) == []


@pytest.mark.parametrize('only_one', [False, True])
def test_fault_38_a_second_camera_is_told_and_left_out_where_that_is_asked_for(
    start_tracker: Start, only_one: bool
) -> None:
    tracker = tracking(start_tracker, input__one_source=only_one)
    arrived = len(tracker.tracks)
    for number in range(3):
        tracker.camera.publish(image((110 + number) * SECOND, frame_id='other'))
        tracker.wait_for_status(lambda status, count=arrived + 2 * number + 1: status.received == count)
        track(tracker, image((110 + number) * SECOND + 1, picture(number)))
    assert ('other' in {tracks.header.frame_id for tracks in tracker.tracks}) is not only_one
    assert len(tracker.told(TrackEvent.SOURCES_MIXED)) == 1
    status = tracker.wait_for_status(lambda status: status.processed == len(tracker.tracks))
    assert status.dropped.other_source == (3 if only_one else 0)


class SlowBlobTracker(BlobTracker):
    """Takes a twelfth of a second for each image."""

    def step(self, frame: Frame) -> FrameResult:
        time.sleep(1 / 12)
        return super().step(frame)


def test_fault_49_sixty_images_a_second_at_twelve_leave_no_lag_behind(start_tracker: Start) -> None:
    tracker = start_tracker(make_tracker=SlowBlobTracker)
    lags = []
    seen = len(tracker.tracks)
    for number in range(1, 241):
        tracker.camera.publish(image(100 * SECOND + number * SECOND // 60, picture(number)))
        time.sleep(1 / 60)
        for tracks in tracker.tracks[seen:]:
            lags.append(number - round((stamp_ns(tracks.header.stamp) / SECOND - 100) * 60))
            seen += 1
    # An image waits for the one in work, five images long, and then takes five itself.
    assert len(lags) >= 20
    assert np.median(lags[-10:]) <= np.median(lags[:10]) + 2
    assert np.median(lags) <= 12


def test_of_two_views_in_one_picture_one_half_is_tracked(start_tracker: Start) -> None:
    tracker = start_tracker(input__crop='right')
    both = np.hstack([picture(1), picture(2)])
    track(tracker, image(SECOND, both))
    assert ask(tracker, point(), stamp=SECOND).success
    found = track(tracker, image(2 * SECOND, both))
    assert (found.width, found.height, ids(found)) == (80, 60, ['left'])
