"""Image and CompressedImage messages as RGB arrays, and pixels as message data. Needs no ROS installation.

The 8-bit family is read here, without a copy where the bytes allow it. Every other encoding goes to cv_bridge where the
ROS installation has it, else to rosbags-image. Both kinds of message may also come from the rosbags library.
"""

from __future__ import annotations

import array
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_ros import other_encodings
from sam2s_ros.image_header import image_size
from sam2s_ros.image_message import BadImage, CompressedImageMessage, ImageMessage, rows

Rgb: TypeAlias = NDArray[np.uint8]
MAX_SIDE = 8192  # pixels; wider than any endoscope, far below what a forged header can ask for


@dataclass(frozen=True)
class PixelLayout:
    """How one pixel lies in the data: bytes of a pixel, and the OpenCV conversion to RGB, None when it is RGB."""

    size: int
    to_rgb: int | None


# 8UC3 and 8UC4 name no colours; OpenCV, which the encoding comes from, means blue first.
LAYOUTS = {
    'rgb8': PixelLayout(3, None),
    'bgr8': PixelLayout(3, cv2.COLOR_BGR2RGB),
    'rgba8': PixelLayout(4, cv2.COLOR_RGBA2RGB),
    'bgra8': PixelLayout(4, cv2.COLOR_BGRA2RGB),
    'mono8': PixelLayout(1, cv2.COLOR_GRAY2RGB),
    '8UC1': PixelLayout(1, cv2.COLOR_GRAY2RGB),
    '8UC3': PixelLayout(3, cv2.COLOR_BGR2RGB),
    '8UC4': PixelLayout(4, cv2.COLOR_BGRA2RGB),
}


def decode(message: ImageMessage | CompressedImageMessage, max_side: int = MAX_SIDE) -> Rgb:
    """Read either kind of image message as (H, W, 3) uint8, red first.

    Raises:
        BadImage: The message is no image, or larger than ``max_side`` pixels on a side.
    """
    if isinstance(message, CompressedImageMessage):
        return decode_compressed(message, max_side)
    return decode_image(message, max_side)


def decode_image(message: ImageMessage, max_side: int = MAX_SIDE) -> Rgb:
    """Read a sensor_msgs/Image as (H, W, 3) uint8, red first. The result may share memory with the message.

    Raises:
        BadImage: See `decode`.
    """
    _check_size(message.height, message.width, max_side)
    layout = LAYOUTS.get(message.encoding)
    if layout is None:
        return other_encodings.decode(message)
    row_bytes = message.width * layout.size
    pixels = rows(message, message.height, row_bytes).reshape(message.height, message.width, layout.size)
    if layout.to_rgb is None:
        return pixels
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), layout.to_rgb), np.uint8)


def decode_mask(message: ImageMessage, max_side: int = MAX_SIDE) -> NDArray[np.bool_]:
    """Read a one-channel sensor_msgs/Image as (H, W) bool, True where it is not zero.

    Raises:
        BadImage: The encoding is neither mono8 nor 8UC1, or see `decode`.
    """
    if message.encoding not in ('mono8', '8UC1'):
        raise BadImage('a mask in encoding mono8 or 8UC1', repr(message.encoding), 'convert the mask')
    _check_size(message.height, message.width, max_side)
    return np.not_equal(rows(message, message.height, message.width), 0)


def decode_compressed(message: CompressedImageMessage, max_side: int = MAX_SIDE) -> Rgb:
    """Read the JPEG or PNG of a sensor_msgs/CompressedImage as (H, W, 3) uint8, red first.

    The first bytes decide what it is, not ``format``, which every driver writes differently. The size is read from the
    file's header before anything is decoded, so that a few forged bytes cannot fill the memory.

    Raises:
        BadImage: See `decode`.
    """
    data = np.frombuffer(message.data, np.uint8)
    size = image_size(data[:65536].tobytes())
    if size is None:
        raise BadImage('a JPEG or PNG file', f'{data.size} bytes of format {message.format!r}', 'check the publisher')
    _check_size(*size, max_side)
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise BadImage('a whole JPEG or PNG file', f'{data.size} bytes that do not decode', 'look for lost data')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def cropped(rgb: Rgb, half: str) -> Rgb:
    """The left, right, upper or lower half of an image (H, W, 3), or all of it for ``none``; a view, no copy."""
    height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
    rows, columns = {
        'none': (slice(None), slice(None)),
        'left': (slice(None), slice(width)),
        'right': (slice(None), slice(width, 2 * width)),
        'upper': (slice(height), slice(None)),
        'lower': (slice(height, 2 * height), slice(None)),
    }[half]
    return rgb[rows, columns]


def message_data(pixels: NDArray[Any]) -> array.array[int]:
    """Return an array's bytes as what rclpy stores without reading each (1080p: 0.3 ms; an ndarray: 0.8 s)."""
    data = array.array('B')
    data.frombytes(np.ascontiguousarray(pixels).data.cast('B'))
    return data


def encode_jpeg(rgb: Rgb, quality: int) -> array.array[int]:
    """Encode an RGB image (H, W, 3) as the data of a CompressedImage; quality 1 to 100."""
    ok, encoded = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality))
    assert ok
    return message_data(encoded)


def _check_size(height: int, width: int, max_side: int) -> None:
    if not (0 < height <= max_side and 0 < width <= max_side):
        raise BadImage(f'1 to {max_side} pixels a side', f'{width}×{height}', 'check the publisher')
