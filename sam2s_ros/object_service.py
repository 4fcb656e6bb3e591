"""Answers requests about the objects that are tracked, and about tracking itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from std_srvs.srv import SetBool

from sam2s_msgs.srv import EditObject, GetObjects, RemoveObjects
from sam2s_ros.conversions import track
from sam2s_ros.prompting import PromptRefused
from sam2s_ros.tracking_session import TrackingSession


class ObjectService:
    """Brings requests to the session in the worker's thread and its answers back.

    Args:
        ask: Has the worker run a command and gives its result; raises `PromptRefused`.
        session: What the requests are for.
        pause: Stops and continues the tracking of images; from any thread.
    """

    def __init__(
        self, ask: Callable[[Callable[[], Any]], Any], session: TrackingSession, pause: Callable[[bool], None]
    ) -> None:
        self._ask = ask
        self._session = session
        self._pause = pause

    def remove(self, request: RemoveObjects.Request, response: RemoveObjects.Response) -> RemoveObjects.Response:
        """Stop tracking some objects, or all."""
        removed = self._answer(response, partial(self._session.remove, request.object_ids))
        response.removed = list(removed or ())
        return response

    def edit(self, request: EditObject.Request, response: EditObject.Response) -> EditObject.Response:
        """Give an object another class name."""
        number = self._answer(response, partial(self._session.relabel, request.object_id, request.label))
        response.class_id = number or 0
        return response

    def list_all(self, _request: GetObjects.Request, response: GetObjects.Response) -> GetObjects.Response:
        """Who is tracked."""
        objects = self._answer(response, self._session.objects)
        response.session_id = self._session.session_id
        response.objects = [track(found) for found in objects or ()]
        return response

    def set_paused(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Stop or continue to track; needs no worker, so that it never waits."""
        self._pause(request.data)
        response.success, response.message = True, 'paused' if request.data else 'tracking'
        return response

    def freeze_memory(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Follow the objects without remembering anything new, or remember again."""
        try:
            self._ask(partial(self._session.hold_memory, request.data))
        except PromptRefused as refusal:
            response.message = str(refusal)
            return response
        response.success, response.message = True, 'memory is held' if request.data else 'memory takes new images'
        return response

    def _answer(self, response: Any, command: Callable[[], Any]) -> Any:
        """Fill in success, code and message; gives the result, None where there is none."""
        try:
            result = self._ask(command)
        except PromptRefused as refusal:
            response.code, response.message = int(refusal.code), str(refusal)
            return None
        response.success = True
        return result
