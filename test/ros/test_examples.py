"""The example nodes do what a control loop, a safety region and a screen need."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

import rclpy
from fault_bench import HEIGHT, LEFT, WIDTH, image, picture
from geometry_msgs.msg import Point32, PointStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image

from sam2s_msgs.msg import Timing, Track, TrackArray
from sam2s_ros.conversions import region_of_interest
from sam2s_ros.examples.matched_overlay import MatchedOverlay
from sam2s_ros.examples.no_go_region import GROWTH, NoGoRegion
from sam2s_ros.examples.safe_control import SafeControl
from sam2s_ros.image_codec import decode_image
from sam2s_ros.run_lengths import encode_mask

pytestmark = pytest.mark.ros

SECOND = 1_000_000_000


def tracks_of(
    stamp: int, state: int = Track.TRACKED, score: float = 0.9, total: float = 0.05, receive_age: float = 0.0
) -> TrackArray:
    """The left disc, as the tracker would tell of it."""
    runs = encode_mask(picture(stamp)[..., 0] == 100)
    found = Track(object_id='psm1', state=state, score=score, centroid=Point32(x=float(LEFT[0]), y=float(LEFT[1])))
    found.roi, found.counts = region_of_interest(runs), runs.counts.tolist()
    timing = Timing(total=total, receive_age=receive_age)
    return TrackArray(header=image(stamp).header, height=HEIGHT, width=WIDTH, tracks=[found], timing=timing)


def png(raw: Image) -> CompressedImage:
    bgr = cv2.cvtColor(decode_image(raw), cv2.COLOR_RGB2BGR)
    return CompressedImage(header=raw.header, format='png', data=cv2.imencode('.png', bgr)[1].tobytes())


@pytest.mark.parametrize('name', ['safe_control', 'no_go_region', 'matched_overlay'])
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_example_ends_with_its_signal_and_without_a_traceback(
    bench: Any, until: Callable[..., None], name: str, number: signal.Signals
) -> None:
    process = bench.start(f'sam2s_ros.examples.{name}')
    until(
        lambda: name in bench.node.get_node_names() and bench.node.count_subscribers('/sam2s_tracker/tracks') == 1, 30.0
    )
    time.sleep(0.5)  # the middleware knows it before it has begun to spin
    process.signal(number)
    assert process.wait(10) == 0 and 'Traceback' not in process.output, process.output


class Around:
    """An example node in this process, and a node beside it that talks to it."""

    def __init__(self, domain: int) -> None:
        rclpy.init(domain_id=domain)
        self.beside = rclpy.create_node('beside')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.beside)
        self.tracks = self.beside.create_publisher(TrackArray, 'sam2s_tracker/tracks', 5)
        self.compressed_images = self.beside.create_publisher(
            CompressedImage, 'image/compressed', qos_profile_sensor_data
        )
        self.images = self.beside.create_publisher(Image, 'image', qos_profile_sensor_data)
        self.heard: list[Any] = []
        self._thread = threading.Thread(target=self._executor.spin, daemon=True)
        self._thread.start()
        self._nodes: list[Any] = []

    def run(self, kind: type, topic: str, message: type, **parameters: Any) -> Any:
        node = kind()
        node.set_parameters([rclpy.Parameter(name, value=value) for name, value in parameters.items()])
        self._nodes.append(node)
        self.beside.create_subscription(message, topic, self.heard.append, 10)
        self._executor.add_node(node)
        self.until(lambda: self.tracks.get_subscription_count() == 1)
        self.until(lambda: self.beside.count_publishers(topic) == 1)
        return node

    def send(self, tracks: TrackArray) -> None:
        self.tracks.publish(tracks)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def close(self) -> None:
        self._executor.shutdown()
        self._thread.join(10)
        for node in (*self._nodes, self.beside):
            node.destroy_node()
        rclpy.try_shutdown()


@pytest.fixture
def around(ros_domain: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Around]:
    around = Around(ros_domain)
    yield around
    around.close()


@pytest.fixture
def control(around: Around) -> SafeControl:
    node = around.run(SafeControl, 'safe_control/target', PointStamped)
    node._object_id = 'psm1'
    return node


def test_the_loop_gets_the_target_with_the_header_of_its_image(around: Around, control: SafeControl) -> None:
    around.send(tracks_of(SECOND))
    around.until(lambda: len(around.heard) == 1)
    assert around.heard[0].header == image(SECOND).header
    assert (around.heard[0].point.x, around.heard[0].point.y) == LEFT
    assert not control.is_stopped


@pytest.mark.parametrize(
    'bad',
    [{'state': Track.UNCERTAIN}, {'state': Track.LOST}, {'score': 0.5}, {'total': 0.4}, {'receive_age': 0.2}],
    ids=str,
)
def test_the_loop_stops_where_the_mask_cannot_be_acted_on(
    around: Around, control: SafeControl, bad: dict[str, Any]
) -> None:
    around.send(tracks_of(SECOND))
    around.until(lambda: not control.is_stopped)
    around.send(tracks_of(2 * SECOND, **bad))
    around.until(lambda: control.is_stopped)
    assert len(around.heard) == 1


def test_the_stamps_of_a_recording_are_no_clock(around: Around, control: SafeControl) -> None:
    control._is_recorded = True
    around.send(tracks_of(SECOND, receive_age=1e8))
    around.until(lambda: not control.is_stopped)


def test_the_loop_stops_when_the_tracker_is_silent(around: Around, control: SafeControl) -> None:
    around.send(tracks_of(SECOND))
    around.until(lambda: not control.is_stopped)
    around.until(lambda: control.is_stopped)


def test_the_region_has_a_margin_and_grows_while_the_object_is_not_trusted(around: Around) -> None:
    node = around.run(NoGoRegion, 'no_go_region/mask', Image)
    node._object_id, node._margin = 'psm1', 4
    around.send(tracks_of(SECOND, state=Track.LOST))
    around.until(lambda: len(around.heard) == 1)
    assert decode_image(around.heard[0])[..., 0].all()  # nothing is known: nothing may go anywhere
    for stamp, state in ((2, Track.TRACKED), (3, Track.OCCLUDED)):
        around.send(tracks_of(stamp * SECOND, state=state))
        around.until(lambda stamp=stamp: len(around.heard) == stamp)
    widths = [int(np.count_nonzero(decode_image(mask)[LEFT[1], :, 0])) for mask in around.heard[1:]]
    assert widths[0] == 17 + 2 * 4 and widths[1] > widths[0] + GROWTH
    assert around.heard[1].header == image(2 * SECOND).header


@pytest.mark.parametrize('is_compressed', [False, True])
def test_masks_are_drawn_on_the_frame_that_they_belong_to(around: Around, is_compressed: bool) -> None:
    around.run(MatchedOverlay, 'matched_overlay/image', Image)
    images = around.compressed_images if is_compressed else around.images
    around.until(lambda: images.get_subscription_count() == 1)
    for number in (1, 2, 3):
        shown_image = image(number * SECOND, picture(number))
        images.publish(png(shown_image) if is_compressed else shown_image)
        time.sleep(0.05)
    around.send(tracks_of(2 * SECOND))
    around.until(lambda: len(around.heard) == 1)
    shown = decode_image(around.heard[0])
    assert around.heard[0].header == image(2 * SECOND).header
    changed = (shown != picture(2)).any(axis=2)
    assert changed[LEFT[1], LEFT[0] - 8] and not changed[LEFT[1], LEFT[0]] and changed.mean() < 0.1
    around.send(tracks_of(9 * SECOND))  # a frame that never came
    time.sleep(0.2)
    assert len(around.heard) == 1
