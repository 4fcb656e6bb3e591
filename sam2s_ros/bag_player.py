"""Publish a recording's images on a real topic with the recording's timing, where there is no `ros2 bag play`."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import rclpy
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import SetBool

from sam2s_msgs.msg import TrackArray
from sam2s_ros.bag_io import BagReader, SerializedImage, UnreadableBag
from sam2s_ros.bag_types import COMPRESSED_IMAGE, IMAGE, NANOSECONDS, cdr_stamp_ns
from sam2s_ros.prompt_script import PromptScript, read_prompt_script, script_beside
from sam2s_ros.script_prompter import ScriptPrompter

# Reliable, so that both kinds of subscriber match. The history bridges a subscriber's pause, not its slowness.
PLAYER_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=10, reliability=ReliabilityPolicy.RELIABLE)
DELIVERED_WITHIN = Duration(seconds=2)
BESIDE = 'beside'  # the prompt script that lies with the recording
SERVICE_POLL_S = 0.5
STEP_TIMEOUT_S = 10.0  # an image that the tracker cannot read has no tracks

IMAGE_TYPES = {IMAGE: Image, COMPRESSED_IMAGE: CompressedImage}


@dataclass(frozen=True)
class Playback:
    """How a recording is played.

    Attributes:
        rate: 1 is the recording's own speed, 2 twice as fast.
        start_s: Seconds of the recording to skip.
        loop: Begin again at the end, for ever; stamps go back then.
        paused: Wait for ~/set_paused before the first image.
        step: Publish each image when the tracker has the one before, however long it takes: none is lost.
    """

    rate: float = 1.0
    start_s: float = 0.0
    loop: bool = False
    paused: bool = False
    step: bool = False

    def __post_init__(self) -> None:
        if not self.rate > 0 or not self.start_s >= 0:
            raise ValueError(f'expected rate > 0 and start ≥ 0 s, got rate {self.rate} and start {self.start_s}')


class BagPlayer(Node):
    """Publishes one image topic of a recording; stamps and headers stay as they were recorded.

    Args:
        bag: The open recording.
        topic: Image topic in the recording.
        publish_as: Topic to publish on; None for the recorded name.
        playback: Speed, start, loop, pause and step.
        tracker: Name of the tracker that `Playback.step` waits for.
    """

    def __init__(
        self,
        bag: BagReader,
        topic: str,
        publish_as: str | None = None,
        playback: Playback | None = None,
        tracker: str = 'sam2s_tracker',
    ) -> None:
        super().__init__('bag_player')
        self._bag = bag
        self._topic = topic
        self._playback = playback or Playback()
        self._stopped = threading.Event()
        self._tracked = threading.Condition()
        self._tracked_ns = -1
        self._may_play = threading.Event()
        self.pause(self._playback.paused)
        self.create_service(SetBool, '~/set_paused', self._answer_pause)
        if self._playback.step:
            self.create_subscription(TrackArray, f'{tracker}/tracks', self._on_tracks, 50, raw=True)
        self._publisher = self.create_publisher(IMAGE_TYPES[bag.types[topic]], publish_as or topic, PLAYER_QOS)

    @property
    def topic(self) -> str:
        """What it publishes on."""
        return str(self._publisher.topic_name)

    def wait_for_subscriber(self, timeout_s: float | None = None, count: int = 1, node: str = '') -> bool:
        """Wait until so many subscribers listen, the node of that name among them; whether they did in time.

        A tracker listens only while it is active.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self._publisher.get_subscription_count() < count or not self._is_heard_by(node):
            if deadline is not None and time.monotonic() > deadline:
                return False
            if self._stopped.wait(0.02):
                return False
        return True

    def _is_heard_by(self, node: str) -> bool:
        listeners = self.get_subscriptions_info_by_topic(self.topic)
        return not node or any(listener.node_name == node.split('/')[-1] for listener in listeners)

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
                if self._playback.step:
                    self._wait_until_tracked(image)
            if not self._playback.loop or not published:
                break
        # Whoever leaves now takes along what has not been delivered.
        self._publisher.wait_for_all_acked(DELIVERED_WITHIN)
        return published

    def stop(self) -> None:
        """End `play` and `wait_for_subscriber` soon; may be called from any thread."""
        self._stopped.set()
        self._may_play.set()

    def pause(self, is_paused: bool) -> None:
        """Hold the recording after the next image, or go on where it was held; from any thread."""
        if is_paused:
            self._may_play.clear()
        else:
            self._may_play.set()

    def _answer_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.pause(request.data)
        response.success, response.message = True, 'paused' if request.data else 'playing'
        return response

    def _on_tracks(self, cdr: bytes) -> None:
        with self._tracked:
            self._tracked_ns = cdr_stamp_ns(cdr)
            self._tracked.notify_all()

    def _wait_until_tracked(self, image: SerializedImage) -> None:
        stamp = cdr_stamp_ns(image.cdr)

        def is_over() -> bool:
            return self._tracked_ns == stamp or self._stopped.is_set()

        with self._tracked:
            if not self._tracked.wait_for(is_over, STEP_TIMEOUT_S):
                text = f'no tracks of image {stamp} within {STEP_TIMEOUT_S:g} s; going on with the next'
                self.get_logger().warning(text)

    def _held_ns(self) -> int:
        """Wait while paused; for how long that was."""
        begun_ns = time.monotonic_ns()
        if self._may_play.is_set():
            return 0
        self._may_play.wait()
        return time.monotonic_ns() - begun_ns

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
            began_ns += self._held_ns()
            due_ns = 0 if self._playback.step else began_ns + since_start / self._playback.rate
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
            script = _script(options)
            topic = bag.image_topic(options.topic or (script.image_topic if script else None))
            player = BagPlayer(bag, topic, _name(options, bag, topic), _playback(options), options.tracker)
            kind = IMAGE_TYPES[bag.types[topic]]
            prompter = ScriptPrompter(script, player.topic, kind, options.tracker) if script else None
            player.get_logger().info(f'playing {topic}: {bag.count(topic)} images, waiting for a subscriber')
            with suppress(KeyboardInterrupt), _answering(player, *([prompter] if prompter else [])):
                if _is_heard(player, prompter, options.wait_for):
                    player.get_logger().info(f'{player.play()} images published')
                if prompter and not prompter.is_done:
                    player.get_logger().warning('some prompts were never answered: is the tracker active?')
    except (UnreadableBag, ValueError, OSError) as error:
        raise SystemExit(f'error: {error}') from None
    finally:
        rclpy.try_shutdown()


def _is_heard(player: BagPlayer, prompter: ScriptPrompter | None, node: str) -> bool:
    """Wait for who is to hear the images and answer the prompts; False when it is time to end instead."""
    while prompter and rclpy.ok() and not prompter.wait_for_tracker(SERVICE_POLL_S):
        pass
    return player.wait_for_subscriber(count=2 if prompter else 1, node=node)


@contextmanager
def _answering(*nodes: Node) -> Iterator[None]:
    """Have another thread answer services and subscriptions of the nodes meanwhile."""
    executor = SingleThreadedExecutor()
    for node in nodes:
        executor.add_node(node)
    thread = threading.Thread(target=executor.spin, name='executor')
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join()


def _script(options: argparse.Namespace) -> PromptScript | None:
    path = script_beside(options.bag) if options.prompts == BESIDE else options.prompts and Path(options.prompts)
    return read_prompt_script(path) if path else None


def _name(options: argparse.Namespace, bag: BagReader, topic: str) -> str | None:
    if not options.as_base:
        return str(options.publish_as) if options.publish_as else None
    return f'{options.as_base}/compressed' if bag.types[topic] == COMPRESSED_IMAGE else str(options.as_base)


def _playback(options: argparse.Namespace) -> Playback:
    return Playback(options.rate, options.start, options.loop, options.paused, options.step)


def _parse(args: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='bag_player', description=__doc__)
    parser.add_argument('bag', type=Path, help='rosbag2 folder, .mcap, .db3 or ROS 1 .bag')
    parser.add_argument('--topic', help='image topic in the recording; needed when there are several')
    parser.add_argument('--as', dest='publish_as', metavar='TOPIC', help='publish under this name')
    parser.add_argument('--as-base', metavar='TOPIC', help='the same, with /compressed where the images are')
    parser.add_argument('--rate', type=float, default=1.0, help='1 is the speed of the recording (default)')
    parser.add_argument('--start', type=float, default=0.0, metavar='SECONDS', help='skip so much of the beginning')
    parser.add_argument('--loop', action='store_true', help='begin again at the end')
    parser.add_argument('--paused', action='store_true', help='wait for ~/set_paused before the first image')
    parser.add_argument('--step', action='store_true', help='wait for the tracks of each image: none is lost')
    parser.add_argument('--wait-for', default='', metavar='NODE', help='begin when this node listens, too')
    parser.add_argument(
        '--prompts',
        default='',
        metavar='SCRIPT',
        help=f'prompt script to play to the tracker; {BESIDE}: the one that lies with the recording, if any',
    )
    parser.add_argument(
        '--tracker', default='sam2s_tracker', help='node that --step and --prompts are for (default: %(default)s)'
    )
    return parser.parse_args(args)


if __name__ == '__main__':
    main()
