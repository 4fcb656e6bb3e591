"""Changes of size, encoding and scan are noticed."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from sam2s_ros.events import Event, EventCode, EventLog
from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.image_format import COMBED_SHARE, ImageFormat, SizeChange, combed_share


def scene(moved: int = 0, height: int = 480, width: int = 640) -> np.ndarray:
    """Smooth tissue with an instrument over it, moved to the right by some pixels."""
    noise = np.random.default_rng(0).integers(60, 180, (height // 16, width // 16, 3), dtype=np.uint8)
    rgb = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.line(rgb, (100 + moved, height), (300 + moved, 100), (210, 210, 220), 40)
    return rgb


def interlaced(speed: int) -> np.ndarray:
    """The odd rows are a sixtieth of a second later than the even ones."""
    rgb = scene()
    rgb[1::2] = scene(speed)[1::2]
    return rgb


def image(encoding: str = 'rgb8') -> ReceivedImage:
    return ReceivedImage(SimpleNamespace(encoding=encoding), 5, 5)


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def image_format(events: list[Event]) -> ImageFormat:
    return ImageFormat(EventLog(events.append))


@pytest.mark.parametrize(
    ('size', 'change'),
    [
        ((480, 640), SizeChange.NONE),
        ((240, 320), SizeChange.SCALED),
        ((481, 640), SizeChange.SCALED),
        ((512, 640), SizeChange.RESHAPED),
        ((640, 480), SizeChange.RESHAPED),
    ],
)
def test_sizes_are_compared_with_the_image_before(
    image_format: ImageFormat, events: list[Event], size: tuple[int, int], change: SizeChange
) -> None:
    image_format.follow(image(), scene())
    rgb = np.zeros((*size, 3), np.uint8)
    assert image_format.size_change(rgb) is change
    image_format.follow(image(), rgb)
    assert [event.code for event in events] == [EventCode.RESOLUTION_CHANGED] * (change is not SizeChange.NONE)
    assert image_format.size_change(rgb) is SizeChange.NONE


def test_another_encoding_is_told(image_format: ImageFormat, events: list[Event]) -> None:
    for encoding in ('rgb8', 'rgb8', 'mono8', 'rgb8'):
        image_format.follow(image(encoding), scene())
    assert [event.code for event in events] == [EventCode.ENCODING_CHANGED]  # and not again within some seconds
    assert "'mono8' now, they were 'rgb8'" in events[0].text


@pytest.mark.parametrize('speed', [6, 12, 30])
def test_an_interlaced_image_of_something_that_moves_is_combed(speed: int) -> None:
    assert combed_share(interlaced(speed)) > COMBED_SHARE


def test_still_noisy_and_finely_drawn_images_are_not_combed() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    upright = np.repeat(np.arange(640, dtype=np.uint8)[None, :, None] % 2 * 200, 480, axis=0).repeat(3, axis=2)
    for rgb in (scene(), interlaced(0), noise, upright, scene(height=16), scene()[:10, :3]):
        assert combed_share(rgb) < COMBED_SHARE


def test_interlaced_video_is_told_once_and_after_a_while(image_format: ImageFormat, events: list[Event]) -> None:
    for _ in range(29):
        image_format.follow(image(), interlaced(10))
    assert events == []
    for _ in range(100):
        image_format.follow(image(), interlaced(10))
    assert [event.code for event in events] == [EventCode.INTERLACED]
