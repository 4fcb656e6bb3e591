"""Clicks on the overlay become prompts: rqt_image_view publishes them where a person switches its mouse on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from geometry_msgs.msg import Point
from rclpy.node import Node

from sam2s_model import PointPrompt
from sam2s_ros.callback_guard import guarded
from sam2s_ros.inference_worker import TooManyCommands
from sam2s_ros.output_images import shrinkage
from sam2s_ros.prompt_codes import PromptMode
from sam2s_ros.prompting import BatchOutcome, PromptRequest
from sam2s_ros.tracking_session import TrackingSession

TOPICS = ('~/overlay_mouse_left', '~/overlay/compressed_mouse_left')


class MouseClicks:
    """Each click on the overlay adds an object at that place of the newest image, while ``is_wanted`` says so.

    Args:
        node: Owner of the subscriptions.
        submit: Has the worker run a command.
        session: What the clicks are for.
        max_side: Gives the side to which the overlay is shrunk, pixels.
        is_wanted: Whether clicks count at this moment.
    """

    def __init__(
        self,
        node: Node,
        submit: Callable[[Callable[[], BatchOutcome]], Future[BatchOutcome]],
        session: TrackingSession,
        max_side: Callable[[], int],
        is_wanted: Callable[[], bool],
    ) -> None:
        self._node = node
        self._submit = submit
        self._session = session
        self._max_side, self._is_wanted = max_side, is_wanted
        self._subscriptions = [
            node.create_subscription(Point, topic, guarded(node, self._on_click), 10) for topic in TOPICS
        ]

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_click(self, click: Point) -> None:
        if not self._is_wanted():
            return
        try:
            self._submit(partial(self._add, click.x, click.y)).add_done_callback(self._tell_refusal)
        except TooManyCommands as error:
            self._node.get_logger().warning(f'click on the overlay refused: {error}')

    def _add(self, x: float, y: float) -> BatchOutcome:
        def place(height: int, width: int) -> PointPrompt:
            k = shrinkage(height, width, self._max_side())
            return PointPrompt(((x * k + (k - 1) / 2, y * k + (k - 1) / 2),), (1,))

        return self._session.add_prompts([PromptRequest('', '', PromptMode.NEW, place)], 0, atomic=True)

    def _tell_refusal(self, answer: Future[Any]) -> None:
        if answer.cancelled():
            return
        error = answer.exception()
        refusal = None if error else answer.result().first_refusal
        reason = str(error) if error else refusal.message if refusal else ''
        if reason:
            self._node.get_logger().warning(f'click on the overlay refused: {reason}')
