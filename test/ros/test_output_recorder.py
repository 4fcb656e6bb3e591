"""The recorder of the tracker's outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('rclpy')
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile

from sam2s_msgs.msg import Track, TrackArray
from sam2s_ros.bag_io import BagReader, BagWriter
from sam2s_ros.output_recorder import OUTPUTS, OutputRecorder

pytestmark = pytest.mark.ros


def test_what_is_published_is_recorded_and_told(
    bench: Any, ros_domain: int, tmp_path: Path, until: Callable[..., None]
) -> None:
    publishers = {
        name: bench.node.create_publisher(kind, f'/tracker/{name}', QoSProfile(depth=50))
        for name, (kind, _) in OUTPUTS.items()
    }
    told: list[int] = []
    rclpy.init(domain_id=ros_domain)
    with BagWriter(tmp_path / 'bag') as writer:
        recorder = OutputRecorder(writer, 'tracker', told.append)
        executor = SingleThreadedExecutor()
        executor.add_node(recorder)
        threading.Thread(target=executor.spin, daemon=True).start()
        assert recorder.wait_for_outputs(20)
        until(lambda: publishers['tracks'].get_subscription_count() == 1)
        message = TrackArray(height=2, width=3, tracks=[Track(object_id='tool')])
        message.header.stamp.sec = 7
        publishers['tracks'].publish(message)
        until(lambda: told == [7 * 10**9])
        executor.shutdown()
        recorder.destroy_node()
    rclpy.try_shutdown()
    with BagReader(tmp_path / 'bag') as bag:
        (result,) = bag.tracks('/tracker/tracks')
        assert set(bag.types) == {f'/tracker/{name}' for name in OUTPUTS}
    assert result.masks.keys() == {'tool'}


def test_a_tracker_that_is_not_there_is_not_waited_for_for_ever(ros_domain: int, tmp_path: Path) -> None:
    rclpy.init(domain_id=ros_domain)
    with BagWriter(tmp_path / 'bag') as writer:
        recorder = OutputRecorder(writer, 'nobody')
        assert not recorder.wait_for_outputs(0.1)
        recorder.destroy_node()
    rclpy.try_shutdown()
