"""Keeps an error in one callback from ending the node."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.node import Node


def guarded(node: Node, callback: Callable[..., None]) -> Callable[..., None]:
    """Log what a callback raises, instead of letting it end `rclpy.spin`. For callbacks without an answer."""

    @functools.wraps(callback)
    def run(*arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception:
            node.get_logger().error(f'{callback.__name__} failed:\n{traceback.format_exc()}', throttle_duration_sec=5.0)

    return run
