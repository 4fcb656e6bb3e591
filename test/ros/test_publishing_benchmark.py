"""The benchmark publishes what it says it measures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip('rclpy')

import rclpy

from sam2s_msgs.msg import TrackArray
from sam2s_ros.output_topics import reliable
from sam2s_ros.publishing_benchmark import AUDIENCES, KINDS, NODE, WARM_UP, ReadyMasks, measure

pytestmark = pytest.mark.ros


@pytest.fixture
def node(ros_domain: int) -> Iterator[Any]:
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=ros_domain)
    node = rclpy.create_node(NODE, context=context)
    yield node
    node.destroy_node()
    context.try_shutdown()


def test_it_publishes_four_tracked_objects_on_every_image(bench: Any, node: Any) -> None:
    heard: list[TrackArray] = []
    bench.node.create_subscription(TrackArray, f'/{NODE}/tracks', heard.append, reliable(50))
    cost = measure(node, ('tracks',), images=8, height=120, width=160)
    assert 0 < cost.processor < 1000 and 0 < cost.median <= cost.p95
    assert len(heard) >= 8 > WARM_UP
    assert [track.actionable for track in heard[-1].tracks] == [True] * 4


def test_its_instruments_cover_some_hundredths_of_the_image() -> None:
    shares = [mask.mean() for mask in ReadyMasks(1080, 1920)._masks]
    assert all(0.02 < share < 0.1 for share in shares)


def test_every_audience_listens_to_topics_that_there_are() -> None:
    assert {topic for topics in AUDIENCES.values() for topic in topics} == set(KINDS)
