"""What is asked in messages reaches the session unchanged, and what it finds reaches the messages."""

from __future__ import annotations

import array
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point32
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from sam2s_model import BoxPrompt, InvalidPrompt, MaskPrompt, PointPrompt
from sam2s_msgs.msg import Prompt, PromptResult, Track
from sam2s_ros.conversions import (
    image_message,
    jpeg_message,
    mask_runs,
    prompt_request,
    prompt_result,
    read_prompt,
    stamp_ns,
    time_message,
    timing,
    track,
    track_array,
)
from sam2s_ros.image_codec import decode
from sam2s_ros.prompt_codes import PromptCode, PromptMode
from sam2s_ros.prompting import MaskSizeMismatch, PromptOutcome
from sam2s_ros.run_lengths import decode_mask, encode_mask
from sam2s_ros.track_state import TrackState
from sam2s_ros.tracked_image import StageTimes, TrackedImage, TrackedObject

MakeObject = Callable[..., TrackedObject]
HEIGHT, WIDTH = 60, 80
MASK = np.zeros((HEIGHT, WIDTH), np.bool_)
MASK[10:20, 30:50] = True


def mask_counts_prompt() -> Prompt:
    runs = encode_mask(MASK)
    roi = RegionOfInterest(x_offset=runs.x, y_offset=runs.y, width=runs.width, height=runs.height)
    return Prompt(mask_counts=runs.counts.tolist(), mask_roi=roi)


def mask_image(mask: np.ndarray, encoding: str = 'mono8') -> Image:
    return image_message(Header(), mask.astype(np.uint8) * 255, encoding)


@pytest.mark.parametrize('enum', [PromptCode, PromptMode, TrackState])
def test_our_numbers_are_those_of_the_messages(enum: type) -> None:
    message = {PromptCode: PromptResult, PromptMode: Prompt, TrackState: Track}[enum]
    assert all(getattr(message, member.name) == member.value for member in enum)


@pytest.mark.parametrize('nanoseconds', [0, 1, 1_700_000_000_123_456_789, 2**31 * 10**9 - 1])
def test_stamps_survive_both_ways(nanoseconds: int) -> None:
    assert stamp_ns(time_message(nanoseconds)) == nanoseconds


def test_points_become_a_point_prompt() -> None:
    message = Prompt(points=[Point32(x=3.0, y=4.0), Point32(x=5.5, y=6.0)], point_labels=[1, 0])
    assert read_prompt(message, HEIGHT, WIDTH) == PointPrompt(((3.0, 4.0), (5.5, 6.0)), (1, 0))


def test_a_box_may_come_with_points() -> None:
    message = Prompt(box=[1.0, 2.0, 30.0, 40.0], points=[Point32(x=3.0, y=4.0)], point_labels=[0])
    assert read_prompt(message, HEIGHT, WIDTH) == BoxPrompt((1.0, 2.0, 30.0, 40.0), ((3.0, 4.0),), (0,))


def test_normalized_coordinates_are_scaled_to_the_image() -> None:
    message = Prompt(box=[0.0, 0.5, 0.5, 1.0], points=[Point32(x=0.25, y=0.5)], point_labels=[1], normalized=True)
    assert read_prompt(message, HEIGHT, WIDTH) == BoxPrompt((0.0, 30.0, 40.0, 60.0), ((20.0, 30.0),), (1,))


@pytest.mark.parametrize('message', [Prompt(mask=[mask_image(MASK)]), mask_counts_prompt()], ids=['image', 'counts'])
def test_masks_come_as_image_or_as_run_lengths(message: Prompt) -> None:
    prompt = read_prompt(message, HEIGHT, WIDTH)
    assert isinstance(prompt, MaskPrompt)
    np.testing.assert_array_equal(prompt.mask, MASK)


def test_a_mask_of_another_size_is_a_size_mismatch() -> None:
    with pytest.raises(MaskSizeMismatch, match='40×60, the image 80×60'):
        read_prompt(Prompt(mask=[mask_image(MASK[:, ::2])]), HEIGHT, WIDTH)


@pytest.mark.parametrize(
    ('message', 'reason'),
    [
        (Prompt(box=[1.0, 2.0, 3.0]), '4 numbers'),
        (Prompt(mask=[mask_image(MASK)], box=[1.0, 2.0, 3.0, 4.0]), 'comes alone'),
        (Prompt(mask=[mask_image(MASK)], mask_counts=[1]), 'comes alone'),
        (Prompt(mask=[mask_image(MASK, '16UC1')]), 'mono8'),
        (Prompt(mask_counts=[1, 2]), 'mask_counts'),
        (Prompt(mask_counts=[0, 4_000_000_000], mask_roi=RegionOfInterest(height=60, width=80)), 'cover 4000000000'),
    ],
)
def test_prompts_that_contradict_themselves_are_refused(message: Prompt, reason: str) -> None:
    with pytest.raises(InvalidPrompt, match=reason):
        read_prompt(message, HEIGHT, WIDTH)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(InvalidPrompt, match='mode 7'):
        prompt_request(Prompt(mode=7))


def test_a_request_carries_id_label_mode_and_prompt() -> None:
    request = prompt_request(Prompt(object_id='a', label='hook', mode=Prompt.CORRECT, box=[0.0, 0.0, 9.0, 9.0]))
    assert (request.object_id, request.label, request.mode) == ('a', 'hook', PromptMode.CORRECT)
    assert request.read(HEIGHT, WIDTH) == BoxPrompt((0.0, 0.0, 9.0, 9.0))


def test_a_track_tells_all_that_is_known_of_an_object(tracked_object: MakeObject) -> None:
    tracked = tracked_object((40, 30, 10), slot=7, score=0.75, state=TrackState.UNCERTAIN)
    message = track(tracked)
    assert (message.object_id, message.slot, message.class_id, message.label) == ('a', 7, 1, 'grasper')
    assert message.label_probability == pytest.approx(0.75)
    assert (message.state, message.reason, message.needs_reprompt) == (Track.UNCERTAIN, 'because', False)
    assert message.score == pytest.approx(0.75)
    assert message.area == tracked.mask.sum()
    assert (message.centroid.x, message.centroid.y) == pytest.approx((40, 30))
    assert message.last_seen == Time(sec=3, nanosec=7)


@pytest.mark.parametrize('state', TrackState)
def test_only_a_tracked_object_may_be_acted_on(tracked_object: MakeObject, state: TrackState) -> None:
    assert track(tracked_object(state=state)).actionable == (state == TrackState.TRACKED)


def test_an_object_without_a_mask_is_never_acted_on(tracked_object: MakeObject) -> None:
    assert not track(tracked_object(None, state=TrackState.TRACKED)).actionable


def test_a_track_s_mask_survives_the_message(tracked_object: MakeObject) -> None:
    tracked = tracked_object((40, 30, 13))
    message = track(tracked)
    assert isinstance(message.counts, array.array)
    np.testing.assert_array_equal(decode_mask(mask_runs(message.roi, message.counts), 60, 80), tracked.mask)


def test_an_object_that_is_not_seen_has_an_empty_track(tracked_object: MakeObject) -> None:
    message = track(tracked_object(None, state=TrackState.LOST))
    assert (message.area, len(message.counts), message.roi) == (0, 0, RegionOfInterest())
    assert message.needs_reprompt


def test_the_array_carries_the_very_header_of_the_image(tracked_object: MakeObject) -> None:
    header = Header(stamp=Time(sec=0, nanosec=0), frame_id='/odd frame')
    image = SimpleNamespace(message=SimpleNamespace(header=header))
    rgb = np.zeros((60, 80, 3), np.uint8)
    tracked = TrackedImage(image, rgb, 4, 'session', (tracked_object(),), StageTimes(0, 0, 0, 0))  # type: ignore[arg-type]
    message = track_array(tracked, dropped=2)
    assert message.header == header
    assert (message.height, message.width, message.session_id) == (60, 80, 'session')
    assert (message.frame_index, message.dropped, len(message.tracks)) == (4, 2, 1)


def test_stage_times_are_seconds_and_ages_never_negative() -> None:
    message = timing(StageTimes(arrived=0, begun=1_000_000, decoded=3_000_000, tracked=43_000_000), -5.0, 45_000_000)
    stages = (
        message.receive_age,
        message.queue,
        message.preprocess,
        message.inference,
        message.postprocess,
        message.total,
    )
    assert stages == pytest.approx((0.0, 0.001, 0.002, 0.040, 0.002, 0.045))


def test_a_result_tells_slot_class_and_score() -> None:
    message = prompt_result(PromptOutcome('a', PromptCode.LIMIT, 'too many', 3, 4, 0.5))
    assert (message.object_id, message.code, message.message) == ('a', PromptResult.LIMIT, 'too many')
    assert (message.slot, message.class_id, message.score) == (3, 4, 0.5)


@pytest.mark.parametrize(('pixels', 'encoding'), [(np.arange(24, dtype=np.uint8).reshape(2, 4, 3), 'rgb8')])
def test_an_image_message_decodes_to_its_pixels(pixels: np.ndarray, encoding: str) -> None:
    message = image_message(Header(frame_id='x'), pixels, encoding)
    assert (message.header.frame_id, message.step) == ('x', 12)
    assert isinstance(message.data, array.array)
    np.testing.assert_array_equal(decode(message), pixels)


def test_a_jpeg_message_decodes_to_nearly_its_pixels() -> None:
    rgb = np.full((16, 16, 3), (200, 30, 60), np.uint8)
    message = jpeg_message(Header(frame_id='x'), rgb, 95)
    assert (message.header.frame_id, message.format) == ('x', 'jpeg')
    assert np.abs(decode(message).astype(int) - rgb).max() < 8
