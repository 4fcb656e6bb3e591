"""The session tracks images, applies prompts on the image they were drawn on, and stays consistent whatever fails."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sam2s_model import Frame, FrameResult, InvalidPrompt, Label, PointPrompt, Prompt
from sam2s_ros.class_table import ClassTable
from sam2s_ros.frame_buffer import FrameBuffer, ReceivedImage
from sam2s_ros.image_message import BadImage
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.prompting import BatchOutcome, PromptRequest
from sam2s_ros.track_state import StateLimits, TrackState
from sam2s_ros.tracked_image import ObjectClass
from sam2s_ros.tracking_session import TrackingSession

LEFT, RIGHT = (15.0, 30.0), (60.0, 30.0)


def scene(shift: int = 0, left_seen: bool = True) -> np.ndarray:
    """Two squares, grey 100 on the left and 200 on the right, on an 80×60 image."""
    rgb = np.zeros((60, 80, 3), np.uint8)
    if left_seen:
        rgb[20 + shift : 40 + shift, 5:25] = 100
    rgb[20:40, 50:70] = 200
    return rgb


def read(image: ReceivedImage) -> Frame:
    if image.message.data is None:
        raise BadImage('pixels', 'nothing', 'send some')
    return Frame(image.message.data, image.stamp_ns)


class Stream:
    """A session and the images that it was sent."""

    def __init__(self, tracker: Any, max_objects: int = 4) -> None:
        self.buffer = FrameBuffer(max_frames=5, max_bytes=10**9)
        limits = StateLimits(confirm_after=0.0, lost_after=5e-9)
        self.session = TrackingSession(tracker, read, self.buffer, ClassTable({'grasper': 3}), limits, max_objects)
        self.stamp = 0

    def receive(self, rgb: np.ndarray | None) -> ReceivedImage:
        self.stamp += 10
        data = rgb if rgb is None else np.ascontiguousarray(rgb)
        message = SimpleNamespace(header=f'header {self.stamp}', data=data)
        image = ReceivedImage(message, self.stamp, arrival_ns=0)
        if rgb is not None:
            self.buffer.add(image)
        return image

    def track(self, rgb: np.ndarray) -> Any:
        return self.session.track(self.receive(rgb))

    def point(
        self, place: tuple[float, float], object_id: str = 'a', label: str = '', mode: PromptMode = PromptMode.NEW
    ) -> PromptRequest:
        return PromptRequest(object_id, label, mode, lambda height, width: PointPrompt((place,), (1,)))

    def add(self, *requests: PromptRequest, stamp_ns: int = 0, atomic: bool = True) -> BatchOutcome:
        return self.session.add_prompts(requests, stamp_ns, atomic)


@pytest.fixture
def stream(blob_tracker: Any) -> Stream:
    return Stream(blob_tracker)


def codes(batch: BatchOutcome) -> list[PromptCode]:
    return [outcome.code for outcome in batch.outcomes]


def test_without_prompts_an_image_is_processed_and_has_no_objects(stream: Stream) -> None:
    tracked = stream.track(scene())
    assert tracked.objects == ()
    assert tracked.frame_index == 0
    assert tracked.image.message.header == 'header 10'


def test_a_prompted_object_is_found_on_the_next_image(stream: Stream) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT, 'a', 'grasper'))
    (found,) = stream.track(scene(shift=3)).objects
    np.testing.assert_array_equal(found.mask, scene(shift=3)[..., 0] == 100)
    assert (found.identity.object_id, found.identity.slot, found.object_class.number) == ('a', 1, 3)
    assert found.state == TrackState.TRACKED


def test_the_outcome_tells_slot_class_and_score(stream: Stream) -> None:
    stream.track(scene())
    (outcome,) = stream.add(stream.point(LEFT, 'a', 'grasper')).outcomes
    assert (outcome.code, outcome.slot, outcome.class_id, outcome.score) == (PromptCode.OK, 1, 3, 0.9)


@pytest.fixture
def recognised(stream: Stream, blob_tracker: Any, monkeypatch: pytest.MonkeyPatch) -> Stream:
    """A stream whose tracker takes everything for a snare, a class that the table does not know."""
    found = blob_tracker._result

    def with_labels(frame: Frame) -> FrameResult:
        result = found(frame)
        snare = Label('snare', 0.8, 0.7)
        return replace(result, objects=tuple(replace(one, label=snare) for one in result.objects))

    monkeypatch.setattr(blob_tracker, '_result', with_labels)
    stream.track(scene())
    return stream


def test_an_object_that_nobody_named_is_what_the_model_takes_it_for(recognised: Stream) -> None:
    (outcome,) = recognised.add(recognised.point(LEFT)).outcomes
    (found,) = recognised.track(scene()).objects
    assert found.object_class == ObjectClass('snare', 4, 0.8)
    assert (outcome.class_id, found.identity.label) == (4, '')


def test_a_name_that_a_person_gave_wins(recognised: Stream) -> None:
    recognised.add(recognised.point(LEFT, label='grasper'))
    (found,) = recognised.track(scene()).objects
    assert found.object_class == ObjectClass('grasper', 3, 1.0)


def test_without_a_name_from_anybody_the_class_is_unknown(stream: Stream) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT))
    assert stream.track(scene()).objects[0].object_class == ObjectClass('', 0, 0.0)


def test_a_prompt_is_applied_to_the_image_of_its_stamp_not_to_the_newest(stream: Stream) -> None:
    stream.track(scene(left_seen=True))
    stream.track(scene(left_seen=False))
    tracked = stream.add(stream.point(LEFT), stamp_ns=10).tracked
    assert tracked is not None and tracked.image.stamp_ns == 10
    assert tracked.objects[0].area == 400
    assert tracked.objects[0].state == TrackState.TENTATIVE


def test_objects_prompted_on_a_passed_image_are_caught_up_to_the_newest(stream: Stream, blob_tracker: Any) -> None:
    for _ in range(4):
        stream.track(scene())
    stream.add(stream.point(LEFT, 'a'), stream.point(RIGHT, 'b'), stamp_ns=20)
    assert blob_tracker.caught_up == [(30, ('a', 'b')), (40, ('a', 'b'))]


def test_a_prompt_on_the_newest_image_has_nothing_to_catch_up(stream: Stream, blob_tracker: Any) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT, 'a'), stamp_ns=10)
    stream.add(stream.point(RIGHT, 'b'))
    assert blob_tracker.caught_up == []


def test_a_refused_prompt_is_not_caught_up(stream: Stream, blob_tracker: Any) -> None:
    for _ in range(2):
        stream.track(scene())
    stream.add(stream.point(LEFT, 'a'), stream.point((500.0, 1.0), 'b'), stamp_ns=10)
    assert blob_tracker.caught_up == []


def test_images_that_are_not_remembered_any_more_are_left_out_of_catching_up(stream: Stream, blob_tracker: Any) -> None:
    for _ in range(5):
        stream.track(scene())
    stream.buffer.max_frames = 2
    image = stream.receive(scene())
    stream.buffer.add(ReceivedImage(image.message, 5, arrival_ns=0))
    stream.add(stream.point(LEFT, 'a'), stamp_ns=5)
    assert blob_tracker.caught_up == []


def test_stamp_zero_means_the_newest_processed_image(stream: Stream) -> None:
    stream.track(scene())
    stream.receive(scene(left_seen=False))
    tracked = stream.add(stream.point(LEFT)).tracked
    assert tracked is not None and tracked.image.stamp_ns == 10


def test_before_the_first_image_every_prompt_hears_no_image(stream: Stream) -> None:
    assert codes(stream.add(stream.point(LEFT), stream.point(RIGHT, 'b'))) == [PromptCode.NO_IMAGE] * 2
    assert codes(stream.add(stream.point(LEFT), stamp_ns=77)) == [PromptCode.NO_IMAGE]


def test_an_image_that_was_received_but_not_processed_can_be_prompted(stream: Stream) -> None:
    stream.receive(scene())
    assert codes(stream.add(stream.point(LEFT))) == [PromptCode.OK]


def test_a_forgotten_stamp_hears_the_stamps_there_are(stream: Stream) -> None:
    for _ in range(7):
        stream.track(scene())
    (outcome,) = stream.add(stream.point(LEFT), stamp_ns=10).outcomes
    assert outcome.code == PromptCode.STALE_STAMP
    assert '0.000000030 to 0.000000070' in outcome.message


def test_a_prompt_that_had_to_wait_is_applied_to_the_image_that_was_there_when_it_came(stream: Stream) -> None:
    stream.track(scene())
    held = stream.session.remembered(10)
    for shift in range(6):
        stream.track(scene(shift))
    assert stream.session.remembered(10) is None
    (outcome,) = stream.session.add_prompts([stream.point(LEFT)], 10, atomic=True, held=held).outcomes
    assert outcome.code == PromptCode.OK


def test_the_image_that_a_person_sees_can_be_prompted_however_many_came_since(stream: Stream) -> None:
    seen = stream.track(scene()).image.stamp_ns
    for _ in range(9):  # the tracker is busy with the first meanwhile; five are remembered
        stream.receive(scene())
    assert codes(stream.add(stream.point(LEFT), stamp_ns=seen)) == [PromptCode.OK]


def test_one_bad_prompt_of_an_atomic_batch_leaves_everything_as_it_was(stream: Stream) -> None:
    stream.track(scene())
    batch = stream.add(stream.point(LEFT), stream.point((500.0, 1.0), 'b'))
    assert codes(batch) == [PromptCode.OUT_OF_IMAGE] * 2
    assert batch.tracked is None
    assert stream.track(scene()).objects == ()


def test_without_atomic_the_good_prompts_of_a_batch_are_applied(stream: Stream) -> None:
    stream.track(scene())
    batch = stream.add(stream.point((500.0, 1.0), 'b'), stream.point(LEFT), atomic=False)
    assert codes(batch) == [PromptCode.OUT_OF_IMAGE, PromptCode.OK]
    assert [found.identity.object_id for found in stream.track(scene()).objects] == ['a']


def test_a_correction_keeps_the_slot_and_may_change_the_label(stream: Stream) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT, 'a', 'grasper'))
    (outcome,) = stream.add(stream.point(RIGHT, 'a', 'hook', PromptMode.CORRECT)).outcomes
    assert (outcome.slot, outcome.class_id) == (1, 4)
    (outcome,) = stream.add(stream.point(RIGHT, 'a', '', PromptMode.CORRECT)).outcomes
    assert outcome.class_id == 4


def test_a_replaced_object_begins_again_in_its_slot(stream: Stream) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT, 'a'))
    stream.track(scene())
    (outcome,) = stream.add(stream.point(RIGHT, 'a', mode=PromptMode.REPLACE)).outcomes
    assert (outcome.code, outcome.slot) == (PromptCode.OK, 1)
    np.testing.assert_array_equal(stream.track(scene()).objects[0].mask, scene()[..., 0] == 200)


def test_an_object_out_of_sight_is_occluded_then_lost_then_tracked_again(stream: Stream) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT))
    states = [stream.track(scene(left_seen=seen)).objects[0].state for seen in (True, False, False, True)]
    assert states == [TrackState.TRACKED, TrackState.OCCLUDED, TrackState.LOST, TrackState.TRACKED]


def test_reset_forgets_objects_counts_from_zero_and_changes_the_session_id(stream: Stream) -> None:
    before = stream.track(scene())
    stream.add(stream.point(LEFT))
    stream.session.reset()
    after = stream.track(scene())
    assert (after.objects, after.frame_index) == ((), 0)
    assert after.session_id != before.session_id


def test_an_image_that_cannot_be_decoded_changes_nothing(stream: Stream) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT))
    with pytest.raises(BadImage):
        stream.session.track(stream.receive(None))
    tracked = stream.track(scene())
    assert (tracked.frame_index, len(tracked.objects)) == (1, 1)


class ChoosyTracker:
    """A tracker that finds fault with an object only when it is asked to track it."""

    def __init__(self, inner: Any, refused: str, error: Exception) -> None:
        self.inner, self.refused, self.error = inner, refused, error
        self.step, self.look, self.remove, self.reset = inner.step, inner.look, inner.remove, inner.reset

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        if object_id == self.refused:
            raise self.error
        return self.inner.prompt(frame, object_id, prompt)


def test_a_prompt_that_only_the_tracker_refuses_undoes_its_atomic_batch(blob_tracker: Any) -> None:
    stream = Stream(ChoosyTracker(blob_tracker, 'b', InvalidPrompt('no such thing there')))
    stream.track(scene())
    assert codes(stream.add(stream.point(LEFT), stream.point(RIGHT, 'b'))) == [PromptCode.INVALID] * 2
    assert stream.track(scene()).objects == ()


def test_a_failed_replacement_forgets_the_object_rather_than_keep_half_of_it(blob_tracker: Any) -> None:
    tracker = ChoosyTracker(blob_tracker, '', RuntimeError('network failed'))
    stream = Stream(tracker)
    stream.track(scene())
    stream.add(stream.point(LEFT))
    tracker.refused = 'a'
    with pytest.raises(RuntimeError):
        stream.add(stream.point(LEFT, 'a', mode=PromptMode.REPLACE))
    tracker.refused = ''
    assert stream.track(scene()).objects == ()
    assert codes(stream.add(stream.point(LEFT))) == [PromptCode.OK]


def test_a_blank_video_freezes_the_objects_without_a_mask_and_without_reaching_the_tracker(
    stream: Stream, blob_tracker: Any
) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT))
    index = blob_tracker.index
    tracked = stream.track(np.zeros((60, 80, 3), np.uint8))
    (found,) = tracked.objects
    assert (found.state, found.area, found.is_actionable) == (TrackState.FROZEN, 0, False)
    assert tracked.hold == found.judgement.reason == 'the video is blank'
    assert blob_tracker.index == index


def test_memory_held_by_request_still_gives_masks(stream: Stream, blob_tracker: Any) -> None:
    stream.track(scene())
    stream.add(stream.point(LEFT))
    stream.session.hold_memory(True)
    index = blob_tracker.index
    (found,) = stream.track(scene(shift=3)).objects
    assert (found.state, found.area, blob_tracker.index) == (TrackState.FROZEN, 400, index)
    stream.session.hold_memory(False)
    assert stream.track(scene()).objects[0].state == TrackState.TRACKED
