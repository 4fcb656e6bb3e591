"""Keep a region around an instrument or tissue that nothing else may enter.

`ros2 run sam2s_ros no_go_region --ros-args -p object_id:=vessel -p margin:=25`
"""

from __future__ import annotations

import sys
from contextlib import suppress

import cv2
import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import Image

from sam2s_msgs.msg import Track, TrackArray
from sam2s_ros.conversions import image_message, mask_runs
from sam2s_ros.run_lengths import decode_mask

GROWTH = 5  # pixels that the margin grows with each image on which the object cannot be trusted


class NoGoRegion(Node):
    """Publishes ~/mask, mono8, 255 where nothing may go: the object and ``margin`` pixels around it.

    While the object is not TRACKED the region stays where it was last trusted and grows, up to the whole image: what
    cannot be seen is not gone.
    """

    def __init__(self) -> None:
        super().__init__('no_go_region')
        self._object_id = self.declare_parameter('object_id', '1').value
        self._margin = int(self.declare_parameter('margin', 25).value)
        self._trusted: NDArray[np.uint8] | None = None
        self._unsure = 0
        self._region = self.create_publisher(Image, '~/mask', 1)
        self.create_subscription(TrackArray, 'sam2s_tracker/tracks', self._on_tracks, 1)

    def _on_tracks(self, tracks: TrackArray) -> None:
        found = next((track for track in tracks.tracks if track.object_id == self._object_id), None)
        if found is not None and found.state == Track.TRACKED:
            self._trusted = decode_mask(mask_runs(found.roi, found.counts), tracks.height, tracks.width).astype(
                np.uint8
            )
            self._unsure = 0
        elif self._trusted is not None:
            self._unsure += 1
        self._region.publish(image_message(tracks.header, self.region(tracks.height, tracks.width), 'mono8'))

    def region(self, height: int, width: int) -> NDArray[np.uint8]:
        """Where nothing may go, (height, width); everywhere until the object was trusted once."""
        if self._trusted is None or self._trusted.shape != (height, width):
            return np.full((height, width), 255, np.uint8)
        free = cv2.distanceTransform(1 - self._trusted, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.where(free <= self._margin + GROWTH * self._unsure, 255, 0).astype(np.uint8)


def main() -> None:
    """Run until Ctrl-C."""
    rclpy.init(args=sys.argv)
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(NoGoRegion())


if __name__ == '__main__':
    main()
