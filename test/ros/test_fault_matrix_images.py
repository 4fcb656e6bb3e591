"""Rows 1 to 6 and 8: images that make no sense are skipped and counted, odd ones are read right; tracking goes on."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from fault_bench import HEIGHT, LEFT, WIDTH, ask, ids, image, picture, point, track
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from tracker_in_process import TrackerInProcess

from sam2s_msgs.msg import TrackEvent
from sam2s_ros.conversions import mask_runs
from sam2s_ros.run_lengths import decode_mask

pytestmark = pytest.mark.ros

Start = Callable[..., TrackerInProcess]


@pytest.fixture
def tracker(start_tracker: Start) -> TrackerInProcess:
    """Tracks the left disc."""
    tracker = start_tracker()
    track(tracker, 1)
    assert ask(tracker, point()).success
    return tracker


def odd(stamp: int, **fields: Any) -> Image:
    """An image with some fields as they should not be."""
    message = image(stamp)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def refuses(tracker: TrackerInProcess, publisher: Any, *messages: Any) -> None:
    """Each is counted and none tracked; the object is still there, in the same session."""
    session = tracker.tracks[-1].session_id
    for number, message in enumerate(messages, start=1):
        publisher.publish(message)
        tracker.wait_for_status(lambda status, count=number: status.dropped.unreadable == count)
        assert all(tracks.header != message.header for tracks in tracker.tracks)
    tracks = track(tracker, 1000)
    assert (ids(tracks), tracks.session_id, tracks.dropped) == (['left'], session, len(messages))
    assert len(tracker.told(TrackEvent.IMAGE_REFUSED)) == 1


def disc() -> np.ndarray:
    """The mask of the left disc."""
    return cv2.circle(np.zeros((HEIGHT, WIDTH), np.uint8), LEFT, 8, 1, -1) == 1


def shows_the_disc(tracker: TrackerInProcess, message: Image) -> bool:
    """Whether the left disc is found on an image, to the pixel."""
    (found,) = track(tracker, message).tracks
    return np.array_equal(decode_mask(mask_runs(found.roi, found.counts), HEIGHT, WIDTH), disc())


@pytest.mark.parametrize('encoding', ['foo8', '', 'rgb8 ', '64UC99', 'é' * 200])
def test_fault_01_an_unknown_encoding_is_counted_and_told_once(tracker: TrackerInProcess, encoding: str) -> None:
    refuses(tracker, tracker.camera, odd(2, encoding=encoding), odd(3, encoding=encoding))


@pytest.mark.parametrize(
    'fields',
    [{'height': 0}, {'width': 0}, {'data': b''}, {'height': 0, 'width': 0, 'step': 0, 'data': b''}, {'step': 0}],
    ids=str,
)
def test_fault_02_an_image_without_pixels_leaves_the_session_as_it_was(
    tracker: TrackerInProcess, fields: dict[str, Any]
) -> None:
    refuses(tracker, tracker.camera, odd(2, **fields))


@pytest.mark.parametrize(
    'fields',
    [{'step': 3 * WIDTH - 1}, {'data': bytes(3 * WIDTH * HEIGHT - 1)}, {'height': HEIGHT + 1}, {'step': 2**32 - 1}],
    ids=lambda fields: ' '.join(fields),
)
def test_fault_03_rows_that_do_not_fit_the_data_are_refused(tracker: TrackerInProcess, fields: dict[str, Any]) -> None:
    refuses(tracker, tracker.camera, odd(2, **fields))


def test_fault_03_padding_at_the_end_of_rows_is_left_out(tracker: TrackerInProcess) -> None:
    padded = np.full((HEIGHT, 3 * WIDTH + 16), 100, np.uint8)  # the grey of the disc
    padded[:, : 3 * WIDTH] = picture().reshape(HEIGHT, -1)
    assert shows_the_disc(tracker, odd(2, step=3 * WIDTH + 16, data=padded.tobytes()))


@pytest.mark.parametrize(
    'fields',
    [
        {'height': 60_000, 'width': 60_000, 'step': 180_000},
        {'height': 2**32 - 1, 'width': 2**32 - 1, 'step': 2**32 - 1},
        {'width': 1_431_655_766, 'step': 2},  # three bytes a pixel: 2 in 32 bits
        {'height': 8193, 'width': 1, 'step': 3, 'data': bytes(3 * 8193)},
    ],
    ids=['60000', 'all ones', 'overflow', 'high'],
)
def test_fault_04_an_absurd_size_is_refused_by_its_header(tracker: TrackerInProcess, fields: dict[str, Any]) -> None:
    before = tracker.wait_for_status(lambda status: True).process_memory
    refuses(tracker, tracker.camera, odd(2, **fields))
    assert tracker.wait_for_status(lambda status: True).process_memory - before < 50e6


@pytest.mark.parametrize('is_bigendian', [0, 1])
def test_fault_05_sixteen_bits_of_either_order_are_read_right(tracker: TrackerInProcess, is_bigendian: int) -> None:
    pixels = picture()[..., 0].astype('>u2' if is_bigendian else '<u2') * 257  # 8 bits in 16
    fields = {'encoding': 'mono16', 'is_bigendian': is_bigendian, 'step': 2 * WIDTH, 'data': pixels.tobytes()}
    assert shows_the_disc(tracker, odd(2, **fields))


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png_bomb() -> bytes:
    """A PNG of a kilobyte whose header announces 60000×60000 pixels."""
    header = struct.pack('>IIBBBBB', 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = {b'IHDR': header, b'IDAT': zlib.compress(bytes(900_000)), b'IEND': b''}
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunk(kind, data) for kind, data in chunks.items())


def encoded(suffix: str) -> bytes:
    return bytes(cv2.imencode(suffix, picture()[..., ::-1])[1].tobytes())


def test_fault_06_compressed_data_that_is_no_image_is_refused_and_a_wrong_format_is_not_believed(
    start_tracker: Start,
) -> None:
    tracker = start_tracker()
    camera = tracker.beside.create_publisher(CompressedImage, '/image/compressed', QoSProfile(depth=5))
    tracker.wait_until(lambda: camera.get_subscription_count() == 1)
    jpeg, png = encoded('.jpg'), encoded('.png')
    bad = [b'', b'no image', jpeg[:20], jpeg[: len(jpeg) // 2], png[:-40], png_bomb(), bytes(1000)]
    for number, data in enumerate(bad, start=1):
        camera.publish(CompressedImage(header=image(number).header, format='jpeg', data=data))
        tracker.wait_for_status(lambda status, count=number: status.dropped.unreadable == count)
    assert tracker.tracks == []
    good = CompressedImage(header=image(100).header, format='jpeg; but not at all', data=png)
    camera.publish(good)
    tracker.wait_until(lambda: bool(tracker.tracks))
    assert ask(tracker, point()).tracks.tracks[0].area == int(disc().sum())


def test_fault_08_each_image_is_read_by_its_own_encoding(tracker: TrackerInProcess) -> None:
    rgb = picture()
    variants = {
        'rgb8': rgb,
        'mono8': rgb[..., 0],
        'bgr8': rgb[..., ::-1],
        'rgba8': np.dstack([rgb, np.zeros_like(rgb[..., 0])]),
    }
    for stamp, (encoding, pixels) in enumerate([*variants.items(), *variants.items()], start=2):
        grey = np.ascontiguousarray(pixels)
        assert shows_the_disc(tracker, image(stamp, grey, encoding)), encoding
