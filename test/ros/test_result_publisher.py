"""Every output carries the image's header; what nobody hears is not computed; labels reach who comes late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from builtin_interfaces.msg import Time
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from sam2s_msgs.msg import TrackArray
from sam2s_ros import output_images
from sam2s_ros.class_table import ClassTable
from sam2s_ros.parameters import BinaryParameters, OverlayParameters
from sam2s_ros.result_publisher import NewestInThread, ResultPublisher

pytestmark = pytest.mark.ros

Make = Callable[..., Any]
Until = Callable[..., None]
MASKS = {'instances/mask', 'semantic/mask', 'semantic/confidence', 'binary/mask'}
CALIBRATIONS = {'instances/camera_info', 'semantic/camera_info', 'binary/camera_info'}
HEADER = Header(stamp=Time(sec=1_700_000_000, nanosec=7), frame_id='/rig/left_frame')


class Listener:
    """Hears topics of the bench's own node."""

    def __init__(self, bench: Any, until: Until) -> None:
        self.bench, self.until = bench, until
        self.heard: dict[str, list[Any]] = {}
        self.subscriptions: list[Any] = []

    def listen(self, topic: str, kind: type, latched: bool = False) -> None:
        self.heard[topic] = []
        qos = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
        if latched:
            qos.durability = DurabilityPolicy.TRANSIENT_LOCAL
        name = f'/bench/{topic}'
        node = self.bench.node
        self.subscriptions.append(node.create_subscription(kind, name, self.heard[topic].append, qos))
        self.until(lambda: all(info.node_name for info in node.get_publishers_info_by_topic(name)))

    def message(self, topic: str) -> Any:
        self.until(lambda: bool(self.heard[topic]), expected=lambda: f'a message on {topic}')
        return self.heard[topic][-1]


@pytest.fixture
def listener(bench: Any, until: Until) -> Iterator[Listener]:
    listener = Listener(bench, until)
    yield listener
    for subscription in listener.subscriptions:
        bench.node.destroy_subscription(subscription)


@pytest.fixture
def classes() -> ClassTable:
    return ClassTable({'grasper': 1})


@pytest.fixture
def publisher(bench: Any, classes: ClassTable) -> Iterator[ResultPublisher]:
    publisher = ResultPublisher(bench.node, classes, OverlayParameters(), BinaryParameters())
    yield publisher
    publisher.close()


def wait_for_listeners(until: Until, publisher: ResultPublisher, count: int) -> None:
    def connected() -> int:
        return sum(topic.get_subscription_count() > 0 for _, topic in publisher._outputs)

    until(lambda: connected() == count, expected=lambda: f'{count} outputs with a listener, not {connected()}')


def test_every_output_carries_the_header_of_its_image(
    publisher: ResultPublisher, listener: Listener, tracked_image: Make, tracked_object: Make, until: Until
) -> None:
    kinds = dict.fromkeys(MASKS | {'overlay'}, Image) | dict.fromkeys(CALIBRATIONS, CameraInfo)
    kinds |= {'overlay/compressed': CompressedImage}
    for topic, kind in kinds.items():
        listener.listen(topic, kind)
    listener.listen('tracks', TrackArray)
    wait_for_listeners(until, publisher, len(kinds))
    publisher._camera.receive(CameraInfo(header=Header(frame_id='other'), width=80))
    publisher.publish(tracked_image(tracked_object(), header=HEADER), dropped=2)
    headers = {topic: listener.message(topic).header for topic in (*kinds, 'tracks')}
    assert headers == dict.fromkeys(headers, HEADER)
    assert {listener.message(topic).encoding for topic in MASKS} == {'mono8'}
    assert np.frombuffer(listener.message('semantic/mask').data, np.uint8).reshape(60, 80)[30, 40] == 1


def test_tracks_are_published_also_when_there_are_none(
    publisher: ResultPublisher, listener: Listener, tracked_image: Make, until: Until
) -> None:
    listener.listen('tracks', TrackArray)
    until(lambda: publisher._tracks.get_subscription_count() == 1)
    publisher.publish(tracked_image(header=HEADER), dropped=0)
    assert listener.message('tracks').tracks == []


def test_what_nobody_hears_is_not_drawn(
    publisher: ResultPublisher,
    listener: Listener,
    tracked_image: Make,
    tracked_object: Make,
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(output_images, 'draw_overlay', lambda *_: drawn.append('overlay'))
    listener.listen('semantic/mask', Image)
    wait_for_listeners(until, publisher, 1)
    publisher.publish(tracked_image(tracked_object(), header=HEADER), dropped=0)
    assert listener.message('semantic/mask').width == 80
    assert drawn == []


def test_another_look_applies_to_the_next_result(
    publisher: ResultPublisher, listener: Listener, tracked_image: Make, tracked_object: Make, until: Until
) -> None:
    publisher.draw_as(OverlayParameters(max_side=40), BinaryParameters('needle'))
    listener.listen('overlay', Image)
    listener.listen('binary/mask', Image)
    wait_for_listeners(until, publisher, 2)
    publisher.publish(tracked_image(tracked_object(), header=HEADER), dropped=0)
    assert listener.message('overlay').width == 40
    assert not any(listener.message('binary/mask').data)


needs_vision_msgs = pytest.mark.skipif(find_spec('vision_msgs') is None, reason='vision_msgs is not installed')


def names(info: Any) -> dict[int, str]:
    return {entry.class_id: entry.class_name for entry in info.class_map}


@needs_vision_msgs
def test_the_classes_are_told_before_the_first_image_and_again_when_one_is_added(
    publisher: ResultPublisher, listener: Listener, classes: ClassTable, tracked_image: Make, until: Until
) -> None:
    from vision_msgs.msg import LabelInfo

    listener.listen('semantic/label_info', LabelInfo, latched=True)
    assert names(listener.message('semantic/label_info')) == {1: 'grasper'}
    classes.add('hook')
    publisher.publish(tracked_image(header=HEADER), dropped=0)
    until(lambda: names(listener.message('semantic/label_info')) == {1: 'grasper', 2: 'hook'})
    assert listener.message('semantic/label_info').header == HEADER


@needs_vision_msgs
def test_the_slots_are_told_once_also_to_who_comes_late(
    publisher: ResultPublisher, listener: Listener, tracked_image: Make, tracked_object: Make, until: Until
) -> None:
    from vision_msgs.msg import LabelInfo

    for _ in range(3):
        publisher.publish(tracked_image(tracked_object(slot=5), header=HEADER), dropped=0)
    listener.listen('instances/label_info', LabelInfo, latched=True)
    assert names(listener.message('instances/label_info')) == {5: 'a:grasper'}
    assert len(listener.heard['instances/label_info']) == 1


@needs_vision_msgs
def test_detections_are_published_to_who_listens(
    publisher: ResultPublisher, listener: Listener, tracked_image: Make, tracked_object: Make, until: Until
) -> None:
    from vision_msgs.msg import Detection2DArray

    listener.listen('detections', Detection2DArray)
    wait_for_listeners(until, publisher, 1)
    publisher.publish(tracked_image(tracked_object(), header=HEADER), dropped=0)
    assert listener.message('detections').detections[0].id == 'a'


def test_of_the_results_that_wait_the_newest_is_drawn(until: Until) -> None:
    import threading

    begun, may_go_on, worked = threading.Event(), threading.Event(), []

    def work(number: Any) -> None:
        begun.set()
        may_go_on.wait(10)
        worked.append(number)

    thread = NewestInThread(work)
    thread.give(1)  # type: ignore[arg-type]
    begun.wait(10)
    for number in (2, 3, 4):
        thread.give(number)  # type: ignore[arg-type]
    may_go_on.set()
    until(lambda: worked == [1, 4])
    thread.stop()
