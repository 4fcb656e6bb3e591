"""Surgical video tracking as a ROS 2 node. Knows ROS, not torch."""
