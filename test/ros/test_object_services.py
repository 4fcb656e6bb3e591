"""What people ask of tracked objects over the node's services: preview, list, rename, remove, pause, freeze."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fault_bench import LEFT, RIGHT, ask, ids, image, point, track
from std_srvs.srv import SetBool
from tracker_in_process import TrackerInProcess

from sam2s_msgs.msg import PromptResult
from sam2s_msgs.srv import AddBox, AddPoints, AddPrompts, EditObject, GetObjects, RemoveObjects

Start = Callable[..., TrackerInProcess]


@pytest.fixture
def tracker(start_tracker: Start) -> TrackerInProcess:
    """Tracks the left disc."""
    tracker = start_tracker()
    track(tracker, 1)
    assert ask(tracker, point()).success
    return tracker


def test_points_alone_begin_an_object(tracker: TrackerInProcess) -> None:
    track(tracker, 10)
    answer = tracker.call(AddPoints, 'add_points', AddPoints.Request(object_id='left', points=[float(v) for v in LEFT]))
    assert answer.success, answer.message
    assert ids(track(tracker, 20)) == ['left']


def test_an_odd_number_of_coordinates_is_invalid(tracker: TrackerInProcess) -> None:
    track(tracker, 10)
    answer = tracker.call(AddPoints, 'add_points', AddPoints.Request(points=[1.0, 2.0, 3.0]))
    assert (answer.success, answer.result.code) == (False, PromptResult.INVALID)


def test_a_box_begins_an_object(tracker: TrackerInProcess) -> None:
    track(tracker, 10)
    x, y = RIGHT
    box = [float(v) for v in (x - 9, y - 9, x + 9, y + 9)]
    answer = tracker.call(AddBox, 'add_box', AddBox.Request(object_id='right', box=box))
    assert answer.success, answer.message
    assert ids(track(tracker, 20)) == ['left', 'right']


def test_what_is_previewed_has_a_mask_and_is_not_tracked(tracker: TrackerInProcess) -> None:
    track(tracker, 10)
    request = AddPrompts.Request(prompts=[point('right', RIGHT)], timeout=5.0)
    answer = tracker.call(AddPrompts, 'segment_once', request)
    assert answer.success, answer.message
    assert answer.tracks.tracks[0].counts
    assert ids(track(tracker, 20)) == ['left']


def test_objects_are_listed_renamed_and_removed(tracker: TrackerInProcess) -> None:
    track(tracker, 10)
    assert ask(tracker, point('right', RIGHT)).success
    renamed = tracker.call(EditObject, 'edit_object', EditObject.Request(object_id='left', label='grasper'))
    assert renamed.success, renamed.message
    listed = tracker.call(GetObjects, 'get_objects', GetObjects.Request())
    assert [(found.object_id, found.label) for found in listed.objects] == [('left', 'grasper'), ('right', '')]
    removed = tracker.call(RemoveObjects, 'remove_objects', RemoveObjects.Request(object_ids=['left']))
    assert (removed.success, list(removed.removed)) == (True, ['left'])
    assert ids(track(tracker, 20)) == ['right']


def test_an_unknown_object_is_neither_renamed_nor_removed(tracker: TrackerInProcess) -> None:
    track(tracker, 10)
    request = RemoveObjects.Request(object_ids=['left', 'nobody'])
    removed = tracker.call(RemoveObjects, 'remove_objects', request)
    assert (removed.success, removed.code) == (False, PromptResult.UNKNOWN_ID)
    edited = tracker.call(EditObject, 'edit_object', EditObject.Request(object_id='nobody', label='x'))
    assert edited.code == PromptResult.UNKNOWN_ID
    assert ids(track(tracker, 20)) == ['left']


def test_while_paused_no_image_is_tracked(tracker: TrackerInProcess) -> None:
    track(tracker, 10)
    assert tracker.call(SetBool, 'set_paused', SetBool.Request(data=True)).success
    tracker.camera.publish(image(20))
    assert tracker.call(SetBool, 'freeze_memory', SetBool.Request(data=True)).success
    assert tracker.call(SetBool, 'freeze_memory', SetBool.Request(data=False)).success
    assert tracker.call(SetBool, 'set_paused', SetBool.Request(data=False)).success
    track(tracker, 30)
