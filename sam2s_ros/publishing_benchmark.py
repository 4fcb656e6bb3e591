"""What it costs the node to turn the masks of an image into messages: `python -m sam2s_ros.publishing_benchmark`.

Everything but the network is as in the node: session, states, run lengths, video health, messages and DDS. The network
is replaced by masks that lie ready. Listeners run in a process of their own. Processor time counts all threads of the
node; time on the clock is from the masks to the last message handed over, and means something on an idle machine only.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
import rclpy
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from sam2s_model import Frame, FrameResult, MaskPrompt, ObjectMask, Prompt
from sam2s_msgs.msg import TrackArray
from sam2s_ros.class_table import ClassTable
from sam2s_ros.conversions import image_message, time_message
from sam2s_ros.frame_buffer import FrameBuffer, ReceivedImage
from sam2s_ros.image_codec import decode
from sam2s_ros.output_topics import reliable
from sam2s_ros.parameters import BinaryParameters, OverlayParameters
from sam2s_ros.prompt_codes import PromptMode
from sam2s_ros.prompting import PromptRequest
from sam2s_ros.result_publisher import ResultPublisher
from sam2s_ros.track_state import StateLimits
from sam2s_ros.tracking_session import TrackingSession

HEIGHT, WIDTH = 1080, 1920
PERIOD_NS = 40_000_000
WARM_UP = 5
NODE = 'publishing_benchmark'
KINDS = {
    'tracks': TrackArray,
    'instances/mask': Image,
    'semantic/mask': Image,
    'semantic/confidence': Image,
    'binary/mask': Image,
    'overlay': Image,
    'overlay/compressed': CompressedImage,
}
AUDIENCES = {
    'nobody': (),
    'tracks': ('tracks',),
    'tracks, instances': ('tracks', 'instances/mask'),
    'tracks, semantic layer': ('tracks', 'semantic/mask', 'semantic/confidence'),
    'tracks, overlay/compressed': ('tracks', 'overlay/compressed'),
    'everything': tuple(KINDS),
}


@dataclass(frozen=True)
class Cost:
    """Milliseconds for one image: median of all threads on the processor; median and 95th percentile on the clock."""

    processor: float
    median: float
    p95: float


class ReadyMasks:
    """A tracker that has found everything before it is asked: four instruments that come from the image's sides."""

    def __init__(self, height: int, width: int) -> None:
        self._masks = [_instrument(height, width, number) for number in range(4)]
        self._object_ids: list[str] = []

    def step(self, frame: Frame) -> FrameResult:
        found = zip(self._object_ids, self._masks, strict=False)
        return FrameResult(
            0, frame.stamp_ns, tuple(ObjectMask(object_id, mask, 0.9, 0.95) for object_id, mask in found)
        )

    look = step

    def prompt(self, frame: Frame, object_id: str, prompt: Prompt) -> FrameResult:
        self._object_ids.append(object_id)
        return self.step(frame)

    def catch_up(self, frame: Frame, object_ids: Iterable[str]) -> FrameResult:
        return self.step(frame)

    def remove(self, object_id: str) -> None:
        self._object_ids.remove(object_id)

    def reset(self) -> None:
        self._object_ids.clear()


def _instrument(height: int, width: int, number: int) -> NDArray[np.bool_]:
    """A shaft from one side to the middle, some hundredths of the image."""
    canvas = np.zeros((height, width), np.uint8)
    end = (int(width * (0.3 + 0.12 * number)), int(height * 0.5))
    begin = (0 if number % 2 else width, int(height * (0.1 + 0.25 * number)))
    cv2.line(canvas, begin, end, 1, height // 12)
    return np.not_equal(canvas, 0)


def measure(node: Node, topics: Sequence[str], images: int, height: int = HEIGHT, width: int = WIDTH) -> Cost:
    """Track and publish so many images on a node whose ``topics`` have listeners."""
    classes = ClassTable({'grasper': 1})
    session = TrackingSession(ReadyMasks(height, width), _read, FrameBuffer(2, 10**9), classes, StateLimits(), 4)
    publisher = ResultPublisher(node, classes, OverlayParameters(), BinaryParameters())
    try:
        _wait_for_listeners(node, topics)
        arrivals = tissue_images(height, width)
        session.track(next(arrivals))
        session.add_prompts([instruments_request(str(number), height, width) for number in range(4)], 0, atomic=True)
        for _ in range(WARM_UP):
            _serve(session, publisher, next(arrivals))
        spent = [_serve(session, publisher, next(arrivals)) for _ in range(images)]
    finally:
        publisher.close()
    clock = sorted(seconds for _, seconds in spent)
    processor = statistics.median(seconds for seconds, _ in spent)
    return Cost(1e3 * processor, 1e3 * statistics.median(clock), 1e3 * clock[int(0.95 * len(clock))])


def _read(image: ReceivedImage) -> Frame:
    return Frame(decode(image.message), image.stamp_ns)


def _serve(session: TrackingSession, publisher: ResultPublisher, image: ReceivedImage) -> tuple[float, float]:
    """Processor seconds and seconds on the clock for one image."""
    processor, clock = time.process_time(), time.perf_counter()
    publisher.publish(session.track(image), dropped=0)
    publisher.wait_until_published(10.0)
    clock = time.perf_counter() - clock
    time.sleep(0.02)  # what DDS still sends counts, too
    return time.process_time() - processor, clock


def tissue_images(height: int, width: int) -> Iterator[ReceivedImage]:
    """Two coloured images of no meaning in turns, 25 a second; there is no end of them."""
    coarse = np.random.default_rng(0).integers(0, 255, (2, height // 60, width // 60, 3), dtype=np.uint8)
    tissue = [cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC) for picture in coarse]
    number = 0
    while True:
        number += 1
        header = Header(stamp=time_message(number * PERIOD_NS), frame_id='endoscope')
        message = image_message(header, np.asarray(tissue[number % 2]), 'rgb8')
        yield ReceivedImage(message, number * PERIOD_NS, time.monotonic_ns())


def instruments_request(object_id: str, height: int, width: int) -> PromptRequest:
    """A prompt for the next of `ReadyMasks`."""
    mask = np.ones((height, width), np.bool_)
    return PromptRequest(object_id, 'grasper', PromptMode.NEW, lambda *_: MaskPrompt(mask))


@contextmanager
def audience(topics: Sequence[str]) -> Iterator[None]:
    """Listeners to some topics, in a process of their own."""
    if not topics:
        yield
        return
    with subprocess.Popen([sys.executable, '-m', 'sam2s_ros.publishing_benchmark', '--listen', *topics]) as process:
        try:
            yield
        finally:
            process.kill()  # it holds nothing that must be put away


def _wait_for_listeners(node: Node, topics: Sequence[str], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not all(node.count_subscribers(f'/{NODE}/{topic}') for topic in topics):
        if time.monotonic() > deadline:
            raise TimeoutError(f'expected listeners to {", ".join(topics)} within {timeout_s:.0f} s')
        time.sleep(0.05)
    time.sleep(0.5)  # known is not yet connected


def _listen(topics: Sequence[str]) -> None:
    rclpy.init()
    node = rclpy.create_node('audience')
    for topic in topics:
        # Not converted to Python: that would be the listener's own cost, on the cores of the node.
        node.create_subscription(KINDS[topic], f'/{NODE}/{topic}', lambda data: None, reliable(1), raw=True)
    rclpy.spin(node)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--images', type=int, default=100, help='images for each audience')
    parser.add_argument('--size', nargs=2, type=int, default=(WIDTH, HEIGHT), metavar=('W', 'H'), help='of the images')
    parser.add_argument('--listen', nargs='+', choices=list(KINDS), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.listen:
        _listen(given.listen)
        return
    cv2.setNumThreads(1)  # as in the node
    width, height = given.size
    print(f'{width}×{height}, 4 objects; ms for each image   processor   clock: median   95 %')
    for name, topics in AUDIENCES.items():
        rclpy.init()
        node = rclpy.create_node(NODE)
        with audience(topics):
            cost = measure(node, topics, given.images, height, width)
        print(f'{name:<45} {cost.processor:9.1f} {cost.median:15.1f} {cost.p95:8.1f}')
        node.destroy_node()
        rclpy.shutdown()


if __name__ == '__main__':
    main()
