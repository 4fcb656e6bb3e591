"""Publishes what was found on an image: the tracks always, images of it only while someone listens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from sam2s_msgs.msg import TrackArray
from sam2s_ros.callback_guard import guarded
from sam2s_ros.conversions import image_message, jpeg_message, timing, track_array
from sam2s_ros.label_image import label_image
from sam2s_ros.overlay import draw_overlay
from sam2s_ros.parameters import OverlayParameters
from sam2s_ros.tracked_image import TrackedImage


def _reliable(depth: int) -> QoSProfile:
    # A reliable publisher matches every subscriber, a best-effort one only best-effort subscribers.
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth, reliability=ReliabilityPolicy.RELIABLE)


class ResultPublisher:
    """The output topics of the tracker.

    Tracks are published by the caller's thread. Images are drawn and published by a thread of their own, so that a
    slow listener does not hold up the tracker; of the results that wait there the newest wins.
    """

    def __init__(self, node: Node, overlay: OverlayParameters) -> None:
        self._overlay_look = overlay
        self._tracks = node.create_publisher(TrackArray, '~/tracks', _reliable(depth=5))
        self._instances = node.create_publisher(Image, '~/instances/mask', _reliable(depth=1))
        self._overlay = node.create_publisher(Image, '~/overlay', _reliable(depth=1))
        self._overlay_jpeg = node.create_publisher(CompressedImage, '~/overlay/compressed', _reliable(depth=1))
        self._publishers = (self._tracks, self._instances, self._overlay, self._overlay_jpeg)
        self._node = node
        self._images = NewestInThread(guarded(node, self._publish_images))

    def publish(self, tracked: TrackedImage, dropped: int) -> None:
        """Publish the tracks now and the images soon; ``dropped`` images were skipped since the last result."""
        message = track_array(tracked, dropped)
        message.timing = timing(tracked.times, tracked.image.age_s, time.monotonic_ns())
        self._tracks.publish(message)
        if any(map(_has_listener, (self._instances, self._overlay, self._overlay_jpeg))):
            self._images.give(tracked)

    def close(self) -> None:
        self._images.stop()
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)

    def _publish_images(self, tracked: TrackedImage) -> None:
        header = tracked.image.message.header
        if _has_listener(self._instances):
            height, width, _ = tracked.rgb.shape
            self._instances.publish(image_message(header, label_image(tracked.objects, height, width), 'mono8'))
        wants_raw, wants_jpeg = _has_listener(self._overlay), _has_listener(self._overlay_jpeg)
        if not wants_raw and not wants_jpeg:
            return
        overlay = draw_overlay(tracked.rgb, tracked.objects, self._overlay_look.alpha)
        if wants_raw:
            self._overlay.publish(image_message(header, overlay, 'rgb8'))
        if wants_jpeg:
            self._overlay_jpeg.publish(jpeg_message(header, overlay, self._overlay_look.jpeg_quality))


def _has_listener(publisher: Publisher) -> bool:
    return bool(publisher.get_subscription_count() > 0)


class NewestInThread:
    """Calls a function in a thread of its own, with the newest of what was given."""

    def __init__(self, work: Callable[[TrackedImage], None]) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._waiting: TrackedImage | None = None
        self._is_running = True
        self._thread = threading.Thread(target=self._run, name='image outputs', daemon=True)
        self._thread.start()

    def give(self, tracked: TrackedImage) -> None:
        with self._changed:
            self._waiting = tracked
            self._changed.notify()

    def stop(self, timeout_s: float = 1.0) -> None:
        with self._changed:
            self._is_running = False
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or not self._is_running)
                tracked, self._waiting = self._waiting, None
                if not self._is_running:
                    return
            if tracked is not None:
                self._work(tracked)
