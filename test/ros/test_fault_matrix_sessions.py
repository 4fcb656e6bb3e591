"""Rows 34, 35 and 43: what is on disk of a session, and what comes back of it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from fault_bench import LEFT, RIGHT, ask, ids, image, picture, point, track
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from tracker_in_process import TrackerInProcess

from sam2s_msgs.msg import PromptResult, Track, TrackArray, TrackEvent
from sam2s_msgs.srv import AddPrompts, LoadSession, SaveSession
from sam2s_ros.conversions import mask_runs, time_message
from sam2s_ros.run_lengths import decode_mask
from sam2s_ros.session_file import read_session

pytestmark = pytest.mark.ros

Start = Callable[..., TrackerInProcess]
SECOND = 1_000_000_000
KILLS = int(os.environ.get('SAM2S_KILLS', '3'))
OWN = 'sam2s_tracker.session.json'


def save(tracker: TrackerInProcess, name: str = '') -> SaveSession.Response:
    return tracker.call(SaveSession, 'save_session', SaveSession.Request(name=name))


def load(tracker: TrackerInProcess, name: str = '') -> LoadSession.Response:
    return tracker.call(LoadSession, 'load_session', LoadSession.Request(name=name))


def with_two_objects(tracker: TrackerInProcess) -> TrackArray:
    track(tracker, 99 * SECOND)
    assert ask(tracker, point('psm1', LEFT, label='grasper'), point('2', RIGHT), atomic=True).success
    return [track(tracker, 100 * SECOND + n * SECOND // 10) for n in range(6)][-1]


def pixels(found: Track) -> np.ndarray:
    return decode_mask(mask_runs(found.roi, found.counts), 60, 80)


def test_a_saved_session_goes_on_in_another_process_without_a_click(start_tracker: Start, tmp_path: Path) -> None:
    first = start_tracker()
    before = with_two_objects(first)
    answer = save(first, 'case-1')
    assert answer.success and Path(answer.path).name == 'case-1.session.json'
    first.close()
    second = start_tracker()
    track(second, 101 * SECOND)
    answer = load(second, 'case-1')
    assert (answer.success, answer.object_ids) == (True, ['psm1', '2'])
    after = track(second, 102 * SECOND)
    assert after.session_id == before.session_id and after.frame_index == before.frame_index + 1
    assert [found.state for found in after.tracks] == [Track.UNCERTAIN] * 2
    assert [(one.object_id, one.slot, one.label) for one in after.tracks] == [
        (one.object_id, one.slot, one.label) for one in before.tracks
    ]
    for ours, theirs in zip(after.tracks, before.tracks, strict=True):
        np.testing.assert_array_equal(pixels(ours), pixels(theirs))
    later = [track(second, 103 * SECOND + n * SECOND // 10) for n in range(6)][-1]
    assert [(found.state, found.reason) for found in later.tracks] == [(Track.TRACKED, '')] * 2
    assert len(second.told(TrackEvent.SESSION_RESTORED)) == 1


def test_a_session_that_does_not_exist_is_answered_with_those_that_do(start_tracker: Start) -> None:
    tracker = start_tracker()
    with_two_objects(tracker)
    assert save(tracker, 'mine').success
    answer = load(tracker, 'yours')
    assert (answer.success, answer.code) == (False, PromptResult.INVALID) and "'mine'" in answer.message
    assert ids(track(tracker, 110 * SECOND)) == ['psm1', '2']


def test_a_session_that_ended_in_order_is_not_resumed_by_itself(start_tracker: Start) -> None:
    first = start_tracker()
    with_two_objects(first)
    first.close()
    second = start_tracker()
    assert ids(track(second, 110 * SECOND)) == []
    assert load(second).object_ids == ['psm1', '2']  # but by request


def test_fault_34_a_disk_that_fails_is_told_and_tracking_goes_on(start_tracker: Start, tmp_path: Path) -> None:
    file = tmp_path / 'no folder'
    file.touch()
    tracker = start_tracker(output__dir=str(file))
    with_two_objects(tracker)
    status = tracker.wait_for_status(lambda status: any('cannot be saved' in text for text in status.problems))
    assert status.degraded and len(tracker.told(TrackEvent.STORAGE_FAILED)) == 1
    assert ids(track(tracker, 110 * SECOND)) == ['psm1', '2']
    answer = save(tracker, 'mine')
    assert (answer.success, answer.code) == (False, PromptResult.INTERNAL) and 'cannot be saved' in answer.message


@pytest.mark.parametrize('name', ['../up', '/etc/passwd', 'a/../../b', '..'])
def test_fault_35_a_path_that_leads_elsewhere_is_refused(start_tracker: Start, ros_home: Path, name: str) -> None:
    tracker = start_tracker()
    with_two_objects(tracker)
    for answer in (save(tracker, name), load(tracker, name)):
        assert (answer.success, answer.code) == (False, PromptResult.INVALID) and 'expected a name' in answer.message
    assert {path.parent for path in ros_home.rglob('*.json')} <= {ros_home / 'sam2s'}


class Case:
    """A tracker process, and a camera and a person beside it."""

    def __init__(self, bench: Any) -> None:
        self._bench, self.stamp = bench, 100 * SECOND
        self.tracks: list[TrackArray] = []
        self.camera = bench.node.create_publisher(Image, 'image', QoSProfile(depth=10))
        bench.node.create_subscription(TrackArray, 'sam2s_tracker/tracks', self.tracks.append, 50)
        self.client = bench.node.create_client(AddPrompts, 'sam2s_tracker/add_prompts')

    def start(self) -> Any:
        process = self._bench.start('blob_tracker_node')
        process.wait_for_output('ready; waiting for images')
        return process

    def show_until(self, condition: Callable[[TrackArray], bool]) -> TrackArray:
        """Publish 25 images a second until a result of one of them fulfils the condition; that result."""
        seen, deadline = len(self.tracks), time.monotonic() + 30
        while time.monotonic() < deadline:
            self.stamp += SECOND // 25
            self.camera.publish(image(self.stamp, picture(self.stamp % 1000)))
            time.sleep(1 / 25)
            for tracks in self.tracks[seen:]:
                if condition(tracks):
                    return tracks
        raise AssertionError(f'not within 30 s; {len(self.tracks) - seen} results')

    def point(self, object_id: str, place: tuple[float, float]) -> None:
        header = image(self.stamp).header
        header.stamp = time_message(0)
        future = self.client.call_async(
            AddPrompts.Request(header=header, prompts=[point(object_id, place)], return_masks=True, timeout=5.0)
        )
        deadline = time.monotonic() + 20
        while not future.done():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert future.result().success, future.result().message


@pytest.mark.slow
def test_fault_43_after_a_kill_every_object_comes_back_uncertain_with_its_id(
    bench: Any, ros_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.environment |= {'ROS_HOME': str(ros_home), 'PYTHONPATH': os.pathsep.join(driver_paths())}
    case, draw = Case(bench), random.Random(0)
    process = case.start()
    case.show_until(lambda tracks: True)
    case.point('psm1', LEFT)
    case.point('2', RIGHT)
    for _ in range(KILLS):
        alive = case.show_until(lambda tracks: ids(tracks) == ['psm1', '2'])
        case.show_until(lambda tracks: all(found.state == Track.TRACKED for found in tracks.tracks))
        time.sleep(draw.random())
        end = time.monotonic() + 1.0 + draw.random()
        last = case.show_until(lambda tracks, end=end: time.monotonic() > end)
        process.signal(signal.SIGKILL)
        saved = read_session(ros_home / 'sam2s' / OWN)
        assert saved.session_id == last.session_id == alive.session_id
        assert last.frame_index - saved.frame_index <= 25  # a second of images, at most
        process = case.start()
        back = case.show_until(lambda tracks: True)
        assert (ids(back), back.session_id) == (['psm1', '2'], last.session_id)
        assert {found.state for found in back.tracks} == {Track.UNCERTAIN}


def driver_paths() -> list[str]:
    return [str(Path(__file__).resolve().parents[1] / 'drivers'), os.environ.get('PYTHONPATH', '')]
