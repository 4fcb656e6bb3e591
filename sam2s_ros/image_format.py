"""Notices when a stream begins to show images of another size, encoding or scan."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.frame_buffer import ReceivedImage

ASPECT_TOLERANCE = 0.02  # relative; 1920×1080 and 720×405 are the same picture, 4:3 and 5:4 are not
REPEAT_AFTER_S = 5.0
LOOK_EVERY = 10  # images of which one is looked at for combing
COMBED_LOOKS = 3  # looks in a row that must show it
BLOCK = 16  # pixels
COMB_CONTRAST, COMB_RATIO = (
    6.0,
    1.3,
)  # grey values between neighbouring rows, and how much more than to the next but one
COMBED_SHARE = 0.02  # of the blocks


class SizeChange(Enum):
    """How an image's size compares with the one before."""

    NONE = 'none'
    SCALED = 'scaled'
    RESHAPED = 'reshaped'


class ImageFormat:
    """What the images of one stream look like; tells ``events`` when that changes."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._size: tuple[int, int] | None = None
        self._encoding: str | None = None
        self._looks = self._combed = 0

    def size_change(self, rgb: NDArray[np.uint8]) -> SizeChange:
        """Compare the size of an image (H, W, 3) with that of the one before; changes nothing."""
        if self._size is None or self._size == rgb.shape[:2]:
            return SizeChange.NONE
        (old_height, old_width), (height, width) = self._size, rgb.shape[:2]
        aspect = (width / height) / (old_width / old_height)
        return SizeChange.SCALED if abs(aspect - 1) <= ASPECT_TOLERANCE else SizeChange.RESHAPED

    def follow(self, image: ReceivedImage, rgb: NDArray[np.uint8]) -> None:
        """Take the format of an image (H, W, 3) over."""
        self._follow_size(rgb, image.stamp_ns)
        self._follow_encoding(image.message, image.stamp_ns)
        self._look_for_combs(rgb, image.stamp_ns)

    def _follow_size(self, rgb: NDArray[np.uint8], stamp_ns: int) -> None:
        before, self._size = self._size, (rgb.shape[0], rgb.shape[1])
        if before not in (None, self._size):
            assert before is not None
            text = f'images are {rgb.shape[1]}×{rgb.shape[0]} now, they were {before[1]}×{before[0]}'
            self._events.emit(EventCode.RESOLUTION_CHANGED, text, stamp_ns=stamp_ns)

    def _follow_encoding(self, message: Any, stamp_ns: int) -> None:
        encoding = str(getattr(message, 'encoding', '') or getattr(message, 'format', ''))
        before, self._encoding = self._encoding, encoding
        if before not in (None, encoding):
            text = f'images are encoded as {encoding!r} now, they were {before!r}'
            self._events.emit(EventCode.ENCODING_CHANGED, text, stamp_ns=stamp_ns, at_most_every_s=REPEAT_AFTER_S)

    def _look_for_combs(self, rgb: NDArray[np.uint8], stamp_ns: int) -> None:
        self._looks += 1
        if self._looks % LOOK_EVERY:
            return
        self._combed = self._combed + 1 if combed_share(rgb) > COMBED_SHARE else 0
        if self._combed == COMBED_LOOKS:
            text = 'alternate rows show two moments: the video is interlaced, deinterlace it before it comes here'
            self._events.emit(EventCode.INTERLACED, text, stamp_ns=stamp_ns)


def combed_share(rgb: NDArray[np.uint8]) -> float:
    """Share of the blocks of an image (H, W, 3) whose neighbouring rows differ more than every other row does.

    Things that move do that when the two halves of an interlaced image, the odd and the even rows, were taken at
    different moments.
    """
    green = rgb[:, ::4, 1].astype(np.int16)  # columns are alike; a quarter of them is enough
    if green.shape[0] <= BLOCK + 2 or green.shape[1] < BLOCK // 4:
        return 0.0
    next_row = np.abs(green[:-2] - green[1:-1])
    after_next = np.abs(green[:-2] - green[2:])
    near, far = _block_means(next_row), _block_means(after_next)
    return float(np.mean((near > COMB_CONTRAST) & (near > COMB_RATIO * far)))


def _block_means(values: NDArray[np.int16]) -> NDArray[np.float64]:
    columns = BLOCK // 4
    height, width = values.shape[0] // BLOCK * BLOCK, values.shape[1] // columns * columns
    blocks = values[:height, :width].reshape(height // BLOCK, BLOCK, width // columns, columns)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float64)
