"""Keeps an error in one callback from ending the node."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from sam2s_ros.events import EventCode, EventLog
from sam2s_ros.prompt_codes import PromptCode

REPEAT_AFTER_S = 5.0


def guarded(node: Node, callback: Callable[..., None]) -> Callable[..., None]:
    """Tell of what a callback raises, instead of letting it end `rclpy.spin`. For callbacks without an answer."""

    @functools.wraps(callback)
    def run(*arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception as error:
            _tell(node, callback.__name__, error)

    return run


def guarded_service(node: Node, callback: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Answer that it failed where a service's callback raises, instead of letting that end `rclpy.spin`."""

    @functools.wraps(callback)
    def answer(request: Any, response: Any) -> Any:
        try:
            return callback(request, response)
        except Exception as error:
            _tell(node, callback.__name__, error)
            return _failure(type(response), f'an error of ours, see the log: {type(error).__name__}: {error}')

    return answer


def _failure(kind: type, text: str) -> Any:
    """A new response, since the one at hand may be filled by half; ``success`` is False in it."""
    fields = {'message': text, 'code': int(PromptCode.INTERNAL)}
    return kind(**{name: value for name, value in fields.items() if hasattr(kind, name)})


def _tell(node: Node, name: str, error: Exception) -> None:
    node.get_logger().error(f'{name} failed:\n{traceback.format_exc()}', throttle_duration_sec=REPEAT_AFTER_S)
    events = getattr(node, 'events', None)  # only the tracker has some
    if isinstance(events, EventLog):
        text = ' '.join(f'{name} failed: {type(error).__name__}: {error}'.split())
        events.emit(EventCode.CALLBACK_FAILED, text, at_most_every_s=REPEAT_AFTER_S)
