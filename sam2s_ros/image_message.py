"""What is read of an image message, wherever the message comes from, and the error for one that makes no sense."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class BadImage(ValueError):
    """An image message that cannot be read.

    Attributes:
        expected, came, do: What was needed, what was there, and what to do about it.
    """

    def __init__(self, expected: str, came: str, do: str) -> None:
        super().__init__(f'expected {expected}, came {came}; {do}')
        self.expected, self.came, self.do = expected, came, do


class ImageMessage(Protocol):
    """The fields of sensor_msgs/Image that are read; messages of rclpy and of rosbags have them."""

    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def encoding(self) -> str: ...
    @property
    def is_bigendian(self) -> int: ...
    @property
    def step(self) -> int: ...
    @property
    def data(self) -> Any: ...


@runtime_checkable
class CompressedImageMessage(Protocol):
    """The fields of sensor_msgs/CompressedImage that are read."""

    @property
    def format(self) -> str: ...
    @property
    def data(self) -> Any: ...


def rows(message: ImageMessage, count: int, row_bytes: int) -> NDArray[np.uint8]:
    """View the data as (count, row_bytes) uint8, the padding at the end of each row left out.

    Raises:
        BadImage: The rows are longer than ``step`` or the data shorter than its rows.
    """
    data = np.frombuffer(message.data, np.uint8)
    step = int(message.step)
    if step < row_bytes:
        raise BadImage(f'at least {row_bytes} bytes a row', f'step {step}', 'check step, width and encoding')
    if data.size < step * count:
        raise BadImage(f'{count} rows of {step} bytes', f'{data.size} bytes', 'check height, step and data')
    return data[: step * count].reshape(count, step)[:, :row_bytes]
