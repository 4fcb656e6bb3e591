"""Results in the types of vision_msgs, with the real messages where they are installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('vision_msgs')

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from sam2s_ros.tracked_image import ObjectClass
from sam2s_ros.vision_messages import class_labels, detections, instance_labels

Make = Callable[..., Any]
HEADER = Header(stamp=Time(sec=17, nanosec=7), frame_id='endoscope')


def labels(info: Any) -> dict[int, str]:
    return {entry.class_id: entry.class_name for entry in info.class_map}


def test_a_seen_object_becomes_a_box_with_its_class_and_id(tracked_image: Make, tracked_object: Make) -> None:
    message = detections(tracked_image(tracked_object((40, 30, 10), object_id='left'), header=HEADER))
    (detection,) = message.detections
    assert message.header == detection.header == HEADER
    assert (detection.id, detection.results[0].hypothesis.class_id) == ('left', 'grasper')
    assert detection.results[0].hypothesis.score == pytest.approx(0.9)
    centre, box = detection.bbox.center.position, detection.bbox
    assert (centre.x, centre.y, box.size_x, box.size_y) == (40.5, 30.5, 21.0, 21.0)


def test_an_object_out_of_sight_is_no_detection(tracked_image: Make, tracked_object: Make) -> None:
    assert detections(tracked_image(tracked_object(None), header=HEADER)).detections == []


def test_classes_are_told_in_the_order_of_their_numbers() -> None:
    info = class_labels(HEADER, {'hook': 5, 'grasper': 1})
    assert list(labels(info).items()) == [(1, 'grasper'), (5, 'hook')]
    assert info.header == HEADER


def test_instances_are_told_by_slot_with_id_and_class(tracked_object: Make) -> None:
    unknown = replace(tracked_object(slot=9, object_id='b'), object_class=ObjectClass())
    assert labels(instance_labels(HEADER, [tracked_object(slot=4), unknown])) == {4: 'a:grasper', 9: 'b:'}
