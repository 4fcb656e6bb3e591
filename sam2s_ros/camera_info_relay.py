"""The camera's calibration, passed on beside every mask."""

from __future__ import annotations

import threading
from collections import OrderedDict

from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from sam2s_ros.callback_guard import guarded

REMEMBERED = 64  # calibrations: as many as images that may pass while one is tracked


class CameraInfoRelay:
    """Subscribes to the calibration and finds the one of an image."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._received: OrderedDict[tuple[int, int], CameraInfo] = OrderedDict()
        self.topic = camera_info_topic(node)
        qos = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._subscription = node.create_subscription(CameraInfo, self.topic, guarded(node, self.receive), qos)

    def receive(self, info: CameraInfo) -> None:
        stamp = (info.header.stamp.sec, info.header.stamp.nanosec)
        with self._lock:
            self._received.pop(stamp, None)
            self._received[stamp] = info
            if len(self._received) > REMEMBERED:
                self._received.popitem(last=False)

    def of(self, header: Header) -> CameraInfo | None:
        """The calibration of an image, under the image's own header; None while none has come.

        Where none has the image's stamp, the newest: some cameras tell it once, or now and then.
        """
        with self._lock:
            if not self._received:
                return None
            stamp = (header.stamp.sec, header.stamp.nanosec)
            info = self._received.get(stamp) or next(reversed(self._received.values()))
        fields = {name: getattr(info, name) for name in info.get_fields_and_field_types()}
        return CameraInfo(**(fields | {'header': header}))

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)


def camera_info_topic(node: Node) -> str:
    """`camera_info` where that is remapped; else what stands beside the images, as in image_pipeline."""
    given = node.resolve_topic_name('camera_info')
    if given != f'{node.get_namespace().rstrip("/")}/camera_info':
        return given
    image = node.resolve_topic_name('image').removesuffix('/compressed')
    return f'{image.rpartition("/")[0]}/camera_info'
