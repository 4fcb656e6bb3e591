"""Records what the tracker publishes, without looking into it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image

from sam2s_msgs.msg import TrackArray
from sam2s_ros.bag_io import BagWriter
from sam2s_ros.bag_types import COMPRESSED_IMAGE, IMAGE, TRACK_ARRAY, cdr_stamp_ns

# The raw overlay is left out: it is the compressed one, thirty times as large.
OUTPUTS = {
    'tracks': (TrackArray, TRACK_ARRAY),
    'instances/mask': (Image, IMAGE),
    'overlay/compressed': (CompressedImage, COMPRESSED_IMAGE),
}


class OutputRecorder(Node):
    """Writes every output of one tracker into a recording, stamped with the wall clock at arrival.

    Args:
        writer: The new recording; the caller closes it.
        tracker: Name of the tracker node.
        on_tracks: Called with the image stamp, nanoseconds, of each result as it arrives.
    """

    def __init__(
        self, writer: BagWriter, tracker: str, on_tracks: Callable[[int], None] = lambda stamp_ns: None
    ) -> None:
        super().__init__('output_recorder')
        self._writer = writer
        self._on_tracks = on_tracks
        self._topics: list[str] = []
        for name, (message_type, type_name) in OUTPUTS.items():
            topic = self.resolve_topic_name(f'{tracker}/{name}')
            self._topics.append(topic)
            writer.add_topic(topic, type_name)
            record = self._record_tracks if name == 'tracks' else self._record
            self.create_subscription(message_type, topic, partial(record, topic), QoSProfile(depth=100), raw=True)

    def wait_for_outputs(self, timeout_s: float) -> bool:
        """Wait until somebody publishes each output; whether that was in time."""
        deadline = time.monotonic() + timeout_s
        while not all(self.count_publishers(topic) for topic in self._topics):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _record_tracks(self, topic: str, cdr: bytes) -> None:
        self._on_tracks(cdr_stamp_ns(cdr))
        self._record(topic, cdr)

    def _record(self, topic: str, cdr: bytes) -> None:
        self._writer.write(topic, time.time_ns(), cdr)
