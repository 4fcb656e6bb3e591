"""Read the image that waits while the network is still at the one before it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from sam2s_model import Frame
from sam2s_ros.frame_buffer import ReceivedImage


class ReadAhead:
    """Makes the frame of the image that was offered last in a thread of its own.

    Args:
        read: Makes the frame of an image in the thread that takes it. What it raises, `take` raises.
        read_ahead: The same in the thread of its own.
    """

    def __init__(
        self, read: Callable[[ReceivedImage], Frame], read_ahead: Callable[[ReceivedImage], Frame] | None = None
    ) -> None:
        self._read, self._read_ahead = read, read_ahead or read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix='read ahead')
        self._ahead: tuple[ReceivedImage, Future[Frame]] | None = None

    def offer(self, image: ReceivedImage) -> None:
        """Begin to read an image, unless an earlier one is being read; then as soon as that is done. Never blocks."""
        superseded = self._ahead
        if superseded is not None:
            if superseded[0] is image:
                return
            superseded[1].cancel()
        self._ahead = image, self._thread.submit(self._read_ahead, image)

    def take(self, image: ReceivedImage) -> Frame:
        """The frame of any image. Where reading has begun it is waited for, else the image is read here and now."""
        ahead = self._ahead
        if ahead is not None and ahead[0] is image and not ahead[1].cancel():
            return ahead[1].result()
        return self._read(image)

    def close(self) -> None:
        """End the thread after the image that it reads. Nothing may be offered any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
