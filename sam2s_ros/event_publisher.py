"""Brings what happened to ~/events and to the log."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from sam2s_msgs.msg import TrackEvent
from sam2s_ros.conversions import time_message
from sam2s_ros.events import Event, Severity

# Who comes late hears of what happened before.
LATE_JOINERS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=50,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


class EventPublisher:
    """The listener of the node's `EventLog`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(TrackEvent, '~/events', LATE_JOINERS)

    def publish(self, event: Event) -> None:
        """Log the event, then publish it."""
        logger = self._node.get_logger()
        # One call for each severity: rclpy refuses a place in the code that logs with changing severity.
        if event.severity is Severity.ERROR:
            logger.error(event.text)
        elif event.severity is Severity.WARNING:
            logger.warning(event.text)
        else:
            logger.info(event.text)
        self._publisher.publish(track_event(event, self._stamp(event)))

    def _stamp(self, event: Event) -> Time:
        return self._node.get_clock().now().to_msg() if event.stamp_ns is None else time_message(event.stamp_ns)


def track_event(event: Event, stamp: Time) -> TrackEvent:
    """An event as a message."""
    return TrackEvent(
        stamp=stamp,
        number=event.number,
        code=int(event.code),
        severity=int(event.severity),
        object_id=event.object_id,
        text=event.text,
    )
