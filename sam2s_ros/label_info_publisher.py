"""What the pixels of the masks mean, latched: told at the start and whenever it changes."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Header
from vision_msgs.msg import LabelInfo

from sam2s_ros.class_table import ClassTable
from sam2s_ros.output_topics import latched
from sam2s_ros.tracked_image import TrackedImage
from sam2s_ros.vision_messages import class_labels, instance_labels


class LabelInfoPublisher:
    """Publishes ~/semantic/label_info and ~/instances/label_info, the first at once: Nav2 waits for it.

    Needs vision_msgs.
    """

    def __init__(self, node: Node, classes: ClassTable) -> None:
        self._node = node
        self._classes = classes
        self._semantic = node.create_publisher(LabelInfo, '~/semantic/label_info', latched())
        self._instances = node.create_publisher(LabelInfo, '~/instances/label_info', latched())
        self._told: dict[Publisher, Any] = {}
        self._tell(self._semantic, class_labels(Header(), classes.ids))
        self._tell(self._instances, instance_labels(Header(), ()))

    def publish(self, tracked: TrackedImage) -> None:
        """Tell what is new since the result before, under the header of the image."""
        header = tracked.image.message.header
        self._tell(self._semantic, class_labels(header, self._classes.ids))
        self._tell(self._instances, instance_labels(header, tracked.objects))

    def close(self) -> None:
        for publisher in (self._semantic, self._instances):
            self._node.destroy_publisher(publisher)

    def _tell(self, publisher: Publisher, info: LabelInfo) -> None:
        if self._told.get(publisher) == info.class_map:
            return
        self._told[publisher] = info.class_map
        publisher.publish(info)
