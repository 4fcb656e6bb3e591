"""Publishes ~/status and /diagnostics by the steady clock, which goes on when images, /clock or the recording stop."""

from __future__ import annotations

import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from sam2s_msgs.msg import TrackerStatus
from sam2s_ros.callback_guard import guarded
from sam2s_ros.diagnostics import diagnostics
from sam2s_ros.status_message import status_message
from sam2s_ros.vitals import Vitals

NANOSECONDS = 1_000_000_000
DIAGNOSTICS_PERIOD_S = 1.0
NEWEST_FOR_ALL = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


class Heartbeat:
    """Beats from the start of the node to its end, in every state of its lifecycle.

    Args:
        node: Owner of topics and timers.
        rate: Beats per second.
        vitals: Watched and described at every beat.
        look_around: Called before each diagnostics, for what costs too much to do at every beat.
    """

    def __init__(self, node: Node, rate: float, vitals: Vitals, look_around: Callable[[], None]) -> None:
        self._node = node
        self._vitals = vitals
        self._look_around = look_around
        self._begun_ns = time.monotonic_ns()
        self._beats = 0
        self._status = node.create_publisher(TrackerStatus, '~/status', NEWEST_FOR_ALL)
        self._diagnostics = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        steady, group = Clock(clock_type=ClockType.STEADY_TIME), MutuallyExclusiveCallbackGroup()
        self._timer = node.create_timer(1 / rate, guarded(node, self.beat), group, steady)
        slow = guarded(node, self._diagnose)
        self._slow_timer = node.create_timer(DIAGNOSTICS_PERIOD_S, slow, MutuallyExclusiveCallbackGroup(), steady)

    def set_rate(self, rate: float) -> None:
        """Beat so many times a second from now on."""
        self._timer.timer_period_ns = int(NANOSECONDS / rate)

    def beat(self) -> None:
        """Publish the status now."""
        self._vitals.watch()
        self._beats += 1
        uptime_s = (time.monotonic_ns() - self._begun_ns) / NANOSECONDS
        self._status.publish(status_message(self._vitals.health(), self._now(), self._beats, uptime_s))

    def _diagnose(self) -> None:
        self._look_around()
        name = self._node.get_fully_qualified_name()
        self._diagnostics.publish(diagnostics(self._vitals.health(), name, self._now()))

    def _now(self) -> object:
        return self._node.get_clock().now().to_msg()
