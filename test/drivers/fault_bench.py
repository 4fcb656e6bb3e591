"""What the tests of the fault matrix do to a tracker: show it images, point at things, see what it says."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point32
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from tracker_in_process import TrackerInProcess

from sam2s_msgs.msg import Prompt, TrackArray
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.conversions import image_message, stamp_ns, time_message

HEIGHT, WIDTH = 60, 80
LEFT, RIGHT = (20, 15), (50, 45)  # middles of the two discs


def picture(number: int = 0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Two grey discs on noise, of which no two numbers are alike; `BlobTracker` follows each by its grey."""
    rgb = np.random.default_rng(number).integers(0, 60, (height, width, 3), dtype=np.uint8)
    scale = height / HEIGHT
    for (x, y), grey in ((LEFT, 100), (RIGHT, 200)):
        cv2.circle(rgb, (int(x * scale), int(y * scale)), int(8 * scale), (grey, grey, grey), -1)
    return rgb


def image(stamp: int, pixels: np.ndarray | None = None, encoding: str = 'rgb8', frame_id: str = 'camera') -> Image:
    """A message of that stamp, nanoseconds; without pixels a `picture` of its own."""
    header = Header(stamp=time_message(stamp), frame_id=frame_id)
    return image_message(header, picture(stamp) if pixels is None else pixels, encoding)


def track(tracker: TrackerInProcess, message: Image | int) -> TrackArray:
    """Show an image, or the one of a stamp, and wait for its tracks."""
    message = image(message) if isinstance(message, int) else message
    before = len(tracker.tracks)
    tracker.camera.publish(message)

    def found() -> list[TrackArray]:
        return [tracks for tracks in tracker.tracks[before:] if tracks.header == message.header]

    tracker.wait_until(lambda: bool(found()))
    return found()[0]


def point(object_id: str = 'left', place: tuple[float, float] = LEFT, **fields: Any) -> Prompt:
    """A click on a place."""
    points = [Point32(x=float(place[0]), y=float(place[1]))]
    return Prompt(object_id=object_id, points=points, point_labels=[1], **fields)


def ask(tracker: TrackerInProcess, *prompts: Prompt, stamp: int = 0, **options: Any) -> AddPrompts.Response:
    """Send prompts for the image of a stamp, 0 for the newest, and wait for the answer."""
    header = Header(stamp=time_message(stamp) if stamp else Time())
    options = {'return_masks': True, 'timeout': 5.0} | options
    return tracker.call(AddPrompts, 'add_prompts', AddPrompts.Request(header=header, prompts=prompts, **options))


def ids(tracks: TrackArray) -> list[str]:
    """The objects on an image."""
    return [found.object_id for found in tracks.tracks]


def stamps(tracker: TrackerInProcess) -> list[int]:
    """Of all images that were tracked, nanoseconds, in the order of their results."""
    return [stamp_ns(tracks.header.stamp) for tracks in tracker.tracks]
