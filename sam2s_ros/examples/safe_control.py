"""Feed a control loop with the tip region of an instrument, and with nothing where it cannot be trusted.

`ros2 run sam2s_ros safe_control --ros-args -p object_id:=psm1`
"""

from __future__ import annotations

import sys
import time

import rclpy
from geometry_msgs.msg import Point, PointStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from sam2s_msgs.msg import Track, TrackArray

OLDEST_S = 0.2  # a mask that is older is no measurement


class SafeControl(Node):
    """Publishes ~/target, the centroid in pixels, only while the object may be acted on; else calls `stop`.

    Parameters: ``object_id``, and ``least_score`` below which a mask is not used.
    """

    def __init__(self) -> None:
        super().__init__('safe_control')
        self._object_id = self.declare_parameter('object_id', '1').value
        self._least_score = self.declare_parameter('least_score', 0.7).value
        self._heard_s = -float('inf')
        self.is_stopped = True
        self._target = self.create_publisher(PointStamped, '~/target', 1)
        self.create_subscription(TrackArray, 'sam2s_tracker/tracks', self._on_tracks, 1)
        # A tracker that dies sends nothing: silence must stop the robot as well, by a clock that nobody sets.
        self.create_timer(OLDEST_S / 4, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_tracks(self, tracks: TrackArray) -> None:
        found = next((track for track in tracks.tracks if track.object_id == self._object_id), None)
        age_s = max(tracks.timing.receive_age, 0.0) + tracks.timing.total
        if found is None or not self._may_act(found) or age_s > OLDEST_S:
            self.stop(found.reason if found is not None and found.reason else 'not tracked, or too old')
            return
        self._heard_s, self.is_stopped = time.monotonic(), False
        target = Point(x=found.centroid.x, y=found.centroid.y)
        self._target.publish(PointStamped(header=tracks.header, point=target))

    def _may_act(self, track: Track) -> bool:
        return track.state == Track.TRACKED and track.score >= self._least_score and bool(track.counts)

    def _watch(self) -> None:
        if time.monotonic() - self._heard_s > OLDEST_S:
            self.stop('nothing heard')

    def stop(self, why: str) -> None:
        """Put here what stops your robot."""
        if not self.is_stopped:
            self.get_logger().warning(f'stop: {why}')
        self.is_stopped = True


def main() -> None:
    """Run until Ctrl-C."""
    rclpy.init(args=sys.argv)
    rclpy.spin(SafeControl())


if __name__ == '__main__':
    main()
