"""Image encodings beyond the 8-bit colour family: 16 bit, Bayer, YUV. Converted by cv_bridge or rosbags-image."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sam2s_ros.image_message import BadImage, ImageMessage, rows

# Full-size brightness, below it colour at half height: neither converter knows the data to be higher than the image.
PLANAR = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}

PIXEL_BYTES = {
    **dict.fromkeys(('mono16', '16UC1', 'yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv'), 2),
    **dict.fromkeys(('rgb16', 'bgr16', '16UC3'), 6),
    **dict.fromkeys(('rgba16', 'bgra16', '16UC4'), 8),
    **dict.fromkeys(('bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8'), 1),
    **dict.fromkeys(('bayer_rggb16', 'bayer_bggr16', 'bayer_gbrg16', 'bayer_grbg16'), 2),
}
# As with 8UC3: these name no colours, OpenCV means blue first. 16 bits are taken as the full range.
COLOUR_OF = {'16UC1': 'mono16', '16UC3': 'bgr16', '16UC4': 'bgra16'}


@dataclass(frozen=True)
class PackedImage:
    """An image message without padding, for converters that do not look at ``step``."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: NDArray[np.uint8]


def decode(message: ImageMessage) -> NDArray[np.uint8]:
    """Read an image message as (H, W, 3) uint8, red first.

    Raises:
        BadImage: The encoding is unknown, or the data does not fit it.
    """
    if message.encoding in PLANAR:
        planes = rows(message, message.height * 3 // 2, message.width)
        return _checked(_convert_planes, _packed(message, planes))
    if message.encoding not in PIXEL_BYTES:
        raise BadImage('an encoding of sensor_msgs/image_encodings', repr(message.encoding), 'convert it to rgb8')
    pixels = rows(message, message.height, message.width * PIXEL_BYTES[message.encoding])
    has_cv_bridge = importlib.util.find_spec('cv_bridge') is not None
    return _checked(_convert_with_cv_bridge if has_cv_bridge else _convert_with_rosbags, _packed(message, pixels))


def _packed(message: ImageMessage, pixels: NDArray[np.uint8]) -> PackedImage:
    return PackedImage(
        height=message.height,
        width=message.width,
        encoding=COLOUR_OF.get(message.encoding, message.encoding),
        is_bigendian=int(message.is_bigendian),
        step=pixels.shape[1],
        data=np.ascontiguousarray(pixels),
    )


def _checked(convert: Callable[[PackedImage], Any], image: PackedImage) -> NDArray[np.uint8]:
    try:
        rgb: NDArray[np.uint8] = np.asarray(convert(image))
    except Exception as error:  # each converter raises errors of its own; all mean the same here
        came = f'{image.width}×{image.height} in {image.encoding!r} ({error})'
        raise BadImage('an image that OpenCV can convert', came, 'convert it to rgb8 before') from error
    assert rgb.shape == (image.height, image.width, 3) and rgb.dtype == np.uint8
    return rgb


def _convert_planes(image: PackedImage) -> Any:
    return cv2.cvtColor(image.data, PLANAR[image.encoding])


def _convert_with_cv_bridge(image: PackedImage) -> Any:
    from cv_bridge import CvBridge

    return CvBridge().imgmsg_to_cv2(image, 'rgb8')


def _convert_with_rosbags(image: PackedImage) -> Any:
    from rosbags.image import image_to_cvimage

    return image_to_cvimage(image, 'rgb8')  # type: ignore[arg-type]
