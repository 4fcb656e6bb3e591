"""Who on our topics cannot be connected to us, and what would have to change.

Looks at the graph instead of waiting for the middleware's QoS events: these name neither the other node nor what it
asked for, tell nothing of types, and do not say when the mismatch is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

from sam2s_ros.events import EventCode, EventLog

OF_EVERY_NODE = ('/rosout', '/parameter_events')
NAMELESS = '_NODE_NAME_UNKNOWN_'


@dataclass(frozen=True)
class Mismatch:
    """A node that shares a topic with us, and no messages."""

    code: EventCode
    text: str


class Connections:
    """Looks at all topics of a node; tells ``events`` of each mismatch when it begins."""

    def __init__(self, node: Node, events: EventLog) -> None:
        self._node = node
        self._events = events
        self._known: frozenset[Mismatch] = frozenset()
        self._nameless: frozenset[Mismatch] = frozenset()

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong when it was last looked at, one sentence each."""
        return tuple(sorted(mismatch.text for mismatch in self._known))

    def look(self) -> None:
        """Look at the graph; call it now and then, nodes come and go."""
        found = frozenset(mismatch for topic in self._topics() for mismatch in self._mismatches(topic))
        # A node's topics are discovered before its name: it gets one more look, unless it is none of ROS.
        nameless = frozenset(mismatch for mismatch in found if NAMELESS in mismatch.text)
        found, self._nameless = found - (nameless - self._nameless), nameless
        for mismatch in found - self._known:
            self._events.emit(mismatch.code, mismatch.text)
        self._known = found

    def _topics(self) -> set[str]:
        published = {publisher.topic_name for publisher in list(self._node.publishers)}
        subscribed = {subscription.topic_name for subscription in list(self._node.subscriptions)}
        return (published | subscribed) - set(OF_EVERY_NODE)

    def _mismatches(self, topic: str) -> Iterable[Mismatch]:
        publishers = self._node.get_publishers_info_by_topic(topic)
        subscribers = self._node.get_subscriptions_info_by_topic(topic)
        for publisher in publishers:
            for subscriber in subscribers:
                ours = (self._is_ours(publisher), self._is_ours(subscriber))
                if ours == (True, False):
                    yield from _mismatch(topic, publisher, subscriber, subscriber)
                elif ours == (False, True):
                    yield from _mismatch(topic, publisher, subscriber, publisher)

    def _is_ours(self, endpoint: TopicEndpointInfo) -> bool:
        mine = (self._node.get_name(), self._node.get_namespace())
        return (endpoint.node_name, endpoint.node_namespace) == mine


def _mismatch(
    topic: str, publisher: TopicEndpointInfo, subscriber: TopicEndpointInfo, peer: TopicEndpointInfo
) -> Iterable[Mismatch]:
    role = 'subscriber' if peer is subscriber else 'publisher'
    who = f'{topic}: {role} {peer.node_namespace.rstrip("/")}/{peer.node_name}'
    if publisher.topic_type != subscriber.topic_type:
        expected = publisher.topic_type if peer is subscriber else subscriber.topic_type
        yield Mismatch(EventCode.TYPE_MISMATCHED, f'{who} has the type {peer.topic_type}, expected {expected}')
        return
    offered, requested = publisher.qos_profile, subscriber.qos_profile
    if qos_check_compatible(offered, requested)[0] == QoSCompatibility.ERROR:
        remedy = 'let it ask for less' if peer is subscriber else 'set input.reliability to auto, or let it offer more'
        text = f'{who} and this node exchange nothing, since {_differences(offered, requested)}; {remedy}'
        yield Mismatch(EventCode.QOS_MISMATCHED, text)


def _differences(offered: QoSProfile, requested: QoSProfile) -> str:
    found = [
        f'{policy} {getattr(offered, policy).name.lower()} is offered and '
        f'{getattr(requested, policy).name.lower()} requested'
        for policy in ('reliability', 'durability', 'liveliness')
        if getattr(offered, policy) != getattr(requested, policy)
    ]
    return ', '.join(found) or 'deadline or lease of liveliness are requested shorter than offered'
