"""Publish a recording's images on a real topic with the recording's timing, where there is no `ros2 bag play`."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import rclpy
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CompressedImage, Image

from sam2s_ros.bag_io import BagReader, SerializedImage, UnreadableBag
from sam2s_ros.bag_types import COMPRESSED_IMAGE, IMAGE, NANOSECONDS

# Reliable, so that both kinds of subscriber match. The history bridges a subscriber's pause, not its slowness.
PLAYER_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE)
DELIVERED_WITHIN = Duration(seconds=2)

IMAGE_TYPES = {IMAGE: Image, COMPRESSED_IMAGE: CompressedImage}


@dataclass(frozen=True)
class Playback:
    """How a recording is played.

    Attributes:
        rate: 1 is the recording's own speed, 2 twice as fast.
        start_s: Seconds of the recording to skip.
        loop: Begin again at the end, for ever; stamps go back then.
    """

    rate: float = 1.0
    start_s: float = 0.0
    loop: bool = False

    def __post_init__(self) -> None:
        if not self.rate > 0 or not self.start_s >= 0:
            raise ValueError(f'expected rate > 0 and start ≥ 0 s, got rate {self.rate} and start {self.start_s}')


class BagPlayer(Node):
    """Publishes one image topic of a recording; stamps and headers stay as they were recorded.

    Args:
        bag: The open recording.
        topic: Image topic in the recording.
        publish_as: Topic to publish on; None for the recorded name.
        playback: Speed, start and loop.
    """

    def __init__(
        self, bag: BagReader, topic: str, publish_as: str | None = None, playback: Playback | None = None
    ) -> None:
        super().__init__('bag_player')
        self._bag = bag
        self._topic = topic
        self._playback = playback or Playback()
        self._stopped = threading.Event()
        self._publisher = self.create_publisher(IMAGE_TYPES[bag.types[topic]], publish_as or topic, PLAYER_QOS)

    def wait_for_subscriber(self, timeout_s: float | None = None, count: int = 1) -> bool:
        """Wait until so many subscribers listen; whether they did before the timeout or `stop`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self._publisher.get_subscription_count() < count:
            if deadline is not None and time.monotonic() > deadline:
                return False
            if self._stopped.wait(0.02):
                return False
        return True

    def play(self, on_published: Callable[[SerializedImage], None] = lambda image: None) -> int:
        """Publish until the end or `stop`, in the calling thread; returns the number of images published.

        Images are never skipped: a player that comes late publishes at once until it has caught up.

        Args:
            on_published: Called just before each image is handed to the middleware.
        """
        published = 0
        while not self._stopped.is_set():
            for image in self._in_time():
                on_published(image)
                self._publisher.publish(image.cdr)
                published += 1
            if not self._playback.loop or not published:
                break
        # Whoever leaves now takes along what has not been delivered.
        self._publisher.wait_for_all_acked(DELIVERED_WITHIN)
        return published

    def stop(self) -> None:
        """End `play` and `wait_for_subscriber` soon; may be called from any thread."""
        self._stopped.set()

    def _in_time(self) -> Iterator[SerializedImage]:
        """Yield each image of the recording when its time has come."""
        start_ns = began_ns = None
        for image in self._bag.serialized_images(self._topic):
            start_ns = start_ns if start_ns is not None else image.recorded_ns
            since_start = image.recorded_ns - start_ns - round(self._playback.start_s * NANOSECONDS)
            if since_start < 0:
                continue
            began_ns = (
                began_ns if began_ns is not None else time.monotonic_ns() - round(since_start / self._playback.rate)
            )
            due_ns = began_ns + since_start / self._playback.rate
            if self._stopped.wait(max(0.0, (due_ns - time.monotonic_ns()) / NANOSECONDS)):
                return
            yield image


def main(args: list[str] | None = None) -> None:
    """`ros2 run sam2s_ros bag_player BAG`: play until the end or Ctrl-C."""
    argv = sys.argv if args is None else ['bag_player', *args]
    options = _parse(remove_ros_args(argv)[1:])
    rclpy.init(args=argv)
    try:
        with BagReader(options.bag) as bag:
            topic = bag.image_topic(options.topic)
            player = BagPlayer(bag, topic, options.publish_as, Playback(options.rate, options.start, options.loop))
            player.get_logger().info(f'playing {topic}: {bag.count(topic)} images, waiting for a subscriber')
            with suppress(KeyboardInterrupt):
                if player.wait_for_subscriber():
                    player.get_logger().info(f'{player.play()} images published')
    except (UnreadableBag, ValueError) as error:
        raise SystemExit(f'error: {error}') from None
    finally:
        rclpy.try_shutdown()


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='bag_player', description=__doc__)
    parser.add_argument('bag', type=Path, help='rosbag2 folder, .mcap, .db3 or ROS 1 .bag')
    parser.add_argument('--topic', help='image topic in the recording; needed when there are several')
    parser.add_argument('--as', dest='publish_as', metavar='TOPIC', help='publish under this name')
    parser.add_argument('--rate', type=float, default=1.0, help='1 is the speed of the recording (default)')
    parser.add_argument('--start', type=float, default=0.0, metavar='SECONDS', help='skip so much of the beginning')
    parser.add_argument('--loop', action='store_true', help='begin again at the end')
    return parser.parse_args(args)


if __name__ == '__main__':
    main()
