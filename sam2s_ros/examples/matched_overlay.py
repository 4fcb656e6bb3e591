"""Show each mask on the very frame that it belongs to, instead of on the one that is newest.

`ros2 run sam2s_ros matched_overlay --ros-args -r image:=/endoscope/image_raw`
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from contextlib import suppress

import cv2
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image

from sam2s_msgs.msg import Track, TrackArray
from sam2s_ros.conversions import image_message, mask_runs, stamp_ns
from sam2s_ros.image_codec import decode
from sam2s_ros.run_lengths import decode_mask

REMEMBERED = 64  # images: two seconds and more, far longer than a mask takes
COLOURS = {Track.TRACKED: (0, 255, 0), Track.UNCERTAIN: (255, 200, 0)}  # green is to be trusted, amber is not


class MatchedOverlay(Node):
    """Publishes ~/image: frames with the outlines of what was found on them, and the delay in the log."""

    def __init__(self) -> None:
        super().__init__('matched_overlay')
        self._images: OrderedDict[int, Image | CompressedImage] = OrderedDict()
        self._shown = self.create_publisher(Image, '~/image', 1)
        topic = self.resolve_topic_name('image')  # a remapping does not reach names that are made of it
        self.create_subscription(Image, topic, self._on_image, qos_profile_sensor_data)
        self.create_subscription(CompressedImage, f'{topic}/compressed', self._on_image, qos_profile_sensor_data)
        self.create_subscription(TrackArray, 'sam2s_tracker/tracks', self._on_tracks, 5)

    def _on_image(self, image: Image | CompressedImage) -> None:
        self._images[stamp_ns(image.header.stamp)] = image
        while len(self._images) > REMEMBERED:
            self._images.popitem(last=False)

    def _on_tracks(self, tracks: TrackArray) -> None:
        # Headers are passed on byte for byte, so that the stamp names the frame exactly.
        image = self._images.pop(stamp_ns(tracks.header.stamp), None)
        if image is None:
            return
        picture = np.array(decode(image))
        for track in tracks.tracks:
            mask = decode_mask(mask_runs(track.roi, track.counts), tracks.height, tracks.width).astype(np.uint8)
            outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, outlines, -1, COLOURS.get(track.state, (255, 0, 0)), 2)
        self._shown.publish(image_message(tracks.header, picture, 'rgb8'))
        delay_ms = 1000 * (tracks.timing.receive_age + tracks.timing.total)
        self.get_logger().info(f'masks are {delay_ms:.0f} ms late', throttle_duration_sec=5.0)


def main() -> None:
    """Run until Ctrl-C."""
    rclpy.init(args=sys.argv)
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(MatchedOverlay())


if __name__ == '__main__':
    main()
