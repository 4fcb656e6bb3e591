"""Between ROS messages and what the tracking session works with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point32
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from sam2s_model import BoxPrompt, InvalidPrompt, MaskPrompt, PointPrompt, Prompt
from sam2s_msgs.msg import Prompt as PromptMessage
from sam2s_msgs.msg import PromptResult, Timing, Track, TrackArray
from sam2s_ros.image_codec import decode_mask as decode_mask_image
from sam2s_ros.image_codec import encode_jpeg, message_data
from sam2s_ros.image_message import BadImage
from sam2s_ros.prompt_codes import PromptMode
from sam2s_ros.prompting import MaskSizeMismatch, PromptOutcome, PromptRequest
from sam2s_ros.run_lengths import MaskRuns, decode_mask
from sam2s_ros.tracked_image import StageTimes, TrackedImage, TrackedObject

NANOSECONDS = 1_000_000_000


def stamp_ns(stamp: Time) -> int:
    """A message's time in nanoseconds."""
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def time_message(nanoseconds: int) -> Time:
    return Time(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS)


def prompt_request(message: PromptMessage) -> PromptRequest:
    """Read one prompt of a request.

    Raises:
        InvalidPrompt: The mode is none of NEW, CORRECT and REPLACE.
    """
    try:
        mode = PromptMode(message.mode)
    except ValueError as error:
        raise InvalidPrompt(f'mode {message.mode} is unknown; use NEW 0, CORRECT 1 or REPLACE 2') from error
    return PromptRequest(
        message.object_id, message.label, mode, lambda height, width: read_prompt(message, height, width)
    )


def read_prompt(message: PromptMessage, height: int, width: int) -> Prompt:
    """Read the points, box or mask in pixels of a height × width image.

    Raises:
        InvalidPrompt: They contradict each other or cannot be read. `check_prompt` says the rest.
    """
    has_mask = bool(message.mask or message.mask_counts)
    if not has_mask:
        return _read_points_and_box(message, height, width)
    if message.points or message.box or (message.mask and message.mask_counts):
        raise InvalidPrompt('a mask comes alone; give either points and a box, or mask, or mask_counts')
    if message.mask:
        return MaskPrompt(_read_mask_image(message.mask[0], height, width))
    return MaskPrompt(_read_mask_counts(message, height, width))


def _read_points_and_box(message: PromptMessage, height: int, width: int) -> PointPrompt | BoxPrompt:
    scale_x, scale_y = (width, height) if message.normalized else (1, 1)
    points = tuple((point.x * scale_x, point.y * scale_y) for point in message.points)
    labels = tuple(int(label) for label in message.point_labels)
    if not message.box:
        return PointPrompt(points, labels)
    if len(message.box) != 4:
        raise InvalidPrompt(f'a box has 4 numbers x0 y0 x1 y1, came {len(message.box)}')
    x0, y0, x1, y1 = message.box
    return BoxPrompt((x0 * scale_x, y0 * scale_y, x1 * scale_x, y1 * scale_y), points, labels)


def _read_mask_image(message: Image, height: int, width: int) -> NDArray[np.bool_]:
    if (message.height, message.width) != (height, width):
        raise MaskSizeMismatch(f'the mask is {message.width}×{message.height}, the image {width}×{height}')
    try:
        return decode_mask_image(message)
    except BadImage as error:
        raise InvalidPrompt(f'mask: {error}') from error


def _read_mask_counts(message: PromptMessage, height: int, width: int) -> NDArray[np.bool_]:
    try:
        return decode_mask(mask_runs(message.mask_roi, message.mask_counts), height, width)
    except ValueError as error:
        raise InvalidPrompt(f'mask_counts: {error}') from error


def mask_runs(roi: RegionOfInterest, counts: Sequence[int]) -> MaskRuns:
    """The run lengths of a Track or a Prompt; `run_lengths.decode_mask` makes a mask of them."""
    return MaskRuns(roi.x_offset, roi.y_offset, roi.width, roi.height, np.asarray(counts, np.uint32))


def prompt_result(outcome: PromptOutcome) -> PromptResult:
    return PromptResult(
        object_id=outcome.object_id,
        slot=outcome.slot,
        class_id=outcome.class_id,
        code=int(outcome.code),
        message=outcome.message,
        score=float(outcome.score),
    )


def track_array(tracked: TrackedImage, dropped: int = 0) -> TrackArray:
    """All objects of one image, under the image's own header."""
    height, width, _ = tracked.rgb.shape
    return TrackArray(
        header=tracked.image.message.header,
        height=height,
        width=width,
        session_id=tracked.session_id,
        frame_index=tracked.frame_index,
        dropped=dropped,
        tracks=[track(tracked_object) for tracked_object in tracked.objects],
        degraded=bool(tracked.hold),
    )


def track(tracked: TrackedObject) -> Track:
    message = Track(
        object_id=tracked.identity.object_id,
        slot=tracked.identity.slot,
        class_id=tracked.object_class.number,
        label=tracked.object_class.name,
        label_probability=float(tracked.object_class.probability),
        state=int(tracked.state),
        score=float(tracked.score),
        presence=float(tracked.presence),
        area=tracked.area,
        roi=region_of_interest(tracked.runs),
        centroid=Point32(x=tracked.runs.centroid[0], y=tracked.runs.centroid[1]),
        frames_since_seen=tracked.sighting.frames_since_seen,
        last_seen=time_message(tracked.sighting.last_seen_ns),
        actionable=tracked.is_actionable,
        needs_reprompt=tracked.judgement.needs_reprompt,
        reason=tracked.judgement.reason,
    )
    message.counts.frombytes(tracked.runs.counts.tobytes())
    return message


def region_of_interest(runs: MaskRuns) -> RegionOfInterest:
    return RegionOfInterest(x_offset=runs.x, y_offset=runs.y, width=runs.width, height=runs.height)


def timing(times: StageTimes, age_s: float, finished_ns: int) -> Timing:
    """Seconds of each stage; ``finished_ns`` is the steady clock's time at which the messages were ready."""
    return Timing(
        receive_age=max(0.0, age_s),
        queue=_seconds(times.begun - times.arrived),
        preprocess=_seconds(times.decoded - times.begun),
        inference=_seconds(times.tracked - times.decoded),
        postprocess=_seconds(finished_ns - times.tracked),
        total=_seconds(finished_ns - times.arrived),
    )


def _seconds(nanoseconds: int) -> float:
    return nanoseconds / NANOSECONDS


def image_message(header: Header, pixels: NDArray[Any], encoding: str) -> Image:
    """An image (H, W) or (H, W, C) uint8 as a message."""
    height, width = pixels.shape[:2]
    return Image(
        header=header,
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=pixels[0].size,
        data=message_data(pixels),
    )


def jpeg_message(header: Header, rgb: NDArray[np.uint8], quality: int) -> CompressedImage:
    """An RGB image (H, W, 3) as a JPEG message; quality 1 to 100."""
    return CompressedImage(header=header, format='jpeg', data=encode_jpeg(rgb, quality))
