"""The message types that bags hold, for the rosbags library: ROS 2 Jazzy's and ours. Needs no ROS installation."""

from __future__ import annotations

import os
import struct
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
TRACK_ARRAY = 'sam2s_msgs/msg/TrackArray'

NANOSECONDS = 1_000_000_000


@cache
def message_types() -> Typestore:
    """All types of ROS 2 Jazzy's common interfaces and of sam2s_msgs.

    Raises:
        FileNotFoundError: sam2s_msgs is neither beside this package nor installed.
    """
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    types = get_typestore(Stores.ROS2_JAZZY)
    for path in sorted(_message_folder().glob('*.msg')):
        types.register(get_types_from_msg(path.read_text(), f'sam2s_msgs/msg/{path.stem}'))
    return types


def _message_folder() -> Path:
    """Where the .msg files of sam2s_msgs are: in the checkout, or in an installed package."""
    prefixes = [Path(prefix) for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if prefix]
    folders = [Path(__file__).resolve().parents[1] / 'sam2s_msgs' / 'msg']
    folders += [prefix / 'share' / 'sam2s_msgs' / 'msg' for prefix in prefixes]
    for folder in folders:
        if (folder / 'TrackArray.msg').is_file():
            return folder
    raise FileNotFoundError('expected sam2s_msgs/msg in the checkout or on AMENT_PREFIX_PATH; source its workspace')


def stamp_ns(message: Any) -> int:
    """A message's header stamp in nanoseconds."""
    stamp = message.header.stamp
    return int(stamp.sec) * NANOSECONDS + int(stamp.nanosec)


def cdr_stamp_ns(cdr: bytes) -> int:
    """The header stamp, nanoseconds, of a serialized message that begins with a std_msgs/Header."""
    # CDR: 4 bytes that tell the byte order (the second is 1 for little-endian), then the fields in order.
    seconds, nanoseconds = struct.unpack_from('<iI' if cdr[1] & 1 else '>iI', cdr, 4)
    return int(seconds * NANOSECONDS + nanoseconds)


def header(stamp: int, frame_id: str) -> Any:
    """A std_msgs/Header with a stamp in nanoseconds."""
    types = message_types().types
    time = types['builtin_interfaces/msg/Time'](*divmod(stamp, NANOSECONDS))
    return types['std_msgs/msg/Header'](time, frame_id)


def compressed_image(stamp: int, frame_id: str, file_format: str, data: bytes) -> Any:
    """A sensor_msgs/CompressedImage that holds an image file, stamp in nanoseconds."""
    pixels = np.frombuffer(data, np.uint8)
    return message_types().types[COMPRESSED_IMAGE](header(stamp, frame_id), file_format, pixels)


def as_ros2(message: Any) -> Any:
    """An Image or CompressedImage of any bag, ROS 1 too, as today's type."""
    types = message_types().types
    head = header(stamp_ns(message), message.header.frame_id)
    data = np.asarray(message.data, np.uint8)
    if hasattr(message, 'format'):
        return types[COMPRESSED_IMAGE](head, message.format, data)
    layout = (message.height, message.width, message.encoding, message.is_bigendian, message.step)
    return types[IMAGE](head, *layout, data)
