"""Nodes that cannot be connected to us are named, with what would have to change, as long as it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image

from sam2s_ros.connections import Connections
from sam2s_ros.events import Event, EventCode, EventLog

pytestmark = pytest.mark.ros

BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
LOOK_PERIOD_S = 0.3  # names are discovered some milliseconds after topics, more on a busy machine
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Pair:
    """A node that looks at its connections, and another one beside it."""

    def __init__(self, domain: int) -> None:
        # Two contexts: one participant of the middleware refuses a second type on a topic right away.
        self._contexts = rclpy.Context(), rclpy.Context()
        for context in self._contexts:
            rclpy.init(context=context, domain_id=domain)
        near, far = self._contexts
        self.ours = Node('ours', context=near, use_global_arguments=False)
        self.theirs = Node('theirs', context=far, use_global_arguments=False, namespace='/far')
        self.told: list[Event] = []
        self.connections = Connections(self.ours, EventLog(self.told.append))

    def problems(self, expected: int) -> tuple[str, ...]:
        """Look until there are so many problems."""
        deadline = time.monotonic() + 10.0
        while True:
            self.connections.look()
            if len(self.connections.problems) == expected:
                return self.connections.problems
            assert time.monotonic() < deadline, self.connections.problems
            time.sleep(LOOK_PERIOD_S)

    def close(self) -> None:
        self.ours.destroy_node()
        self.theirs.destroy_node()
        for context in self._contexts:
            context.try_shutdown()


@pytest.fixture
def pair(ros_domain: int) -> Iterator[Pair]:
    pair = Pair(ros_domain)
    yield pair
    pair.close()


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_fault_37_a_subscriber_that_asks_for_more_is_named_until_it_goes(pair: Pair) -> None:
    pair.ours.create_publisher(Image, '/masks', 1)
    subscription = pair.theirs.create_subscription(Image, '/masks', print, LATCHED)
    (problem,) = pair.problems(1)
    assert problem == (
        '/masks: subscriber /far/theirs and this node exchange nothing, since durability volatile is offered and '
        'transient_local requested; let it ask for less'
    )
    assert [(event.code, event.text) for event in pair.told] == [(EventCode.QOS_MISMATCHED, problem)]
    pair.theirs.destroy_subscription(subscription)
    assert pair.problems(0) == ()
    assert len(pair.told) == 1


def test_fault_37_a_publisher_that_offers_less_is_named(pair: Pair) -> None:
    pair.ours.create_subscription(Image, '/camera', print, 1)
    pair.theirs.create_publisher(Image, '/camera', BEST_EFFORT)
    (problem,) = pair.problems(1)
    assert 'publisher /far/theirs' in problem
    assert 'reliability best_effort is offered and reliable requested; set input.reliability to auto' in problem


def test_fault_39_a_publisher_of_another_type_is_named(pair: Pair) -> None:
    pair.ours.create_subscription(Image, '/camera', print, 1)
    pair.theirs.create_publisher(CompressedImage, '/camera', 1)
    (problem,) = pair.problems(1)
    assert problem.endswith('has the type sensor_msgs/msg/CompressedImage, expected sensor_msgs/msg/Image')
    assert [event.code for event in pair.told] == [EventCode.TYPE_MISMATCHED]


def test_what_fits_is_no_problem(pair: Pair) -> None:
    pair.ours.create_publisher(Image, '/masks', 5)
    pair.ours.create_subscription(Image, '/camera', print, BEST_EFFORT)
    pair.theirs.create_subscription(Image, '/masks', print, BEST_EFFORT)
    pair.theirs.create_publisher(Image, '/camera', LATCHED)
    wait_for(lambda: pair.ours.count_subscribers('/masks') and pair.ours.count_publishers('/camera'))
    assert pair.problems(0) == ()


def test_what_others_do_among_themselves_is_not_our_problem(pair: Pair) -> None:
    pair.ours.create_subscription(Image, '/camera', print, BEST_EFFORT)
    pair.theirs.create_publisher(Image, '/camera', BEST_EFFORT)
    pair.theirs.create_subscription(Image, '/camera', print, 1)
    wait_for(lambda: pair.ours.count_subscribers('/camera') == 2 and pair.ours.count_publishers('/camera'))
    assert pair.problems(0) == ()
