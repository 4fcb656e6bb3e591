"""A process whose network hangs for ever still ends: by itself where that is wanted, and always when told to."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('sam2s_msgs.msg', reason='needs the built message package')

from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from sam2s_msgs.msg import TrackerStatus
from sam2s_ros.conversions import image_message

pytestmark = pytest.mark.ros

DRIVERS = Path(__file__).parents[1] / 'drivers'
PICTURE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
Until = Callable[..., None]


@pytest.fixture
def start(bench: Any, until: Until, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    path = os.pathsep.join([str(DRIVERS), *filter(None, [os.environ.get('PYTHONPATH')])])
    monkeypatch.setitem(bench.environment, 'PYTHONPATH', path)
    camera = bench.node.create_publisher(Image, '/image', QoSProfile(depth=1))
    timer = bench.node.create_timer(0.05, lambda: camera.publish(image_message(Header(), PICTURE, 'rgb8')))

    def begin(*parameters: str) -> Any:
        """Start the node and wait until it hangs in an image."""
        statuses: list[TrackerStatus] = []
        subscription = bench.node.create_subscription(
            TrackerStatus, '/sam2s_tracker/status', lambda status: statuses.append(status), 1
        )
        arguments = [part for parameter in parameters for part in ('-p', parameter)]
        process = bench.start('hanging_tracker_node', '--ros-args', *arguments)
        until(lambda: not process.is_alive or any(status.busy_for > 0 for status in statuses), 60.0)
        bench.node.destroy_subscription(subscription)
        return process

    yield begin
    bench.node.destroy_timer(timer)
    bench.node.destroy_publisher(camera)


def test_a_process_that_hangs_ends_with_75_where_that_is_wanted(start: Callable[..., Any]) -> None:
    process = start('watchdog.timeout:=0.5', 'watchdog.first_timeout:=0.5', 'watchdog.exit:=true')
    assert process.wait(20.0) == 75, process.output
    assert 'tracking hangs' in process.output


def test_fault_42_a_process_that_hangs_ends_within_five_seconds_of_a_signal(start: Callable[..., Any]) -> None:
    process = start()
    process.signal(signal.SIGTERM)
    begun = time.monotonic()
    assert process.wait(20.0) == 0, process.output
    assert time.monotonic() - begun < 5.0
    assert 'Traceback' not in process.output
