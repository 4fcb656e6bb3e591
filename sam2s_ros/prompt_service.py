"""Answers ~/add_prompts and ~/reset. The worker does the work; here a request only waits for it, and not for ever."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotInTime
from functools import partial
from typing import Any

from rclpy.impl.rcutils_logger import RcutilsLogger
from std_srvs.srv import Trigger

from sam2s_model import InvalidPrompt
from sam2s_msgs.srv import AddPrompts
from sam2s_ros.conversions import prompt_request, prompt_result, stamp_ns, time_message, track_array
from sam2s_ros.inference_worker import InferenceWorker, TooManyCommands, WorkerStopped
from sam2s_ros.prompt_codes import PromptCode
from sam2s_ros.prompting import BatchOutcome, PromptOutcome, PromptRefused
from sam2s_ros.tracking_session import TrackingSession


class PromptService:
    """Brings requests to the session in the worker's thread and its answers back.

    Args:
        worker: The thread that owns the session.
        session: What the requests are for.
        max_wait_s: Longest time that a request may wait.
        logger: Told of errors of ours.
    """

    def __init__(
        self,
        worker: InferenceWorker[Any, Any],
        session: TrackingSession,
        max_wait_s: float,
        logger: RcutilsLogger,
    ) -> None:
        self._worker = worker
        self._session = session
        self.max_wait_s = max_wait_s
        self._logger = logger

    def add_prompts(self, request: AddPrompts.Request, response: AddPrompts.Response) -> AddPrompts.Response:
        """Apply a batch of prompts, or say for each one why not."""
        ids = [prompt.object_id for prompt in request.prompts]
        try:
            if not ids:
                raise PromptRefused(PromptCode.INVALID, 'the request holds no prompt')
            batch = self._ask(self._reading(request), self._wait_s(request.timeout))
        except PromptRefused as refusal:
            code = _code_for(refusal, request.return_masks)
            batch = BatchOutcome(tuple(PromptOutcome(object_id, code, str(refusal)) for object_id in ids))
            response.message, response.code = str(refusal), int(code)
        return _filled(response, batch, request.return_masks)

    def reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Forget all objects and begin a new session."""
        try:
            self._ask(self._session.reset, self.max_wait_s)
        except PromptRefused as refusal:
            response.message = str(refusal)
            return response
        response.success, response.message = True, f'new session {self._session.session_id}'
        return response

    def _reading(self, request: AddPrompts.Request) -> Callable[[], BatchOutcome]:
        try:
            requests = [prompt_request(prompt) for prompt in request.prompts]
        except InvalidPrompt as error:
            raise PromptRefused(PromptCode.INVALID, str(error)) from error
        return partial(self._session.add_prompts, requests, stamp_ns(request.header.stamp), request.atomic)

    def _wait_s(self, asked_s: float) -> float:
        return min(max(asked_s, 0.0), self.max_wait_s) if math.isfinite(asked_s) else self.max_wait_s

    def _ask(self, command: Callable[[], Any], timeout_s: float) -> Any:
        """Have the worker run a command and wait for its result.

        Raises:
            PromptRefused: There is none, for whatever reason.
        """
        try:
            return self._worker.submit(command).result(timeout_s)
        except TooManyCommands as error:
            raise PromptRefused(PromptCode.BUSY, str(error)) from error
        except (WorkerStopped, CancelledError) as error:
            raise PromptRefused(PromptCode.NOT_ACTIVE, 'the tracker is not active') from error
        except NotInTime as error:
            reason = f'no result within {timeout_s:g} s; it may still be applied'
            raise PromptRefused(PromptCode.TIMEOUT, reason) from error
        except MemoryError as error:
            raise PromptRefused(PromptCode.OOM, str(error) or 'out of memory') from error
        except Exception as error:
            self._logger.error(f'a request failed:\n{traceback.format_exc()}', throttle_duration_sec=5.0)
            raise PromptRefused(PromptCode.INTERNAL, f'{type(error).__name__}: {error}') from error


def _code_for(refusal: PromptRefused, wants_masks: bool) -> PromptCode:
    """Who did not ask for masks need not wait: the prompts are queued then."""
    return PromptCode.QUEUED if refusal.code == PromptCode.TIMEOUT and not wants_masks else refusal.code


def _filled(response: AddPrompts.Response, batch: BatchOutcome, with_masks: bool) -> AddPrompts.Response:
    response.results = [prompt_result(outcome) for outcome in batch.outcomes]
    refusal = batch.first_refusal
    if refusal is not None:
        response.code, response.message = int(refusal.code), refusal.message
    response.success = response.code in (PromptCode.OK, PromptCode.QUEUED)
    if batch.tracked is not None:
        response.applied_stamp = time_message(batch.tracked.image.stamp_ns)
        if with_masks:
            response.tracks = track_array(batch.tracked)
    return response
