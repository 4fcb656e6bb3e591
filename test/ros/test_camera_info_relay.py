"""The calibration beside the images is found, and given the header of the image it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip('rclpy')

import rclpy
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from sam2s_ros.camera_info_relay import REMEMBERED, CameraInfoRelay, camera_info_topic


def header(seconds: int) -> Header:
    return Header(stamp=Time(sec=seconds), frame_id='endoscope')


@pytest.fixture(scope='module')
def context(ros_domain: int) -> Iterator[Any]:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    yield context
    context.try_shutdown()


@pytest.fixture
def relay(context: Any) -> Iterator[CameraInfoRelay]:
    node = rclpy.create_node('relay', context=context)
    yield CameraInfoRelay(node)
    node.destroy_node()


@pytest.mark.parametrize(
    ('remappings', 'topic'),
    [
        ([], '/theatre/camera_info'),
        (['image:=/cam/left/image_raw'], '/cam/left/camera_info'),
        (['image:=/cam/left/image_raw/compressed'], '/cam/left/camera_info'),
        (['image:=/ecm/left/image_color', 'camera_info:=/calibration'], '/calibration'),
    ],
)
def test_the_calibration_is_looked_for_beside_the_images(context: Any, remappings: list[str], topic: str) -> None:
    arguments = ['--ros-args', *(part for remapping in remappings for part in ('-r', remapping))]
    node = rclpy.create_node(
        'tracker', namespace='/theatre', context=context, cli_args=arguments, use_global_arguments=False
    )
    assert camera_info_topic(node) == topic
    node.destroy_node()


def test_nothing_is_passed_on_before_a_calibration_has_come(relay: CameraInfoRelay) -> None:
    assert relay.of(header(1)) is None


def test_the_calibration_of_the_image_is_passed_on_as_it_came(relay: CameraInfoRelay) -> None:
    sent = [CameraInfo(header=header(second), width=second, k=[float(second)] * 9) for second in (1, 2, 3)]
    for info in sent:
        relay.receive(info)
    assert relay.of(header(2)) == sent[1]


def test_a_calibration_that_is_told_once_gets_the_header_of_each_image(relay: CameraInfoRelay) -> None:
    relay.receive(CameraInfo(header=header(1), width=640, distortion_model='plumb_bob'))
    info = relay.of(header(9))
    assert info is not None
    assert (info.header, info.width, info.distortion_model) == (header(9), 640, 'plumb_bob')


def test_old_calibrations_are_forgotten(relay: CameraInfoRelay) -> None:
    for second in range(REMEMBERED + 2):
        relay.receive(CameraInfo(header=header(second), width=second))
    info = relay.of(header(0))
    assert info is not None and info.width == REMEMBERED + 1
