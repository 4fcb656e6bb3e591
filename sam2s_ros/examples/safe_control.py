"""Feed a control loop with the tip region of an instrument, and with nothing where it cannot be trusted.

`ros2 run sam2s_ros safe_control --ros-args -p object_id:=psm1`; with a recording also `-p is_recorded:=true`
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress

import rclpy
from geometry_msgs.msg import Point, PointStamped
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from sam2s_msgs.msg import Timing, Track, TrackArray

OLDEST_S = 0.2  # a mask that is older is no measurement


class SafeControl(Node):
    """Publishes ~/target, the centroid in pixels, only while the object may be acted on; else calls `stop`.

    Parameters: ``object_id``; ``least_score`` below which a mask is not used; ``is_recorded``, for trying it on a
    recording, whose stamps are old: the time that the tracker took counts alone.
    """

    def __init__(self) -> None:
        super().__init__('safe_control')
        self._object_id = self.declare_parameter('object_id', '1').value
        self._least_score = self.declare_parameter('least_score', 0.7).value
        self._is_recorded = self.declare_parameter('is_recorded', False).value
        self._heard_s, self._why = -float('inf'), ''
        self.is_stopped = True
        self._target = self.create_publisher(PointStamped, '~/target', 1)
        self.create_subscription(TrackArray, 'sam2s_tracker/tracks', self._on_tracks, 1)
        # A tracker that dies sends nothing: silence must stop the robot as well, by a clock that nobody sets.
        self.create_timer(OLDEST_S / 4, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_tracks(self, tracks: TrackArray) -> None:
        found = next((track for track in tracks.tracks if track.object_id == self._object_id), None)
        if why := self._why_not(found, tracks.timing):
            self.stop(why)
            return
        assert found is not None
        self._heard_s, self._why, self.is_stopped = time.monotonic(), '', False
        target = Point(x=found.centroid.x, y=found.centroid.y)
        self._target.publish(PointStamped(header=tracks.header, point=target))

    def _why_not(self, track: Track | None, timing: Timing) -> str:
        """Why the mask is no measurement; empty when it is one."""
        age_s = timing.total + (0.0 if self._is_recorded else max(timing.receive_age, 0.0))
        if age_s > OLDEST_S:
            return f'the image is older than {OLDEST_S} s'
        if track is None:
            return f'{self._object_id} is not prompted'
        if track.state != Track.TRACKED or not track.counts:
            return track.reason or 'it cannot be trusted'
        return '' if track.score >= self._least_score else f'the score is below {self._least_score}'

    def _watch(self) -> None:
        if time.monotonic() - self._heard_s > OLDEST_S:
            self.stop('nothing heard')

    def stop(self, why: str) -> None:
        """Put here what stops your robot."""
        if not self._why:
            self.get_logger().warning(f'stop: {why}')
        self._why, self.is_stopped = why, True


def main() -> None:
    """Run until Ctrl-C."""
    rclpy.init(args=sys.argv)
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(SafeControl())


if __name__ == '__main__':
    main()
