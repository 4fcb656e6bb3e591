"""`python -m listening_node TRACKS OVERLAY`: a reliable subscriber to tracks and overlay, for tests that stop it."""

from __future__ import annotations

import sys

import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from sam2s_msgs.msg import TrackArray

if __name__ == '__main__':
    tracks, overlay = sys.argv[1:3]
    rclpy.init()
    node = rclpy.create_node('listener')
    # Not converted to Python, which would cost the cores of whoever is tested.
    node.create_subscription(TrackArray, tracks, lambda data: None, QoSProfile(depth=5), raw=True)
    node.create_subscription(Image, overlay, lambda data: None, QoSProfile(depth=1), raw=True)
    print('listening', flush=True)
    rclpy.spin(node)
