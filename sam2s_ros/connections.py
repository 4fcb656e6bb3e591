"""Who on our topics cannot be connected to us, and what would have to change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

from sam2s_ros.events import EventCode, EventLog

OF_EVERY_NODE = ('/rosout', '/parameter_events')


@dataclass(frozen=True)
class Mismatch:
    """A node that shares a topic with us, and no messages."""

    topic: str
    peer: str
    code: EventCode
    text: str


class Connections:
    """Looks at all topics of a node; tells ``events`` of each mismatch once, as long as it lasts."""

    def __init__(self, node: Node, events: EventLog) -> None:
        self._node = node
        self._events = events
        self._known: frozenset[Mismatch] = frozenset()

    @property
    def problems(self) -> tuple[str, ...]:
        """What was wrong when it was last looked at, one sentence each."""
        return tuple(sorted(mismatch.text for mismatch in self._known))

    def look(self) -> None:
        """Look at the graph; call it now and then, nodes come and go."""
        found = frozenset(self._mismatches())
        for mismatch in found - self._known:
            self._events.emit(mismatch.code, mismatch.text)
        self._known = found

    def _mismatches(self) -> Iterable[Mismatch]:
        for publisher in list(self._node.publishers):
            if publisher.topic_name in OF_EVERY_NODE:
                continue
            kind = _type_name(publisher.msg_type)
            for peer in self._node.get_subscriptions_info_by_topic(publisher.topic_name):
                yield from _mismatch(publisher.topic_name, kind, publisher.qos_profile, peer, peer_listens=True)
        for subscription in list(self._node.subscriptions):
            kind = _type_name(subscription.msg_type)
            for peer in self._node.get_publishers_info_by_topic(subscription.topic_name):
                yield from _mismatch(subscription.topic_name, kind, subscription.qos_profile, peer, peer_listens=False)


def _mismatch(
    topic: str, kind: str, ours: QoSProfile, peer: TopicEndpointInfo, peer_listens: bool
) -> Iterable[Mismatch]:
    name = f'{peer.node_namespace.rstrip("/")}/{peer.node_name}'
    role = 'subscriber' if peer_listens else 'publisher'
    if peer.topic_type != kind:
        text = f'{topic}: {role} {name} has the type {peer.topic_type}, expected {kind}'
        yield Mismatch(topic, name, EventCode.TYPE_MISMATCHED, text)
        return
    offered, requested = (ours, peer.qos_profile) if peer_listens else (peer.qos_profile, ours)
    compatibility, reason = qos_check_compatible(offered, requested)
    if compatibility == QoSCompatibility.ERROR:
        remedy = _remedy(offered, requested, peer_listens)
        text = f'{topic}: {role} {name} gets nothing' if peer_listens else f'{topic}: nothing comes from {role} {name}'
        yield Mismatch(topic, name, EventCode.QOS_MISMATCHED, f'{text}, {_policies(reason)}; {remedy}')


def _policies(reason: str) -> str:
    """rclpy's reason, on one line."""
    return ' '.join(reason.replace('ERROR:', '').split()).rstrip('.;') or 'the QoS policies do not fit'


def _remedy(offered: QoSProfile, requested: QoSProfile, peer_listens: bool) -> str:
    policies = [
        f'{policy} {getattr(offered, policy).name.lower()}'
        for policy in ('reliability', 'durability')
        if getattr(offered, policy) != getattr(requested, policy)
    ]
    wanted = ' and '.join(policies) or 'what is offered'
    return f'subscribe with {wanted}' if peer_listens else f'set input.reliability to auto, or offer more than {wanted}'


def _type_name(message: Any) -> str:
    package, _, _ = message.__module__.partition('.')
    return f'{package}/msg/{message.__name__}'
