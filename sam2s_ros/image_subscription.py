"""Subscribes to the images that are there: raw or compressed, reliable where every publisher offers it.

Best effort loses large images even on one idle machine, and a reliable subscription hears nothing from a best-effort
publisher. So the graph is looked at, again and again, since players and cameras come and go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from sam2s_ros.callback_guard import guarded
from sam2s_ros.parameters import InputParameters

LOOK_PERIOD_S = 0.1
COMPRESSED_TYPE = 'sensor_msgs/msg/CompressedImage'


@dataclass(frozen=True)
class Offer:
    """One publisher of images."""

    topic: str
    is_compressed: bool
    is_reliable: bool


@dataclass(frozen=True)
class Source:
    """What to subscribe to."""

    topic: str
    is_compressed: bool
    is_reliable: bool


def choose_source(topic: str, offers: Sequence[Offer], wanted: InputParameters) -> Source | None:
    """Choose by what is published on ``topic`` and ``topic/compressed``; None while that cannot be told.

    A topic of any name may carry compressed images. Where both kinds are published the compressed one is taken: it
    crosses process borders several times faster than a raw image.
    """
    kinds = {'raw': (False,), 'compressed': (True,), 'auto': (True, False)}[wanted.transport]
    fitting = [offer for kind in kinds for offer in offers if offer.is_compressed == kind]
    if fitting:
        chosen = fitting[0]
        rivals = [
            offer for offer in fitting if (offer.topic, offer.is_compressed) == (chosen.topic, chosen.is_compressed)
        ]
        return Source(chosen.topic, chosen.is_compressed, _is_reliable(rivals, wanted))
    if wanted.transport == 'auto':
        return None
    is_compressed = wanted.transport == 'compressed'
    return Source(f'{topic}/compressed' if is_compressed else topic, is_compressed, _is_reliable((), wanted))


def _is_reliable(offers: Sequence[Offer], wanted: InputParameters) -> bool:
    if wanted.reliability != 'auto':
        return wanted.reliability == 'reliable'
    return all(offer.is_reliable for offer in offers)


class ImageSubscription:
    """Keeps the subscription that fits the publishers.

    Args:
        node: Owner of the subscription.
        wanted: Transport and reliability.
        on_image: Called with each Image or CompressedImage.
        group: Callback group of the subscription and of the timer that looks at the graph.
        depth: Images that the middleware keeps until they are taken.
    """

    def __init__(
        self, node: Node, wanted: InputParameters, on_image: Callable[[Any], None], group: CallbackGroup, depth: int = 1
    ) -> None:
        self._node = node
        self._wanted = wanted
        self._depth = depth
        self._on_image = guarded(node, on_image)
        self._group = group
        # Resolve first, then append: a remapping of `image` must reach the compressed topic too.
        self.topic = node.resolve_topic_name('image')
        self._source: Source | None = None
        self._subscription: Subscription | None = None
        self._follow_graph()
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(LOOK_PERIOD_S, guarded(node, self._follow_graph), group, clock)

    @property
    def source(self) -> Source | None:
        """What is subscribed to; None while nothing is."""
        return self._source

    def want(self, wanted: InputParameters) -> None:
        """Want another transport or reliability from the next look at the graph on."""
        self._wanted = wanted

    def close(self) -> None:
        self._node.destroy_timer(self._timer)
        self._unsubscribe()

    def _follow_graph(self) -> None:
        offers = self._offers()
        if self._source is not None and not offers:
            return
        source = choose_source(self.topic, offers, self._wanted)
        if source is not None and source != self._source:
            self._subscribe(source)

    def _offers(self) -> list[Offer]:
        return [
            Offer(topic, info.topic_type == COMPRESSED_TYPE, info.qos_profile.reliability == ReliabilityPolicy.RELIABLE)
            for topic in (self.topic, f'{self.topic}/compressed')
            for info in self._node.get_publishers_info_by_topic(topic)
        ]

    def _subscribe(self, source: Source) -> None:
        self._unsubscribe()
        self._source = source
        reliability = ReliabilityPolicy.RELIABLE if source.is_reliable else ReliabilityPolicy.BEST_EFFORT
        self._subscription = self._node.create_subscription(
            CompressedImage if source.is_compressed else Image,
            source.topic,
            self._on_image,
            QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=self._depth, reliability=reliability),
            callback_group=self._group,
            # With auto a mismatch lasts only until the next look at the graph, and is not worth a warning.
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=self._wanted.reliability != 'auto'),
        )
        kind = 'compressed' if source.is_compressed else 'raw'
        self._node.get_logger().info(f'subscribed to {source.topic} ({kind}, {reliability.name.lower()})')

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
