"""Publishes what was found on an image: the tracks always, all else only while someone listens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rclpy.node import Node
from rclpy.publisher import Publisher

from sam2s_msgs.msg import TrackArray
from sam2s_ros.callback_guard import guarded
from sam2s_ros.camera_info_relay import CameraInfoRelay
from sam2s_ros.class_table import ClassTable
from sam2s_ros.conversions import timing, track_array
from sam2s_ros.output_images import OutputImages
from sam2s_ros.output_topics import has_vision_msgs, lazy_outputs, reliable
from sam2s_ros.parameters import BinaryParameters, OverlayParameters
from sam2s_ros.tracked_image import TrackedImage

if TYPE_CHECKING:
    from sam2s_ros.label_info_publisher import LabelInfoPublisher


class ResultPublisher:
    """The output topics of the tracker.

    Tracks are published by the caller's thread. All else is drawn and published by a thread of its own, so that a slow
    listener does not hold up the tracker; of the results that wait there the newest wins.

    Args:
        node: Owner of the publishers.
        classes: Numbers of the class names.
        overlay, binary: How to draw.
    """

    def __init__(self, node: Node, classes: ClassTable, overlay: OverlayParameters, binary: BinaryParameters) -> None:
        self._node = node
        self._classes = classes
        self._overlay, self._binary = overlay, binary
        self._camera = CameraInfoRelay(node)
        self._tracks = node.create_publisher(TrackArray, '~/tracks', reliable(depth=5))
        self._outputs = [
            (output, node.create_publisher(output.kind, output.topic, reliable(output.depth)))
            for output in lazy_outputs(self._camera)
        ]
        self._labels = _label_info_publisher(node, classes)
        self._images = NewestInThread(guarded(node, self._publish_images))

    @property
    def busy_s(self) -> float:
        """Seconds that the drawing and publishing in work has taken so far; 0 when there is none."""
        return self._images.busy_s

    def draw_as(self, overlay: OverlayParameters, binary: BinaryParameters) -> None:
        """Draw the next results in another way."""
        self._overlay, self._binary = overlay, binary

    def publish(self, tracked: TrackedImage, dropped: int) -> None:
        """Publish the tracks now and all else soon; ``dropped`` images were skipped since the last result."""
        message = track_array(tracked, dropped)
        message.timing = timing(tracked.times, tracked.image.age_s, time.monotonic_ns())
        self._tracks.publish(message)
        if self._labels:
            self._labels.publish(tracked)
        if any(_has_listener(publisher) for _, publisher in self._outputs):
            self._images.give(tracked)

    def wait_until_published(self, timeout_s: float) -> bool:
        """Wait for what is drawn and published in the background; whether it ended in time."""
        return self._images.wait_until_idle(timeout_s)

    def close(self) -> None:
        self._images.stop()
        self._camera.close()
        if self._labels:
            self._labels.close()
        for publisher in (self._tracks, *(publisher for _, publisher in self._outputs)):
            self._node.destroy_publisher(publisher)

    def _publish_images(self, tracked: TrackedImage) -> None:
        images = OutputImages(tracked, self._classes, self._overlay, self._binary)
        for output, publisher in self._outputs:
            message = output.message(images) if _has_listener(publisher) else None
            if message is not None:
                publisher.publish(message)


def _has_listener(publisher: Publisher) -> bool:
    return bool(publisher.get_subscription_count() > 0)


def _label_info_publisher(node: Node, classes: ClassTable) -> LabelInfoPublisher | None:
    if not has_vision_msgs():
        node.get_logger().info('vision_msgs is not installed: ~/detections and ~/*/label_info are not published')
        return None
    from sam2s_ros.label_info_publisher import LabelInfoPublisher

    return LabelInfoPublisher(node, classes)


class NewestInThread:
    """Calls a function in a thread of its own, with the newest of what was given."""

    def __init__(self, work: Callable[[TrackedImage], None]) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._waiting: TrackedImage | None = None
        self._begun_ns: int | None = None
        self._is_running = True
        self._thread = threading.Thread(target=self._run, name='image outputs', daemon=True)
        self._thread.start()

    @property
    def busy_s(self) -> float:
        """Seconds that the work at hand has taken so far; 0 when there is none."""
        begun_ns = self._begun_ns
        return 0.0 if begun_ns is None else (time.monotonic_ns() - begun_ns) / 1e9

    def give(self, tracked: TrackedImage) -> None:
        with self._changed:
            self._waiting = tracked
            self._changed.notify_all()

    def stop(self, timeout_s: float = 1.0) -> None:
        with self._changed:
            self._is_running = False
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until all that was given is worked on or replaced; whether that was in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting is None and self._begun_ns is None, timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._begun_ns = None
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting is not None or not self._is_running)
                if not self._is_running or self._waiting is None:
                    return
                tracked, self._waiting, self._begun_ns = self._waiting, None, time.monotonic_ns()
            self._work(tracked)
