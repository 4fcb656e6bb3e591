"""A prompt finds the image of its stamp, or hears which stamps there are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sam2s_ros.frame_buffer import FrameBuffer, FrameNotBuffered, NoImage, ReceivedImage


def image(stamp_ns: int, size: int = 10) -> ReceivedImage:
    return ReceivedImage(SimpleNamespace(data=bytes(size)), stamp_ns, arrival_ns=0)


def buffer_of(*stamps: int, max_frames: int = 3, max_bytes: int = 1000) -> FrameBuffer:
    buffer = FrameBuffer(max_frames, max_bytes)
    for stamp in stamps:
        buffer.add(image(stamp))
    return buffer


def test_an_image_is_found_by_its_exact_stamp() -> None:
    assert buffer_of(1, 2, 3).at(2).stamp_ns == 2


def test_the_oldest_image_is_forgotten_first() -> None:
    buffer = buffer_of(1, 2, 3, 4)
    assert buffer.at(2).stamp_ns == 2
    with pytest.raises(FrameNotBuffered):
        buffer.at(1)


def test_a_missing_stamp_names_the_stamps_there_are() -> None:
    buffer = buffer_of(2_000_000_000, 3_500_000_000)
    with pytest.raises(FrameNotBuffered, match=r'2 stamps from 2\.000000000 to 3\.500000000'):
        buffer.at(1)


def test_an_empty_buffer_says_that_no_image_came() -> None:
    with pytest.raises(NoImage):
        buffer_of().at(1)
    with pytest.raises(NoImage):
        buffer_of().newest()


def test_the_newest_is_the_last_to_arrive_not_the_latest_stamp() -> None:
    assert buffer_of(5, 1).newest().stamp_ns == 1


def test_a_stamp_that_comes_again_means_the_newer_image() -> None:
    buffer = buffer_of(1, 2)
    again = image(1)
    buffer.add(again)
    assert buffer.at(1) is again
    assert buffer.newest() is again
    assert buffer.at(2).stamp_ns == 2


def test_large_images_are_forgotten_sooner() -> None:
    buffer = buffer_of(1, max_bytes=25)
    buffer.add(image(2))
    buffer.add(image(3))
    with pytest.raises(FrameNotBuffered):
        buffer.at(1)
    assert buffer.at(2).stamp_ns == 2


def test_the_newest_image_is_kept_however_large_it_is() -> None:
    buffer = buffer_of(1, max_bytes=5)
    buffer.add(image(2, size=100))
    assert buffer.at(2).stamp_ns == 2


def test_images_that_arrived_before_a_moment_can_be_forgotten() -> None:
    buffer = FrameBuffer(8, 10**6)
    for stamp_ns, arrival_ns in ((7, 1), (3, 2), (5, 3)):
        buffer.add(ReceivedImage(SimpleNamespace(data=b''), stamp_ns, arrival_ns))
    buffer.forget_before(2)
    assert (buffer.at(3).arrival_ns, buffer.newest().stamp_ns) == (2, 5)
    with pytest.raises(FrameNotBuffered):
        buffer.at(7)
