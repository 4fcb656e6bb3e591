"""The last images by stamp, so that a prompt finds the frame it was drawn on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any


class NoImage(LookupError):
    """No image has arrived yet."""


class FrameNotBuffered(LookupError):
    """The image of that stamp is not remembered; the message gives the stamps that are."""


@dataclass(frozen=True)
class ReceivedImage:
    """One image message as it arrived, not decoded yet.

    Attributes:
        message: sensor_msgs Image or CompressedImage; its header goes into every output.
        stamp_ns: The header's stamp in nanoseconds of the stream's own clock; may be 0.
        arrival_ns: When it arrived, in nanoseconds of the steady clock.
        age_s: Seconds from the stamp to the arrival; only meaningful where both clocks agree.
        epoch: How often tracking had to begin anew before it, since time went back.
    """

    message: Any
    stamp_ns: int
    arrival_ns: int
    age_s: float = 0.0
    epoch: int = 0


class FrameBuffer:
    """Remember the newest images, as many as fit in ``max_frames`` and ``max_bytes``. Safe between threads."""

    def __init__(self, max_frames: int, max_bytes: int) -> None:
        self.max_frames = max_frames
        self.max_bytes = max_bytes
        self._images: OrderedDict[int, ReceivedImage] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, image: ReceivedImage) -> None:
        """Remember an image, forget the oldest. A stamp that comes again (a looped bag) means the newer image."""
        with self._lock:
            self._forget(image.stamp_ns)
            self._images[image.stamp_ns] = image
            self._bytes += len(image.message.data)
            while len(self._images) > 1 and self._is_full():
                self._forget(next(iter(self._images)))

    def at(self, stamp_ns: int) -> ReceivedImage:
        """Return the image of exactly that stamp.

        Raises:
            NoImage, FrameNotBuffered: There is none.
        """
        with self._lock:
            if not self._images:
                raise NoImage('no image has arrived yet')
            if stamp_ns not in self._images:
                first, last = min(self._images), max(self._images)
                raise FrameNotBuffered(
                    f'no image of stamp {_seconds(stamp_ns)} is remembered; '
                    f'expected one of {len(self._images)} stamps from {_seconds(first)} to {_seconds(last)}'
                )
            return self._images[stamp_ns]

    def newest(self) -> ReceivedImage:
        """Return the image that arrived last.

        Raises:
            NoImage: None has arrived yet.
        """
        with self._lock:
            if not self._images:
                raise NoImage('no image has arrived yet')
            return next(reversed(self._images.values()))

    def forget_before(self, arrival_ns: int) -> None:
        """Forget all images that arrived earlier."""
        with self._lock:
            for image in [image for image in self._images.values() if image.arrival_ns < arrival_ns]:
                self._forget(image.stamp_ns)

    def _is_full(self) -> bool:
        return len(self._images) > self.max_frames or self._bytes > self.max_bytes

    def _forget(self, stamp_ns: int) -> None:
        image = self._images.pop(stamp_ns, None)
        if image is not None:
            self._bytes -= len(image.message.data)


def _seconds(stamp_ns: int) -> str:
    return f'{stamp_ns // 10**9}.{stamp_ns % 10**9:09d}'
