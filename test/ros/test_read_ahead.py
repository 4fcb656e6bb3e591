"""The image that waits is read while the network is at the one before it, and once only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sam2s_model import Frame
from sam2s_ros.frame_buffer import ReceivedImage
from sam2s_ros.image_message import BadImage
from sam2s_ros.read_ahead import ReadAhead

DEADLINE_S = 20.0


def image(stamp: int) -> ReceivedImage:
    return ReceivedImage(SimpleNamespace(header=None), stamp, stamp)


class Reader:
    """Writes down which images are read by whom; the reading of image 1 can be held up. Image 13 cannot be read."""

    def __init__(self) -> None:
        self.read: list[tuple[int, str]] = []
        self.begun, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        self.ahead = ReadAhead(self._read)

    def _read(self, image: ReceivedImage) -> Frame:
        self.read.append((image.stamp_ns, threading.current_thread().name.rstrip('_0')))
        self.begun.set()
        if image.stamp_ns == 1:
            assert self.gate.wait(DEADLINE_S)
        if image.stamp_ns == 13:
            raise BadImage('pixels', 'nothing', 'send some')
        return Frame(np.zeros((1, 1, 3), np.uint8), image.stamp_ns)


@pytest.fixture
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.gate.set()
    made.ahead.close()


HERE = threading.current_thread().name


def test_an_image_that_was_offered_is_read_in_another_thread(reader: Reader) -> None:
    waiting = image(5)
    reader.ahead.offer(waiting)
    assert reader.begun.wait(DEADLINE_S)
    assert reader.ahead.take(waiting).stamp_ns == 5
    assert reader.read == [(5, 'read ahead')]


def test_an_image_that_is_offered_twice_is_read_once(reader: Reader) -> None:
    waiting = image(5)
    reader.ahead.offer(waiting)
    assert reader.begun.wait(DEADLINE_S)
    reader.ahead.offer(waiting)
    assert reader.ahead.take(waiting).stamp_ns == 5
    assert reader.read == [(5, 'read ahead')]


def test_reading_ahead_may_do_more_than_reading(reader: Reader) -> None:
    more = ReadAhead(reader._read, lambda image: replace(reader._read(image), ahead='more'))
    waiting = image(5)
    more.offer(waiting)
    assert reader.begun.wait(DEADLINE_S)
    assert more.take(waiting).ahead == 'more'
    assert more.take(image(6)).ahead is None
    more.close()


def test_an_image_that_nobody_offered_is_read_at_once(reader: Reader) -> None:
    assert reader.ahead.take(image(5)).stamp_ns == 5
    assert reader.read == [(5, HERE)]


def test_a_newer_image_takes_the_place_of_one_that_waits(reader: Reader) -> None:
    reader.gate.clear()
    images = [image(stamp) for stamp in (1, 2, 3)]
    for waiting in images:
        reader.ahead.offer(waiting)
        assert reader.begun.wait(DEADLINE_S)
    reader.gate.set()
    assert reader.ahead.take(images[2]).stamp_ns == 3
    assert [stamp for stamp, _ in reader.read] == [1, 3]


def test_who_takes_an_image_does_not_wait_for_another_one(reader: Reader) -> None:
    reader.gate.clear()
    reader.ahead.offer(image(1))
    assert reader.begun.wait(DEADLINE_S)
    waiting = image(2)
    reader.ahead.offer(waiting)
    assert reader.ahead.take(waiting).stamp_ns == 2
    assert reader.read[-1] == (2, HERE)


def test_an_image_that_cannot_be_read_fails_for_who_takes_it(reader: Reader) -> None:
    bad = image(13)
    reader.ahead.offer(bad)
    with pytest.raises(BadImage):
        reader.ahead.take(bad)
